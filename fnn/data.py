"""Data as passes: sequences of batches that can be read as often as one likes."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn.base import Array, Batch, F
from fnn.checks import as_numbers, check_batch
from fnn.random import Key, permutation
from fnn.tree import frozen


@dataclass(frozen=True, eq=False)
class Pass(Sequence[Batch]):
    """One pass over the rows of ``data``; each batch is made when it is asked for."""

    data: Batch

    @abstractmethod
    def _batch(self, i: int) -> Batch: ...

    @overload
    def __getitem__(self, i: int) -> Batch: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[Batch, ...]: ...
    def __getitem__(self, i: int | slice) -> Batch | tuple[Batch, ...]:
        numbers = range(len(self))[i]
        if isinstance(numbers, range):
            return tuple(self._batch(j) for j in numbers)
        return self._batch(numbers)

    def __iter__(self) -> Iterator[Batch]:
        return map(self._batch, range(len(self)))


@dataclass(frozen=True, eq=False)
class Samples(Pass):
    """What `samples` returns."""

    def __len__(self) -> int:
        return len(self.data.x)

    def _batch(self, i: int) -> Batch:
        return Batch(self.data.x[i], self.data.y[i])


@dataclass(frozen=True, eq=False)
class Minibatches(Pass):
    """What `minibatches` returns: ``size`` rows a batch, in the order ``rows``."""

    rows: NDArray[np.intp]
    size: int

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def _batch(self, i: int) -> Batch:
        rows = self.rows[i * self.size : (i + 1) * self.size]
        x, y, weight = self.data
        return Batch(
            frozen(x.take(rows, axis=0)),
            frozen(y.take(rows, axis=0)),
            None if weight is None else frozen(weight.take(rows)),
        )


def samples(data: Batch) -> Samples:
    """The samples of `data` one by one, in their order: a pass for online training.

    ``data.x`` is (n, n_in) and ``data.y`` (n, n_out). Raises `ValueError` for no rows, for
    unequal numbers of rows, and for weights: the weighted mean of one sample is its loss, so they
    would silently do nothing.

    >>> pass_ = samples(Batch(np.eye(2), np.array([[5.0], [6.0]])))
    >>> len(pass_), pass_[1]
    (2, Batch(x=array([0., 1.]), y=array([6.]), weight=None))
    """
    data = _rows(data)
    if data.weight is not None:
        raise ValueError(
            "data.weight: expected None, since the weighted mean of one sample is its loss;"
            " use minibatches(...), or pass data._replace(weight=None)"
        )
    return Samples(data)


def minibatches(key: Key, size: int, data: Batch) -> Minibatches:
    """The rows of `data` in the random order of `key`, `size` at a time.

    Every row comes once; the last batch has what is left, and a `size` beyond the number of rows
    gives one batch. For another order in every epoch pass ``fold_in(key, epoch)``. Raises
    `ValueError` for a size below 1, no rows, or unequal numbers of rows.

    >>> from fnn.random import key
    >>> pass_ = minibatches(key(0), 2, Batch(np.eye(3), np.eye(3)))
    >>> [len(batch.x) for batch in pass_]
    [2, 1]
    """
    data = _rows(data)
    return Minibatches(data, permutation(key, len(data.x)), _positive("size", size))


@overload
def one_hot(labels: ArrayLike, classes: int) -> NDArray[np.float64]: ...
@overload
def one_hot(
    labels: ArrayLike, classes: int, dtype: type[F] | np.dtype[F]
) -> NDArray[F]: ...
def one_hot(labels: ArrayLike, classes: int, dtype: Any = np.float64) -> NDArray[Any]:
    """Targets with a 1 in the place of each label: labels (n,) give (n, classes).

    Raises `ValueError` for the first label that is not a whole number from 0 to classes - 1.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    classes = _positive("classes", classes)
    array = as_numbers("labels", labels)
    wrong = ~((array >= 0) & (array < classes) & (array == np.floor(array)))
    if wrong.any():
        first = np.unravel_index(int(wrong.argmax()), array.shape)
        place = ", ".join(str(i) for i in first)
        raise ValueError(
            f"labels: expected whole numbers from 0 to {classes - 1}, got"
            f" {array[first]} in row {place}; number the classes from 0"
        )
    return frozen(np.eye(classes, dtype=dtype)[array.astype(np.intp)])


def _rows(data: Batch) -> Batch:
    """Rows as arrays that cannot be written through this pass; no copy of what are arrays."""
    check_batch(data)
    x = _read_only("data.x", data.x, 2)
    y = _read_only("data.y", data.y, 2)
    weight = None if data.weight is None else _read_only("data.weight", data.weight, 1)
    for name, array in (("data.y", y), ("data.weight", weight)):
        if array is not None and len(array) != len(x):
            raise ValueError(
                f"{name}: expected {len(x)} rows like data.x, got {len(array)};"
                " each row is one sample"
            )
    if len(x) == 0:
        raise ValueError("data.x: expected at least one row, got an empty data set")
    return Batch(x, y, weight)


def _read_only(name: str, values: Any, ndim: int) -> Array:
    array = as_numbers(name, values)
    if array.ndim != ndim:
        remedy = "reshape one column to (n, 1) by .reshape(-1, 1)" if array.ndim == 1 else "flatten"
        raise ValueError(f"{name}: expected {ndim} dimension{'s' * (ndim > 1)}, one row a sample, got {array.shape}; {remedy}")
    return frozen(array.view())


def _positive(name: str, value: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise ValueError(f"{name}: expected a whole number of at least 1, got {value!r}")
    return number
