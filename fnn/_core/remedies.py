"""Remedies for targets that do not fit, chosen by their values.

Each remedy is a line of Python that a test executes: y is the array of targets, (n, columns).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fnn.base import Array

_FEW = 300
"""Different values that may still be the labels of classes, or the 256 levels of a pixel."""

LEAVE_OUT = "leave out the row"

_SCALES = "squared_error takes numbers of any size, poisson counts from 0 on"


class Seen(NamedTuple):
    """Look of targets: their range, and their different values if these are few."""

    least: float
    greatest: float
    values: tuple[float, ...] | None

    @classmethod
    def of(cls, parts: Iterable[Array]) -> Seen:
        """Look at all finite targets in these parts."""
        least, greatest = math.inf, -math.inf
        values: set[float] | None = set()
        for part in parts:
            numbers = np.unique(part[np.isfinite(part)])
            if numbers.size == 0:
                continue
            least = min(least, float(numbers[0]))
            greatest = max(greatest, float(numbers[-1]))
            if values is not None and numbers.size <= _FEW:
                values |= {float(number) for number in numbers}
            if values is None or numbers.size > _FEW or len(values) > _FEW:
                values = None
        return cls(least, greatest, None if values is None else tuple(sorted(values)))

    def only(self, *values: float) -> bool:
        """Tell whether there are no other values."""
        return self.values is not None and set(self.values) <= set(values)

    @property
    def classes(self) -> int:
        """The number of classes if the values are 0, 1, ... or 1, 2, ...; else 0."""
        values = self.values or ()
        first = values[0] if values else -1.0
        if first not in (0.0, 1.0) or values != tuple(first + i for i in range(len(values))):
            return 0
        return len(values)

    @property
    def labels(self) -> str:
        """Code for labels from 0 on, (n,), if there are `classes`."""
        return "y.ravel() - 1" if self.least == 1 else "y.ravel()"

    @property
    def pixels(self) -> bool:
        """Tell whether these may be the levels 0 to 255 of pixels."""
        whole = self.values is not None and all(value.is_integer() for value in self.values)
        return whole and self.least >= 0 and 100 < self.greatest <= 255


def for_one_output(seen: Seen) -> str:
    """For a loss of several classes and a network with one output."""
    either = "give the params 2 outputs and the targets 2 columns by"
    other = "or keep one output and train with sigmoid_cross_entropy"
    if seen.only(-1, 1):
        return f"{either} one_hot((y.ravel() + 1) / 2, 2), {other} on (y + 1) / 2"
    if seen.only(0, 1):
        return f"{either} one_hot(y.ravel(), 2), {other}"
    if seen.classes > 2:
        return (
            f"give the params {seen.classes} outputs and the targets as many columns by"
            f" one_hot({seen.labels}, {seen.classes})"
        )
    if seen.values is not None and len(seen.values) == 2:
        second = f"== {seen.greatest:g}"
        return f"{either} one_hot(y.ravel() {second}, 2), {other} on y {second}"
    return "probabilities of one class take sigmoid_cross_entropy, other numbers squared_error"


def for_labels(value: float, seen: Seen, classes: int) -> str:
    """For labels, of which `value` is no class of the network."""
    if not math.isfinite(value):
        return LEAVE_OUT
    if seen.classes == classes and seen.least == 1:
        return "number the classes from 0: y - 1"
    if seen.classes > classes and seen.least == 0:
        return f"{seen.classes} classes need params with {seen.classes} outputs"
    return "number the classes that occur from 0 by np.unique(y, return_inverse=True)[1]"


def for_two(seen: Seen, only: tuple[float, ...], columns: int) -> str:
    """For a loss whose targets are one of two numbers, as -1 and 1 are."""
    if only == (-1.0, 1.0):
        if seen.only(0, 1):
            return "pass 2 * y - 1"
        if seen.classes > 2 and columns == 1:
            return _as_classes(seen, f"2 * one_hot({seen.labels}, {seen.classes}) - 1")
        if seen.least >= 0 and seen.greatest <= 1:
            return "sigmoid_cross_entropy takes probabilities"
    if len(only) == 2 and seen.values is not None and len(seen.values) == 2:
        low, high = only
        return f"pass np.where(y == {seen.greatest:g}, {high:g}, {low:g})"
    return f"train with another loss: {_SCALES}"


def for_range(seen: Seen, low: float, high: float, columns: int) -> str:
    """For a loss whose targets lie between two numbers, or above one."""
    inside = seen.least >= -1 and seen.greatest <= 1
    if low == 0 and (seen.only(-1, 1) or (high == 1 and inside)):
        return "pass (y + 1) / 2"
    if (low, high) == (0, 1):
        if seen.pixels:
            return "pass y / 255"
        if seen.values is not None and len(seen.values) == 2:
            return f"pass np.where(y == {seen.greatest:g}, 1, 0)"
        if seen.classes > 2 and columns == 1:
            return _as_classes(seen, f"one_hot({seen.labels}, {seen.classes})")
    return f"train with another loss: {_SCALES}"


def for_reach(seen: Seen, low: float, high: float) -> str:
    """For targets that the last pair cannot reach."""
    scaled = ""
    if (low, high) == (0, 1) and seen.least >= -1 and seen.greatest <= 1:
        scaled = "(y + 1) / 2"
    elif (low, high) == (0, 1) and seen.pixels:
        scaled = "y / 255"
    elif math.isfinite(high - low):
        scaled = f"fnn.data.min_max(y, {low:g}, {high:g})[0]"
    identity = "make identity the last pair, which reaches all numbers"
    return f"pass {scaled}, or {identity}" if scaled else identity


def _as_classes(seen: Seen, targets: str) -> str:
    k = seen.classes
    return (
        f"for {k} classes give the params {k} outputs and pass {targets}, or train with"
        f" softmax_cross_entropy_with_integer_labels on {seen.labels}"
    )
