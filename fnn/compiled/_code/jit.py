"""Options of numba that all compiled functions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_OPTIONS: Any = {
    "error_model": "numpy",
    "boundscheck": True,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def jitted(function: Callable[..., Any]) -> Any:
    """A function that compiled code alone can call, in which dividing by 0 is as in NumPy."""
    return numba.njit(**_OPTIONS)(function)
