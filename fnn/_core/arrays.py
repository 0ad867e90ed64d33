"""Read-only arrays, and tuples rebuilt in the class that they had."""

from __future__ import annotations

from typing import Any, TypeVar

from fnn.base import Array

T = TypeVar("T")
A = TypeVar("A", bound=Array)


def frozen(array: A) -> A:
    """The same array, read-only from now on: for arrays that fnn has just allocated."""
    array.setflags(write=False)
    return array


def rebuild(like: T, children: list[Any]) -> T:
    """A tuple or NamedTuple of the class of `like` around new children."""
    make: Any = getattr(type(like), "_make", type(like))
    tree: T = make(children)
    return tree
