"""Comparison of a user's compiled pair with itself in NumPy, on a few numbers.

Machine code calls an activation number by number, and a loss sample by sample. A pair may compile
for that and yet mean something else by an array, which shows only in what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnn.base import Array
from fnn.compiled._plan.targets import Form
from fnn.compiled._runtime.calls import address_of, function_at

Function = Callable[..., Any]


class DifferenceError(Exception):
    """Raised for a pair that computes something else; says what compiled code expects of one."""


def compare_activation(f: Function, df: Function, dtype: np.dtype[Any], place: int) -> None:
    """Raise unless an array has the same values and slopes as its numbers one by one."""
    z = np.linspace(-3.1, 3.3, 30).astype(dtype).reshape(6, 5)
    a, d = np.empty_like(z), np.empty_like(z)
    with np.errstate(all="ignore"):
        expected = f(z.copy())
        slopes = df(z.copy(), np.array(expected))
    function_at("activation", place)(z.size, address_of(z), address_of(a), address_of(d))
    if not (_agree(a, expected) and _agree(d, slopes)):
        raise DifferenceError("that acts on each number alone")


def compare_loss(
    f: Function, df: Function, dtype: np.dtype[Any], width: int, place: int, form: Form
) -> None:
    """Raise unless a sample has the same loss and slopes, for targets that the pair takes."""
    wrong: Exception | None = None
    compared = False
    if form == "weighted":  # the weights of the targets are theirs, after all of them
        return
    for output, target in _labeled(dtype, width) if form == "labels" else _samples(dtype, width):
        slope = np.empty_like(output)
        try:
            with np.errstate(all="ignore"):
                expected = f(output.copy(), target.copy())
                slopes = df(output.copy(), target.copy())
        except Exception as error:  # the loss may be one for other targets
            wrong = error
            continue
        given, numbers = output.copy(), np.array(target, dtype)
        loss = function_at("loss", place)
        value = np.array(
            loss(width, address_of(output), address_of(numbers), address_of(slope)), dtype
        )
        if not (np.array_equal(given, output) and np.array_equal(numbers, target)):
            raise DifferenceError("that leaves its arguments as they are")
        if not (_agree(value, expected) and _agree(slope, slopes)):
            raise DifferenceError(f"with one loss and {width} slopes for a sample of {width}")
        compared = True
    if wrong is not None and not compared:
        raise wrong


def _samples(dtype: np.dtype[Any], width: int) -> Iterator[tuple[Array, Array]]:
    """Outputs, with targets that are classes, signs, or any numbers."""
    output = np.linspace(-1.3, 1.7, width).astype(dtype)
    for target in (np.arange(width) == 0, 1 - 2 * (np.arange(width) % 2), np.cos(output)):
        yield output, target.astype(dtype)


def _labeled(dtype: np.dtype[Any], width: int) -> Iterator[tuple[Array, Array]]:
    """Outputs, each with the label of one class."""
    output = np.linspace(-1.3, 1.7, width).astype(dtype)
    for label in (0, width // 2, width - 1):
        yield output, np.array(label, np.intp)


def _agree(found: Array, expected: Any) -> bool:
    """Tell whether both have the same shape and agree to half the digits."""
    near = float(np.sqrt(np.finfo(found.dtype).eps))
    return np.shape(expected) == found.shape and np.allclose(
        found, expected, near, near, equal_nan=True
    )
