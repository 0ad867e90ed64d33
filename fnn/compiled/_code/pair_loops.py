"""Loops around the functions of activation and loss pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.np.numpy_support import carray

from fnn.compiled._code.each import each
from fnn.compiled._code.jit import jitted
from fnn.compiled._code.pointers import P, offset, readonly
from fnn.compiled._plan.targets import Form

Function = Callable[..., Any]


def of_numbers(count: int, number: Any, function: Function) -> Any:
    """`jitted`, and compiled for `count` numbers at once: an error names it, not the loop."""
    made = jitted(function)
    made.compile((numba.from_dtype(np.dtype(number)),) * count)
    return made


def value_and_slope(f: Function, df: Function, number: Any) -> Function:
    """A loop that sets ``a = f(z)`` and ``d = df(z, a)``."""

    def one(z: float) -> Any:
        a = number(f(z))
        return a, number(df(z, a))

    both = of_numbers(1, number, one)

    def loop(n: int, z: P, a: P, d: P) -> None:
        each(both, n, (z,), (a, d))

    return loop


def value(f: Function, number: Any) -> Function:
    """A loop that sets ``a = f(z)``."""
    one = of_numbers(1, number, lambda z: (number(f(z)),))

    def loop(n: int, z: P, a: P) -> None:
        each(one, n, (z,), (a,))

    return loop


def sum_and_slope(term: Function, df: Function, number: Any) -> Function:
    """A loop that sums ``term(output, target)`` and sets slopes, for a loss of a term an output."""
    one = of_numbers(2, number, lambda output, target: (number(term(output, target)),))
    prime = of_numbers(2, number, lambda output, target: (number(df(output, target)),))

    def loop(n: int, output: P, target: P, slope: P) -> float:
        each(one, n, (output, target), (slope,))  # the terms: there is no other room for them
        total = 0.0
        for i in range(n):
            total += slope[i]
        each(prime, n, (output, target), (slope,))
        return float(number(total))  # inf where float32 ends

    return loop


def as_function(ufunc: Function) -> Function:
    """A function that calls a ufunc, which numba does not take for a function."""

    def called(*rest: Any) -> Any:
        return ufunc(*rest)

    return called


def of_known_targets(of: Function) -> Function:
    """The function, with 0 for its value where the target is NaN."""

    def term(output: float, target: float) -> Any:
        return of(output, target) if target == target else 0.0

    return term


def loss_and_slope(f: Function, df: Function, number: Any) -> Function:
    """A function of vectors that sets slopes, for a loss that ties its outputs together."""
    return slopes_at_once(f, df, number, lambda target, n: readonly(carray(target, (n,))))


def label_loss_and_slope(f: Function, df: Function, number: Any) -> Function:
    """A function of a vector and a class label that sets slopes."""
    return slopes_at_once(f, df, number, lambda target, n: np.intp(target[0]))


def slopes_at_once(f: Function, df: Function, number: Any, read: Function) -> Function:
    """A function of a vector and of what `read` makes of a target, that sets slopes."""
    read = jitted(read)

    def loop(n: int, output: P, target: P, slope: P) -> float:
        o, y = readonly(carray(output, (n,))), read(target, n)
        for i in range(n):
            slope[i] = math.nan  # the slopes if an exception is raised; the loss is NaN then, too
        total = float(np.asarray(f(o, y)).item())
        slopes = df(o, y)
        if len(slopes) != n:
            return math.nan
        for i in range(n):
            slope[i] = number(slopes[i])
        return total

    return loop


def weighted_sum_and_slope(term: Function, df: Function, number: Any) -> Function:
    """`sum_and_slope` for targets whose weights follow them."""
    one = of_numbers(3, number, lambda o, y, w: (number(w * term(o, y)),))
    prime = of_numbers(3, number, lambda o, y, w: (number(w * df(o, y)),))

    def loop(n: int, output: P, target: P, slope: P) -> float:
        weight = offset(target, n)
        each(one, n, (output, target, weight), (slope,))
        total = 0.0
        for i in range(n):
            total += slope[i]
        each(prime, n, (output, target, weight), (slope,))
        return float(number(total))

    return loop


def weighted_loss_and_slope(f: Function, df: Function, number: Any) -> Function:
    """`loss_and_slope` of one output after another, for targets whose weights follow them."""
    alone = jitted(loss_and_slope(f, df, number))

    def loop(n: int, output: P, target: P, slope: P) -> float:
        weight = offset(target, n)
        total = 0.0
        for i in range(n):
            part = alone(1, offset(output, i), offset(target, i), offset(slope, i))
            total += np.float64(weight[i]) * part
            slope[i] *= weight[i]
        return total

    return loop


LOSSES: dict[tuple[Form, bool], Callable[..., Function]] = {
    ("plain", True): sum_and_slope,
    ("plain", False): loss_and_slope,
    ("weighted", True): weighted_sum_and_slope,
    ("weighted", False): weighted_loss_and_slope,
    ("labels", False): label_loss_and_slope,
}
"""The loop for targets of a form, and for a loss that is a sum of terms or another."""
