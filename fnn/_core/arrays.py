"""Read-only arrays, and tuples rebuilt in the class that they had."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from fnn.base import Array

set_write: Any = np.ndarray.setflags
"""``set_write(array, False)`` makes an array read-only. By name, as NumPy's type stubs want it, the
argument costs three times as much, and every step of training does this many times."""

T = TypeVar("T")
A = TypeVar("A", bound=Array)


def frozen(array: A) -> A:
    """Make an array that fnn has just allocated read-only, and return it."""
    set_write(array, False)
    return array


def rebuild(like: T, children: list[Any]) -> T:
    """Make a tuple or NamedTuple of the class of `like` of new children."""
    make: Any = getattr(type(like), "_make", type(like))
    tree: T = make(children)
    return tree
