"""A word on stderr where compiling keeps someone waiting for more than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0


class _Spent:
    """Seconds spent compiling in this process, and whether it was said."""

    seconds = 0.0
    said = False


@contextmanager
def compiling() -> Iterator[None]:
    """Say once what takes so long, as soon as a process has compiled for a second in all."""
    timer = threading.Timer(max(0.0, PATIENCE - _Spent.seconds), _say)
    timer.daemon = True
    if not _Spent.said:
        timer.start()
    begun = time.perf_counter()
    try:
        yield
    finally:
        timer.cancel()
        _Spent.seconds += time.perf_counter() - begun


def _say() -> None:
    _Spent.said = True
    print("fnn.compiled: compiling for this processor ...", file=sys.stderr, flush=True)
