"""A pass over data as machine code reads it: arrays of the params' dtype, and row numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import as_floats, describe, whole
from fnn._core.shapes import check_input, check_target, check_weight
from fnn.base import Acts, Array, Batch, Loss, Params
from fnn.compiled._plan.limits import PIECE
from fnn.compiled._plan.targets import Table, check_terms, table
from fnn.data import Minibatches, Samples

Integers = NDArray[np.int64]


class Feed(NamedTuple):
    """Data, the order in which its rows come, and where in that order each batch begins.

    After the last batch the first one comes again; those from number `first` to before `end` are
    the ones to train on.
    """

    data: Table
    rows: Integers
    bounds: Integers
    first: int
    end: int

    @property
    def cycle(self) -> int:
        """The number of different batches."""
        return len(self.bounds) - 1

    @property
    def steps(self) -> int:
        """The number of batches to train on."""
        return self.end - self.first

    @property
    def largest(self) -> int:
        """The rows of the largest batch."""
        return int(np.diff(self.bounds).max(initial=0))

    def part(self, first: int, end: int) -> Feed:
        """The part from number `first` to before `end` of the batches to train on."""
        return self._replace(first=self.first + first, end=self.first + end)

    def pieces(self, size: int) -> Iterator[Feed]:
        """Parts that networks of `size` params go through in less than a tenth of a second."""
        steps = max(1, PIECE // size // max(1, self.largest))
        for first in range(0, self.steps, steps):
            yield self.part(first, min(first + steps, self.steps))


def order(pass_: Samples | Minibatches) -> tuple[Integers, Integers]:
    """The row numbers of a pass, and where its batches begin and the last one ends.

    Every row number is checked: machine code would read memory that is not the data's.
    """
    n = _length(pass_.data)
    if isinstance(pass_, Samples):
        each: Integers = np.arange(len(pass_) + 1)
        return each[:-1], each
    rows = np.array(pass_.rows)  # a copy, so that nobody changes what is checked here
    starts = np.arange(len(pass_)) * whole("size", pass_.size, 1)
    bounds: Integers = np.append(starts, len(rows))
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        raise TypeError(f"rows: expected a vector of whole numbers, got {describe(rows)}")
    if not (rows.min() >= -n and rows.max() < n):
        raise IndexError(
            f"rows: expected numbers of {n} rows, got some from {rows.min()} to {rows.max()}"
        )
    rows = np.ascontiguousarray(rows, np.int64)
    return np.where(rows < 0, rows + n, rows) if rows.min() < 0 else rows, bounds


def _length(data: Batch) -> int:
    """The number of rows, which all arrays have in common."""
    n, *others = (len(array) for array in data if array is not None)
    if any(other != n for other in others):
        raise IndexError(f"data: expected as many rows in all arrays, got {n} and {others}")
    return n


def contents(
    pass_: Samples | Minibatches, acts: Acts, loss: Loss, params: Params[Any], dtype: np.dtype[Any]
) -> Table:
    """The data of a pass, converted to `dtype`, once all of it is seen to fit the network.

    Where it does not, the error is that of the NumPy path if the first batch does not fit either.
    """
    try:
        return _fitting(pass_.data, acts, loss, params, dtype)
    except (TypeError, ValueError):
        x, y, _ = pass_[0]
        x = check_input("batch.x", x, params, dtype)
        output = np.empty((*x.shape[:-1], *params[-1].b.shape), dtype)
        check_target(y, output, targets=loss.targets)
        raise


def _fitting(
    data: Batch, acts: Acts, loss: Loss, params: Params[Any], dtype: np.dtype[Any]
) -> Table:
    """All rows of the data, looked at once."""
    n = _length(data)
    x, y, weight = data
    if np.ndim(x) != 2:
        raise ValueError(
            f"data.x: expected (n, {params[0].w.shape[0]}), a row for each sample, got"
            f" {np.shape(x)}; fnn.samples and fnn.minibatches make passes that fit"
        )
    x = check_input("data.x", converted(x, dtype), params, dtype)
    y = check_target(y, np.empty((n, *params[-1].b.shape), dtype), "data.y", loss.targets)
    if weight is not None:
        weight = check_weight(weight, y.shape[:1], y.shape, dtype, "data.weight")
    found = table(loss, x, converted(y, dtype), weight)
    if found.by_target:
        check_terms(acts, loss, params, data, dtype)
    return found


def converted(array: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers of `dtype` in C order; no copy of those that are."""
    return np.ascontiguousarray(as_floats("data", array, dtype))
