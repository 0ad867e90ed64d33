"""Machine code as functions that Python can call.

A call releases the interpreter's lock, except where the signature is brief. Pointers are passed as
integers, or as bytes to read from.
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

_KINDS: dict[str, Any] = {"v": None, "f": ctypes.c_double, "b": ctypes.c_char_p}
_KINDS |= dict.fromkeys("nFiI", ctypes.c_int64)


@lru_cache(maxsize=64)
def kernel_address(name: str, dtype: np.dtype[Any]) -> int:
    """The address of the kernel of this name, for networks of this dtype."""

    def build() -> Modules:
        from fnn.compiled._build import compiler

        return compiler.kernel(name, dtype)

    return addresses(f"kernel {name} {dtype}", build)[name]


@lru_cache(maxsize=64)
def kernel(name: str, dtype: np.dtype[Any]) -> Callable[..., Any]:
    """The kernel of this name, for networks of this dtype."""
    return function_at(name, kernel_address(name, dtype))


def function_at(name: str, place: int) -> Callable[..., Any]:
    """The function at an address, which has the signature of this name."""
    made: Callable[..., Any] = _prototype(name)(place)
    return made


@lru_cache(maxsize=64)
def _prototype(name: str) -> Any:
    signed = SIGNATURES[name]
    prototype = ctypes.PYFUNCTYPE if signed.brief else ctypes.CFUNCTYPE
    return prototype(_KINDS[signed.result], *[_KINDS[letter] for letter in signed.letters])


def address_of(array: Array) -> int:
    """The address of an array's numbers."""
    found: int = array.ctypes.data
    return found
