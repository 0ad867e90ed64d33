"""Folds of a function over a sequence. They know nothing of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeVar

C = TypeVar("C")
X = TypeVar("X")
Y = TypeVar("Y")


def fold(f: Callable[[C, X], C], init: C, xs: Iterable[X]) -> C:
    """Apply ``carry = f(carry, x)`` to every `x` in turn, from `init` on, and return the carry.

    >>> fold(lambda total, x: total + x, 0, [1, 2, 3])
    6
    """
    return reduce(f, xs, init)


def scan(f: Callable[[C, X], tuple[C, Y]], init: C, xs: Iterable[X]) -> tuple[C, tuple[Y, ...]]:
    """Apply ``carry, y = f(carry, x)`` to every `x`, and return the last carry and all ``y``.

    The law, as for ``jax.lax.scan``, is the loop below; an exception leaves `init` as it was.

    >>> scan(lambda total, x: (total + x, total * x), 0, [1, 2, 3])
    (6, (0, 2, 9))
    """
    carry = init
    ys: list[Y] = []
    for x in xs:
        carry, y = f(carry, x)
        ys.append(y)
    return carry, tuple(ys)
