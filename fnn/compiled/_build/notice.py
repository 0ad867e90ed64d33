"""A line on stderr when compiling keeps someone waiting for more than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""Seconds of compiling, in a process altogether, before the line is written."""


class _Spent:
    """Seconds spent compiling in this process, and whether the line was written."""

    seconds = 0.0
    written = False


@contextmanager
def compiling() -> Iterator[None]:
    """Write the line, once, as soon as this process has been compiling for a second in all."""
    timer = threading.Timer(max(0.0, PATIENCE - _Spent.seconds), _write)
    timer.daemon = True
    if not _Spent.written:
        timer.start()
    begun = time.perf_counter()
    try:
        yield
    finally:
        timer.cancel()
        _Spent.seconds += time.perf_counter() - begun


def _write() -> None:
    _Spent.written = True
    print("fnn.compiled: compiling for this processor ...", file=sys.stderr, flush=True)
