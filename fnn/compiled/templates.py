"""Loops around the functions of a pair. They are compiled: in Python these lines never run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.np.numpy_support import carray

from fnn.compiled.kernels import P
from fnn.compiled.lanes import readonly

Function = Callable[..., Any]


def value_and_slope(f: Function, df: Function, number: Any) -> Function:
    """``a = f(z)`` and ``d = df(z, a)``."""

    def loop(n: int, z: P, a: P, d: P) -> None:
        for i in range(n):
            zi = z[i]
            ai = number(f(zi))
            a[i] = ai
            d[i] = number(df(zi, ai))

    return loop


def value(f: Function, number: Any) -> Function:
    """``a = f(z)``."""

    def loop(n: int, z: P, a: P) -> None:
        for i in range(n):
            a[i] = number(f(z[i]))

    return loop


def sum_and_slope(term: Function, df: Function, number: Any) -> Function:
    """The sum of ``term(output, target)`` and its derivative, for a loss of one term an output."""

    def loop(n: int, output: P, target: P, slope: P) -> float:
        total = 0.0
        for i in range(n):
            total += number(term(output[i], target[i]))
            slope[i] = number(df(output[i], target[i]))
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
        total = float(np.asarray(f(o, y)).item())
        slopes = df(o, y)
        if len(slopes) != n:
            return math.nan
        for i in range(n):
            slope[i] = number(slopes[i])
        return total

    return whole
