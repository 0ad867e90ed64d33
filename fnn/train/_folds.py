"""Folds: training is one of these two over a sequence of batches. They know nothing of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeVar

C = TypeVar("C")
X = TypeVar("X")
Y = TypeVar("Y")


def fold(f: Callable[[C, X], C], init: C, xs: Iterable[X]) -> C:
    """The carry after `f(carry, x)` was applied to every `x` in turn, starting from `init`.

    >>> fold(lambda total, x: total + x, 0, [1, 2, 3])
    6
    """
    return reduce(f, xs, init)


def scan(f: Callable[[C, X], tuple[C, Y]], init: C, xs: Iterable[X]) -> tuple[C, tuple[Y, ...]]:
    """The last carry, and the outputs ``y`` of every ``carry, y = f(carry, x)``.

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
