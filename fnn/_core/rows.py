"""Data sets: rows of samples, checked when they come in, and selected by number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.checks import check_batch
from fnn._core.numbers import as_numbers
from fnn._core.shapes import check_weight
from fnn.base import Array, Batch


def as_data(data: Batch, name: str = "data") -> Batch:
    """A data set to train on: `as_rows` with at least one row and usable weights."""
    check_batch(data, name)
    data = as_rows(data, name)
    if len(data.x) == 0:
        raise ValueError(f"{name}.x: expected at least one row, got an empty data set")
    if data.weight is not None:
        check_weight(data.weight, data.weight.shape, np.dtype(np.float64), f"{name}.weight")
    return data


def as_rows(data: Batch, name: str) -> Batch:
    """A batch of read-only arrays of numbers with equally many rows; arrays are not copied."""
    x, y, weight = data
    x = as_table(f"{name}.x", x)
    y = as_table(f"{name}.y", y)
    weight = None if weight is None else as_vector(f"{name}.weight", weight)
    for part, array in (("y", y), ("weight", weight)):
        if array is not None and len(array) != len(x):
            raise ValueError(
                f"{name}.{part}: expected {len(x)} rows like {name}.x, got {len(array)};"
                " each row is one sample"
            )
    return Batch(x, y, weight)


def as_table(name: str, values: Any) -> Array:
    """A read-only view of numbers (n, width): a row for each sample."""
    array = as_numbers(name, values)
    if array.ndim != 2:
        remedy = "reshape it, as by .reshape(len(x), -1)"
        if name.endswith(".y") and array.ndim == 1:
            remedy += ", or turn class labels into rows by fnn.one_hot(y, classes)"
        raise ValueError(
            f"{name}: expected (n, width), a row for each sample, got {array.shape}; {remedy}"
        )
    return frozen(array.view())


def as_vector(name: str, values: Any) -> Array:
    """A read-only view of numbers (n,): one for each sample."""
    array = as_numbers(name, values)
    if array.ndim != 1:
        raise ValueError(
            f"{name}: expected (n,), a number for each sample, got {array.shape};"
            " reshape it, as by .reshape(-1)"
        )
    return frozen(array.view())


def without_zero_weights(rows: NDArray[np.intp], weight: Array | None) -> NDArray[np.intp]:
    """The row numbers whose weight is not 0: a batch of zero weights would have no mean."""
    return rows if weight is None else rows[weight[rows] != 0]


def take(data: Batch, rows: NDArray[np.intp]) -> Batch:
    """A copy of the rows with these numbers, in their order.

    >>> take(Batch(np.eye(3), np.array([[4.0], [5.0], [6.0]])), np.array([2, 0]))
    Batch(x=array([[0., 0., 1.],
           [1., 0., 0.]]), y=array([[6.],
           [4.]]), weight=None)
    """
    x, y, weight = data
    return Batch(
        frozen(x.take(rows, axis=0)),
        frozen(y.take(rows, axis=0)),
        None if weight is None else frozen(weight.take(rows)),
    )
