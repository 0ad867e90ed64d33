"""Rules for every function of a pair: its shape and dtype, samples independent, arguments kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from fnn.base import Array
from fnn.testing._differences import EXACT

Function: TypeAlias = Callable[..., Array]
Arrays: TypeAlias = Sequence[Array]


def checked_result(
    name: str, rule: str, f: Function, args: Arrays, shape: tuple[int, ...], views: Sequence[Any]
) -> Array:
    """The result of f(*args), which has `shape`; an `AssertionError` if f breaks a rule of pairs.

    The results for each of `views` of the arguments must be those views of the result; `rule` says
    so in words.
    """
    with np.errstate(all="ignore"):
        whole = _call(name, rule, f, args, shape)
        for view in views:
            parts = [a[view] for a in args]
            part = _call(name, rule, f, parts, whole[view].shape)
            if not np.allclose(part, whole[view], EXACT, EXACT, equal_nan=True):
                i = np.abs(part - whole[view]).argmax()
                raise AssertionError(
                    f"{name}: expected {rule}, got {whole[view].flat[i]} in {args[0].shape} and"
                    f" {part.flat[i]} of the same in {parts[0].shape}"
                )
    return whole


def _call(name: str, rule: str, f: Function, args: Arrays, shape: tuple[int, ...]) -> Array:
    """The result of f, if it has the shape and the dtype and f leaves its arguments unchanged."""
    copies = [a.copy() for a in args]
    result = np.asarray(f(*copies))
    if not all(np.array_equal(*both, equal_nan=True) for both in zip(copies, args, strict=True)):
        raise AssertionError(
            f"{name}: expected its arguments unchanged, but it writes into them;"
            " make a new array, as `z * 2` does and `z *= 2` does not"
        )
    if result.shape != shape:
        raise AssertionError(
            f"{name}: expected {rule}, so {shape}; got {result.shape} of {args[0].shape}"
        )
    if result.dtype != args[0].dtype:
        first = "z" if name.startswith("activation") else "output"
        raise AssertionError(
            f"{name}: expected {args[0].dtype} of {args[0].dtype} arguments, got {result.dtype};"
            f" end it with .astype({first}.dtype, copy=False)"
        )
    return result


def check_float32(name: str, rule: str, f: Function, args: Arrays, shape: tuple[int, ...]) -> None:
    """Assert that f keeps float32; to be called last, as a wrong number is worse."""
    with np.errstate(all="ignore"):
        _call(name, rule, f, [a.astype(np.float32) for a in args], shape)
