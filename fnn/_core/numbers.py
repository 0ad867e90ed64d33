"""Numbers that users pass in: conversion and range checks, with errors that name the remedy."""

from __future__ import annotations

import math
import operator
from functools import partial
from numbers import Real
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn._core.conversion import remedy_for
from fnn.base import Array, F

FLOATS: frozenset[np.dtype[Any]] = frozenset(
    np.dtype(kind) for kind in (np.float16, np.float32, np.float64, np.longdouble)
)
"""The dtypes that params may have, in this machine's byte order."""


_ROWS = 2**14


def as_numbers(name: str, value: Any) -> Array:
    """Convert to an array of bools, integers or floats; an array of these is not copied."""
    kind = type(value)
    if kind is not np.ndarray:
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{name}: expected plain numbers, got a masked array, whose mask would be lost;"
                " fill it or drop the masked rows"
            )
        try:
            array: Array = np.asarray(value)
        except ValueError:
            raise ValueError(
                f"{name}: expected rows of equal length, got {describe(value)} of unequal ones;"
                " make every row as long as the first"
            ) from None
    else:
        array = value
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected real numbers, got {kind.__name__} of dtype {array.dtype};"
            f" {remedy_for(name, value)}"
        )
    return array


def as_floats(name: str, value: Any, dtype: np.dtype[F]) -> NDArray[F]:
    """Convert to an array of the params' dtype; an array of that dtype is not copied."""
    if type(value) is np.ndarray and value.dtype == dtype:
        return value
    return as_numbers(name, value).astype(dtype, copy=False)


def check_finite(name: str, values: Any) -> None:
    """Refuse NaN and infinity, naming the first by its row and column."""
    array = np.atleast_1d(as_numbers(name, values))
    for start in range(0, len(array), _ROWS):  # in parts, for arrays on disk
        part = array[start : start + _ROWS]
        good = np.isfinite(part)
        if good.all():
            continue
        row, *column = np.unravel_index(int(good.argmin()), part.shape)
        where = f"row {start + row}" + "".join(f", column {i}" for i in column)
        raise ValueError(
            f"{name}: expected finite numbers, got {part[(row, *column)]} in {where};"
            " fill it in or leave out the row"
        )


def finite(name: str, value: Any) -> float:
    """Convert one finite real number to a Python float."""
    if type(value) is np.ndarray and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: expected a number, got {describe(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {value!r:.40}")
    return number


def check_rate(name: str, rate: Any) -> float:
    """Convert a finite number of at least 0 to a Python float: it must not promote float32."""
    if type(rate) is float and 0.0 <= rate < math.inf:
        return rate
    number = finite(name, rate)
    if number < 0.0:
        raise ValueError(f"{name}: expected a finite number of at least 0, got {rate!r}")
    return number


Ends: TypeAlias = Literal["[]", "[)", "(]", "()"]
"""Which ends belong to an interval: "[)" is the left one alone."""


def within(
    name: str, value: Any, low: float, high: float, ends: Ends = "[]", remedy: str = ""
) -> float:
    """Convert a number of an interval to a Python float: a NumPy scalar would promote float32.

    >>> within("level", 1.0, 0, 1, "()")
    Traceback (most recent call last):
    ValueError: level: expected a number between 0 and 1, got 1.0
    """
    number = finite(name, value)
    left = low <= number if ends[0] == "[" else low < number
    right = number <= high if ends[1] == "]" else number < high
    if not (left and right):
        tail = f"; {remedy}" if remedy else ""
        raise ValueError(f"{name}: expected {_interval(low, high, ends)}, got {value!r}{tail}")
    return number


def _interval(low: float, high: float, ends: Ends) -> str:
    if high == math.inf:
        return f"a finite number {'of at least' if ends[0] == '[' else 'above'} {low:g}"
    if ends == "()":
        return f"a number between {low:g} and {high:g}"
    first = "from" if ends[0] == "[" else "above"
    last = "to" if ends[1] == "]" else "to below"
    return f"a number {first} {low:g} {last} {high:g}"


def positive(name: str, value: Any) -> float:
    """Convert a finite number above 0 to a Python float."""
    return within(name, value, 0.0, math.inf, "()")


def fraction(name: str, value: Any) -> float:
    """Convert a number of at least 0 and below 1 to a Python float."""
    return within(name, value, 0.0, 1.0, "[)")


def check_interval(low: float, high: float) -> tuple[float, float]:
    """Convert the finite ends of an interval to Python floats, the lower first."""
    low, high = finite("low", low), finite("high", high)
    if low > high:
        raise ValueError(f"low: expected at most high = {high}, got {low}; swap the two")
    finite("high - low", high - low)
    return low, high


def whole(name: str, value: Any, least: int) -> int:
    """Convert a whole number of at least `least` to a Python int."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ValueError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return number


def floating(dtype: Any) -> np.dtype[Any]:
    """Convert to a dtype of floats in this machine's byte order."""
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind not in FLOATS:
        raise TypeError(
            f"dtype: expected a floating dtype, got {dtype!r}; use np.float64 or np.float32"
        )
    return kind


def describe(value: Any) -> str:
    """Describe a value for an error, briefly, whatever it is."""
    name = type(value).__name__
    if isinstance(value, np.ndarray):
        article = "an array" if type(value) is np.ndarray else f"a {name}"
        return f"{article} {value.shape} of {value.dtype}"
    if isinstance(value, type | ModuleType):
        return f"the {'class' if isinstance(value, type) else 'module'} {value.__name__}"
    if isinstance(value, partial):
        return f"a partial of {describe(value.func)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    if isinstance(value, tuple | list | dict | set) and type(value).__module__ == "builtins":
        return f"a {name} of {len(value)}"
    text = repr(value)
    if len(text) > 60 or "\n" in text or text.startswith("<"):
        return name
    return text if text.startswith(f"{name}(") else f"{name} {text}"


def is_plain(array: Any) -> bool:
    """Tell whether an array computes as an ndarray does: a memory map does, a matrix does not."""
    return isinstance(array, np.ndarray) and not isinstance(array, np.matrix | np.ma.MaskedArray)
