"""Loops around the functions of a pair. They are compiled: in Python these lines never run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.np.numpy_support import carray

from fnn.compiled._code.each import each
from fnn.compiled._code.kernels import P
from fnn.compiled._code.pointers import readonly

Function = Callable[..., Any]


_OPTIONS: Any = {
    "error_model": "numpy",
    "boundscheck": True,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def jitted(function: Function) -> Any:
    """A function of numba's for compiled code alone; dividing by 0 is as in NumPy."""
    return numba.njit(**_OPTIONS)(function)


def of_numbers(count: int, number: Any, function: Function) -> Any:
    """The same, compiled at once for so many numbers: complaints are about it, not about a loop."""
    made = jitted(function)
    made.compile((numba.from_dtype(np.dtype(number)),) * count)
    return made


def value_and_slope(f: Function, df: Function, number: Any) -> Function:
    """``a = f(z)`` and ``d = df(z, a)``."""

    def one(z: float) -> Any:
        a = number(f(z))
        return a, number(df(z, a))

    both = of_numbers(1, number, one)

    def loop(n: int, z: P, a: P, d: P) -> None:
        each(both, n, (z,), (a, d))

    return loop


def value(f: Function, number: Any) -> Function:
    """``a = f(z)``."""
    one = of_numbers(1, number, lambda z: (number(f(z)),))

    def loop(n: int, z: P, a: P) -> None:
        each(one, n, (z,), (a,))

    return loop


def sum_and_slope(term: Function, df: Function, number: Any) -> Function:
    """The sum of ``term(output, target)`` and its derivative, for a loss of one term an output."""
    one = of_numbers(2, number, lambda output, target: (number(term(output, target)),))
    prime = of_numbers(2, number, lambda output, target: (number(df(output, target)),))

    def loop(n: int, output: P, target: P, slope: P) -> float:
        each(one, n, (output, target), (slope,))  # the terms, for lack of another place
        total = 0.0
        for i in range(n):
            total += slope[i]
        each(prime, n, (output, target), (slope,))
        return float(number(total))  # beyond float32 it is inf there

    return loop


def calling(ufunc: Function) -> Function:
    """A function that calls a ufunc, which is none to numba."""

    def called(*rest: Any) -> Any:
        return ufunc(*rest)

    return called


def known(of: Function) -> Function:
    """``of(output, target)``, and 0 where the target is NaN."""

    def term(output: float, target: float) -> Any:
        return of(output, target) if target == target else 0.0

    return term


def loss_and_slope(f: Function, df: Function, number: Any) -> Function:
    """The same for a loss that ties its outputs together: it gets them as vectors."""

    def whole(n: int, output: P, target: P, slope: P) -> float:
        o, y = readonly(carray(output, (n,))), readonly(carray(target, (n,)))
        for i in range(n):
            slope[i] = math.nan  # for what raises an exception: the sum is NaN then, too
        total = float(np.asarray(f(o, y)).item())
        slopes = df(o, y)
        if len(slopes) != n:
            return math.nan
        for i in range(n):
            slope[i] = number(slopes[i])
        return total

    return whole
