"""The machine code of this package's own functions, as functions that Python can call.

A call releases the interpreter's lock, but for `predict`. Pointers are passed as integers, or as
bytes to read from.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from fnn.base import Array
from fnn.compiled._build.cache import Modules, addresses
from fnn.compiled._plan.signatures import SIGNATURES

_INT = ctypes.c_int64
_OTHERS: dict[str, Any] = {"v": None, "f": ctypes.c_double, "b": ctypes.c_char_p}


@lru_cache(maxsize=64)
def address(name: str, dtype: np.dtype[Any]) -> int:
    """Where the function of this name is, for numbers of this dtype."""

    def build() -> Modules:
        from fnn.compiled._build import compiler as build

        return build.kernel(name, dtype)

    return addresses(f"kernel {name} {dtype}", build)[name]


@lru_cache(maxsize=64)
def function(name: str, dtype: np.dtype[Any]) -> Callable[..., Any]:
    """The function itself."""
    result, arguments = SIGNATURES[name]
    kinds = [_OTHERS.get(letter, _INT) for letter in (result, *arguments.split())]
    # predict is short: not worth a release of the lock
    prototype = ctypes.PYFUNCTYPE if name == "predict" else ctypes.CFUNCTYPE
    return prototype(*kinds)(address(name, dtype))


def where(array: Array) -> int:
    """The address of an array's numbers."""
    found: int = array.ctypes.data
    return found


_ACTIVATION = ctypes.CFUNCTYPE(None, *[_INT] * 4)
_VALUE = ctypes.CFUNCTYPE(None, *[_INT] * 3)


_LOSS = ctypes.CFUNCTYPE(ctypes.c_double, *[_INT] * 4)


def activation(place: int) -> Callable[..., None]:
    """The function (n, z, a, d) of an activation pair's code."""
    return _ACTIVATION(place)


def value(place: int) -> Callable[..., None]:
    """The function (n, z, a) of it."""
    return _VALUE(place)


def loss(place: int) -> Callable[..., float]:
    """The function (n, output, target, slope) of a loss pair's code."""
    return _LOSS(place)
