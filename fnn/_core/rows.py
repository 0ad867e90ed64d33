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

_ROUNDING = 1e-13
"""The error of a mean of weights that were divided by it: half an ulp each, a few for the sum."""


def as_data(data: Batch, name: str = "data") -> Batch:
    """A data set to train on: `as_rows` with at least one row, and with one that counts."""
    check_batch(data, name)
    data = as_rows(data, name)
    if len(data.x) == 0:
        raise ValueError(f"{name}.x: expected at least one row, got an empty data set")
    if data.weight is not None and not data.weight.any():
        raise ValueError(
            f"{name}.weight: expected a weight above 0, got 0 in every row; leave out weights that"
            " are all the same: weight=None"
        )
    return data


def as_rows(data: Batch, name: str) -> Batch:
    """A batch of read-only arrays of numbers with equally many rows; arrays are not copied."""
    x, y, weight = data
    x = as_table(f"{name}.x", x)
    y = as_targets(f"{name}.y", y)
    if len(y) != len(x):
        raise ValueError(
            f"{name}.y: expected {len(x)} rows like {name}.x, got {len(y)}; each row is one sample"
        )
    if weight is not None:
        weight = as_numbers(f"{name}.weight", weight)
        kind = weight.dtype if weight.dtype.kind == "f" else np.dtype(np.float64)
        check_weight(weight, y.shape[:1], y.shape, kind, f"{name}.weight")
        weight = frozen(weight.view())
    return Batch(x, y, weight)


def as_table(name: str, values: Any) -> Array:
    """A read-only view of numbers (n, width): a row for each sample."""
    array = as_numbers(name, values)
    if array.ndim != 2:
        raise ValueError(
            f"{name}: expected (n, width), a row for each sample, got {array.shape};"
            " reshape it, as by .reshape(len(x), -1)"
        )
    return frozen(array.view())


def as_targets(name: str, values: Any) -> Array:
    """A read-only view of targets: a row for each sample, or a class label (n,) for a loss of them.

    Which of the two a loss takes is checked where it is known.
    """
    array = as_numbers(name, values)
    if array.ndim == 1:
        return frozen(array.view())
    return as_table(name, array)


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
    """The numbers of the rows that count: those with a weight that is not 0."""
    if weight is None:
        return rows
    counts: NDArray[np.bool_] = weight[rows] != 0
    kept: NDArray[np.intp] = rows[counts if counts.ndim == 1 else counts.any(axis=1)]
    return kept


def mean_one(data: Batch, rows: NDArray[np.intp] | None = None) -> Batch:
    """The data with weights divided by the mean of those of these rows, or of all.

    Weights for each target are divided by the mean of all their numbers. So only ratios matter,
    and weights (n, n_out) that are equal in each row are those (n,). Weights whose mean is 1, but
    for rounding, stay as they are, in the same memory.

    >>> mean_one(Batch(np.eye(2), np.eye(2), np.array([1.0, 3.0]))).weight
    array([0.5, 1.5])
    """
    weight = data.weight
    if weight is None:
        return data
    counted = weight if rows is None else weight[rows]
    top = float(counted.max())
    mean = float(np.mean(counted / top, dtype=np.float64))  # by the top, as a sum may overflow
    if abs(top * mean - 1.0) <= _ROUNDING:
        return data
    return data._replace(weight=frozen(np.divide(weight, top, dtype=np.float64) / mean))


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
        None if weight is None else frozen(weight.take(rows, axis=0)),
    )
