"""The rows of a data set: arrays of samples, checked where they come in, and taken by number."""

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
    """A data set as `as_rows` of it, with at least one row and weights that can be used."""
    check_batch(data, name)
    data = as_rows(name, data)
    if len(data.x) == 0:
        raise ValueError(f"{name}.x: expected at least one row, got an empty data set")
    if data.weight is not None:
        check_weight(data.weight, data.weight.shape, np.dtype(np.float64), f"{name}.weight")
    return data


def counting(rows: NDArray[np.intp], weight: Array | None) -> NDArray[np.intp]:
    """The rows but those of weight 0, of which a batch could have no others."""
    return rows if weight is None else rows[weight[rows] != 0]


def as_rows(name: str, data: Batch) -> Batch:
    """Equally many rows in read-only arrays of numbers; no copy of what are arrays."""
    x, y, weight = data
    x = as_table(f"{name}.x", x)
    y = as_table(f"{name}.y", y)
    weight = None if weight is None else as_table(f"{name}.weight", weight, 1)
    for part, array in (("y", y), ("weight", weight)):
        if array is not None and len(array) != len(x):
            raise ValueError(
                f"{name}.{part}: expected {len(x)} rows like {name}.x, got {len(array)};"
                " each row is one sample"
            )
    return Batch(x, y, weight)


def as_table(name: str, values: Any, ndim: int = 2) -> Array:
    """Numbers that cannot be written through the result: a row, or one number, for each sample."""
    array = as_numbers(name, values)
    if array.ndim != ndim:
        shape = "(n,), a number" if ndim == 1 else "(n, width), a row"
        remedy = f"reshape it, as by .reshape({'-1' if ndim == 1 else 'len(x), -1'})"
        if name.endswith(".y") and array.ndim == 1:
            remedy += ", or turn class labels into rows by fnn.one_hot(y, classes)"
        raise ValueError(f"{name}: expected {shape} for each sample, got {array.shape}; {remedy}")
    return frozen(array.view())


def take(data: Batch, rows: NDArray[np.intp]) -> Batch:
    """The rows of these numbers, in their order, copied.

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
