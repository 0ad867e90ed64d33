"""Refuse arrays that would not fit in memory, before anything is computed."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fnn.base import F

SMALL = 2**24
"""Bytes, 16 MiB, up to which arrays are not checked: asking the system takes 30 us."""

# Linux: memory that can be had without swapping, and the limit of a container.
_FREE = Path("/proc/meminfo")
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_room(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, what: str, remedy: str
) -> None:
    """Raise `ValueError` if an array would take over half of the memory that is `available`.

    Half, because whoever asks for it will want to compute with it. `name` is the argument at fault,
    `what` the array would be.
    """
    size = math.prod(shape) * dtype.itemsize
    if size > SMALL and size > (room := available() / 2):
        raise _refusal(shape, dtype, name, what, f"{_readable(room)}, half of what is free", remedy)


def empty(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, what: str, remedy: str
) -> NDArray[F]:
    """A new array, not yet filled; `ValueError` as by `check_room` if there is no memory for it."""
    check_room(shape, dtype, name, what, remedy)
    try:
        return np.empty(shape, dtype)
    except MemoryError:  # a limit of the process, or a system that does not say
        raise _refusal(shape, dtype, name, what, "none from the system", remedy) from None


def _refusal(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, what: str, room: str, remedy: str
) -> ValueError:
    return ValueError(
        f"{name}: expected room for {what}, {shape} in {dtype}, which would take"
        f" {_readable(math.prod(shape) * dtype.itemsize)}, got {room}; {remedy}"
    )


def available() -> float:
    """Bytes that can be had without swapping, or infinity if the system does not say."""
    free = _number(_FREE, r"MemAvailable:\s+(\d+)", 1024)
    return min(free, _number(_LIMIT, r"(\d+)", 1), _physical())


def _number(path: Path, pattern: str, unit: int) -> float:
    """Bytes that a file of the system tells, or infinity."""
    try:
        found = re.match(f"(?s:.*?){pattern}", path.read_text("ascii"))
    except (OSError, UnicodeError):
        found = None
    return int(found[1]) * unit if found else math.inf


def _physical() -> float:
    """Bytes of memory in the machine, or infinity."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return math.inf


def _readable(size: float) -> str:
    """A size in bytes with a unit for people.

    >>> _readable(2.5e9)
    '2.5 GB'
    """
    unit = min(max(int(math.log10(max(size, 1)) // 3), 0), 6)
    return f"{size / 1000**unit:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[unit]}"
