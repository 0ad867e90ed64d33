"""Room for arrays: those that would not fit in memory are refused before anything is computed."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fnn.base import F

SMALL = 2**24
"""Bytes, 16 MiB, up to which arrays are not questioned: asking the system takes 30 us."""

# What the system can give without swapping, and the limit of a container.
_FREE = Path("/proc/meminfo")
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_room(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, content: str, remedy: str
) -> None:
    """Raise `ValueError` if an array would take over half of what is `available`.

    Half, because something will be computed from it. The error blames the argument `name`, says
    that the array would hold `content`, and ends with the `remedy`.
    """
    size = math.prod(shape) * dtype.itemsize
    if size > SMALL and size > (room := available() / 2):
        found = f"{_readable(room)}, half of what is free"
        raise _refusal(shape, dtype, name, content, found, remedy)


def allocate(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, content: str, remedy: str
) -> NDArray[F]:
    """A new array, not yet filled, after `check_room`."""
    check_room(shape, dtype, name, content, remedy)
    try:
        return np.empty(shape, dtype)
    except MemoryError:  # a limit of the process, or a system that does not say what is free
        raise _refusal(shape, dtype, name, content, "none from the system", remedy) from None


def _refusal(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, content: str, room: str, remedy: str
) -> ValueError:
    size = _readable(math.prod(shape) * dtype.itemsize)
    return ValueError(
        f"{name}: expected room for {content}, {shape} in {dtype}, which would take"
        f" {size}, got {room}; {remedy}"
    )


def available() -> float:
    """Bytes that can be allocated without swapping; infinity where the system does not say."""
    free = _bytes_in(_FREE, r"MemAvailable:\s+(\d+)", 1024)
    return min(free, _bytes_in(_LIMIT, r"(\d+)", 1), _physical())


def _bytes_in(path: Path, pattern: str, unit: int) -> float:
    """The first number in a file of the system, times its unit; infinity if there is none."""
    try:
        found = re.match(f"(?s:.*?){pattern}", path.read_text("ascii"))
    except (OSError, UnicodeError):
        found = None
    return int(found[1]) * unit if found else math.inf


def _physical() -> float:
    """Bytes of memory in the machine; infinity where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return math.inf


def _readable(size: float) -> str:
    """A number of bytes for people.

    >>> _readable(2.5e9)
    '2.5 GB'
    """
    unit = min(max(int(math.log10(max(size, 1)) // 3), 0), 6)
    return f"{size / 1000**unit:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[unit]}"
