"""Arrays that would not fit in memory are refused before they are begun."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fnn.base import F

SMALL = 2**24
"""Arrays of up to so many bytes, 16 MiB, are not questioned: asking the system takes 30 us."""

# What the system says it can give without swapping, and a container's limit.
_FREE = Path("/proc/meminfo")
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_room(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, what: str, remedy: str
) -> None:
    """A `ValueError` if an array would take over half of what is `available`.

    Half, because whoever asks for it will want to compute with it.
    """
    size = math.prod(shape) * dtype.itemsize
    if size > SMALL and size > (room := available() / 2):
        raise _refusal(shape, dtype, name, what, f"{_brief(room)}, half of what is free", remedy)


def empty(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, what: str, remedy: str
) -> NDArray[F]:
    """A new array, not yet filled, for which there is room."""
    check_room(shape, dtype, name, what, remedy)
    try:
        return np.empty(shape, dtype)
    except MemoryError:  # a limit of the process, or a system that told nothing
        raise _refusal(shape, dtype, name, what, "none from the system", remedy) from None


def _refusal(
    shape: tuple[int, ...], dtype: np.dtype[F], name: str, what: str, room: str, remedy: str
) -> ValueError:
    return ValueError(
        f"{name}: expected room for {what}, {shape} in {dtype}, which would take"
        f" {_brief(math.prod(shape) * dtype.itemsize)}, got {room}; {remedy}"
    )


def available() -> float:
    """How many bytes can be had without swapping, as far as the system tells, or else infinity."""
    return min(_number(_FREE, r"MemAvailable:\s+(\d+)", 1024), _number(_LIMIT, r"(\d+)", 1), _all())


def _number(path: Path, pattern: str, unit: int) -> float:
    try:
        found = re.match(f"(?s:.*?){pattern}", path.read_text("ascii"))
    except (OSError, UnicodeError):
        found = None
    return int(found[1]) * unit if found else math.inf


def _all() -> float:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return math.inf


def _brief(size: float) -> str:
    """A size in bytes, for people.

    >>> _brief(2.5e9)
    '2.5 GB'
    """
    unit = min(max(int(math.log10(max(size, 1)) // 3), 0), 6)
    return f"{size / 1000**unit:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[unit]}"
