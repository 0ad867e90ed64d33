"""A user's pair, once it is compiled, is compared with itself on a few numbers.

Machine code calls an activation number by number, and a loss sample by sample. A pair may compile
for that and yet mean something else by an array, which only shows in what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnn.base import Array
from fnn.compiled._runtime.calls import activation, loss, where

Function = Callable[..., Any]


class DifferenceError(Exception):
    """What compiled code expects of a pair, which this one is not."""


def compare_activation(f: Function, df: Function, dtype: np.dtype[Any], place: int) -> None:
    """Have the same values and slopes for an array as for its numbers."""
    z = np.linspace(-3.1, 3.3, 30).astype(dtype).reshape(6, 5)
    a, d = np.empty_like(z), np.empty_like(z)
    with np.errstate(all="ignore"):
        expected = f(z.copy())
        slopes = df(z.copy(), np.array(expected))
    activation(place)(z.size, where(z), where(a), where(d))
    if not (_same(a, expected) and _same(d, slopes)):
        raise DifferenceError("that acts on each number alone")


def compare_loss(f: Function, df: Function, dtype: np.dtype[Any], width: int, place: int) -> None:
    """Have the same loss and slopes for a sample."""
    wrong: Exception | None = None
    compared = False
    for output, target in _samples(dtype, width):
        slope = np.empty_like(output)
        try:
            with np.errstate(all="ignore"):
                expected = f(output.copy(), target.copy())
                slopes = df(output.copy(), target.copy())
        except Exception as error:  # it may be one for other targets
            wrong = error
            continue
        given = output.copy(), target.copy()
        value = np.array(loss(place)(width, where(output), where(target), where(slope)), dtype)
        if not all(map(np.array_equal, given, (output, target))):
            raise DifferenceError("that leaves its arguments as they are")
        if not (_same(value, expected) and _same(slope, slopes)):
            raise DifferenceError(f"with one loss and {width} slopes for a sample of {width}")
        compared = True
    if wrong is not None and not compared:
        raise wrong


def _samples(dtype: np.dtype[Any], width: int) -> Iterator[tuple[Array, Array]]:
    """Outputs, with targets that are classes, signs, labels or any numbers."""
    output = np.linspace(-1.3, 1.7, width).astype(dtype)
    for target in (np.arange(width) == 0, 1 - 2 * (np.arange(width) % 2), np.cos(output)):
        yield output, target.astype(dtype)


def _same(found: Array, expected: Any) -> bool:
    """Whether it is, but for the roundings of half the digits."""
    near = float(np.sqrt(np.finfo(found.dtype).eps))
    return np.shape(expected) == found.shape and np.allclose(
        found, expected, near, near, equal_nan=True
    )
