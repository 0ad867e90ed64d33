"""Passes over arrays: sequences of batches, each made when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.numbers import check_finite, whole
from fnn._core.rows import as_data, mean_one, take, without_zero_weights
from fnn.base import Batch
from fnn.random import Key, permutation


@dataclass(frozen=True, eq=False)
class Pass(Sequence[Batch]):
    """A sequence of batches that passes once over the rows of ``data``."""

    data: Batch

    @abstractmethod
    def _batch(self, i: int) -> Batch:
        """Make batch number i."""

    @overload
    def __getitem__(self, i: int) -> Batch: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[Batch, ...]: ...
    @override
    def __getitem__(self, i: int | slice) -> Batch | tuple[Batch, ...]:
        numbers = range(len(self))[i]
        if isinstance(numbers, range):
            return tuple(self._batch(j) for j in numbers)
        return self._batch(numbers)

    @override
    def __iter__(self) -> Iterator[Batch]:
        return map(self._batch, range(len(self)))


@dataclass(frozen=True, eq=False)
class Samples(Pass):
    """A pass over samples one by one; `samples` makes it."""

    @override
    def __len__(self) -> int:
        return len(self.data.x)

    @override
    def _batch(self, i: int) -> Batch:
        x, y, weight = self.data
        return Batch(x[i], y[i, ...], None if weight is None else weight[i, ...])


@dataclass(frozen=True, eq=False)
class Minibatches(Pass):
    """A pass over ``size`` rows at a time, in the order ``rows``; `minibatches` makes it."""

    rows: NDArray[np.intp]
    size: int

    def shuffled(self, key: Key) -> Minibatches:
        """The pass ``minibatches(key, size, data)`` over the same data, which is not checked again.

        So it makes the passes of all epochs from that of the first.

        >>> from fnn.random import key
        >>> first = minibatches(key(0), 2, Batch(np.eye(3), np.eye(3)))
        >>> again = first.shuffled(key(1))
        >>> np.array_equal(again.rows, minibatches(key(1), 2, first.data).rows)
        True
        """
        return Minibatches(self.data, order(key, self.data), self.size)

    @override
    def __len__(self) -> int:
        return (len(self.rows) + self.size - 1) // self.size

    @override
    def _batch(self, i: int) -> Batch:
        return take(self.data, self.rows[i * self.size : (i + 1) * self.size])


def samples(data: Batch) -> Samples:
    """A pass over the samples of `data` one by one, in their order, for online training.

    ``data.x`` is (n, n_in) and ``data.y`` (n, n_out), or (n,) for a loss that takes class labels.
    Weights are divided by their mean, so that only their ratios matter: a sample of weight 2 pulls
    twice as hard as one of weight 1, and one of weight 0, whose rows are copied then, is left out.
    Raises `ValueError` for no rows, for unequal numbers of rows, for weights that do not fit or are
    all 0, and for NaN or infinity in x, by its row and column.

    >>> pass_ = samples(Batch(np.eye(2), np.array([[5.0], [6.0]])))
    >>> len(pass_), pass_[1]
    (2, Batch(x=array([0., 1.]), y=array([6.]), weight=None))
    """
    data = as_data(data)
    check_finite("data.x", data.x)
    rows = without_zero_weights(np.arange(len(data.x)), data.weight)
    return Samples(mean_one(data if len(rows) == len(data.x) else take(data, rows)))


def minibatches(key: Key, size: int, data: Batch) -> Minibatches:
    """A pass over the rows of `data` in the random order of `key`, `size` rows at a time.

    Every row comes once; the last batch may be smaller, and a `size` beyond the number of rows
    gives one batch. Weights are divided by the mean of those that are not 0, once for all batches,
    so that only their ratios matter and a row's pull does not depend on the rows beside it. Rows of
    weight 0 are left out. For another order in every epoch pass ``fold_in(key, epoch)``. Raises
    `ValueError` for a size below 1, no rows, unequal numbers of rows, weights that do not fit or
    are all 0, and NaN or infinity in x, by its row and column.

    >>> from fnn.random import key
    >>> pass_ = minibatches(key(0), 2, Batch(np.eye(3), np.eye(3)))
    >>> [len(batch.x) for batch in pass_]
    [2, 1]
    """
    data = as_data(data)
    check_finite("data.x", data.x)
    rows = order(key, data)
    return Minibatches(mean_one(data, rows), rows, whole("size", size, 1))


def order(key: Key, data: Batch) -> NDArray[np.intp]:
    """The numbers of the rows that count, in the order of a key."""
    return frozen(without_zero_weights(permutation(key, len(data.x)), data.weight))
