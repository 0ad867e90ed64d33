"""Data larger than memory: passes over chunks, of which one is in memory at a time.

::

    def chunks():
        for table in csv_tables("flowers.csv", 10_000, skip=1):
            yield table[:, :4], one_hot(table[:, 4], 3)

    passes = (batches_from(chunks, 32, key=fold_in(key, epoch)) for epoch in itertools.count())

Arrays on disk, opened by ``np.load(path, mmap_mode="r")``, are cut by `chunked`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.numbers import check_finite, describe, whole
from fnn._core.rows import as_data, as_rows, mean_one, take, without_zero_weights
from fnn.base import Array, Batch
from fnn.data._passes import Pass
from fnn.random import Key, check_key, fold_in, permutation, split

Chunk: TypeAlias = Batch | tuple[Array, Array]
"""Samples (n, n_in) and their targets (n, n_out), for any n; a `Batch` may have weights too."""

Source: TypeAlias = Callable[[], Iterable[Chunk]] | Sequence[Chunk]
"""A function that returns new chunks, from the first on, at each call; or a sequence of chunks."""


@dataclass(frozen=True, eq=False)
class Batches(Iterable[Batch]):
    """A pass that reads its chunks from the first on each time; `batches_from` makes it."""

    chunks: Source
    size: int
    key: Key | None

    @override
    def __iter__(self) -> Iterator[Batch]:
        parts: list[Batch] = []
        missing, no_rows = self.size, True
        for chunk, rows in _read(self.chunks, self.key):
            start = 0
            while start < len(rows):
                parts.append(take(chunk, rows[start : start + missing]))
                n = len(parts[-1].x)
                start, missing, no_rows = start + n, missing - n, False
                if missing == 0:
                    yield _joined(parts)
                    missing = self.size
            del chunk  # so that it does not stay in memory while the next one is made
        if parts:
            yield _joined(parts)
        if no_rows:
            raise ValueError(
                "chunks: expected at least one row that counts, got none; a function has to open"
                " its source anew at each call: an iterator from outside is empty the second time"
            )


def batches_from(chunks: Source, size: int, *, key: Key | None = None) -> Batches:
    """A pass over the rows of `chunks`, `size` rows at a time.

    `chunks` is a sequence of chunks, or a function, such as a generator function, that returns all
    chunks at each call. A chunk is a `Batch` or a pair (x, y) with any number of rows. Every row
    comes once, but those of weight 0 are left out; the last batch may be smaller. One chunk and
    three batches are in memory at a time. Rows are copied, so a chunk may be overwritten when the
    next is asked for.

    Weights are taken as they are, and each multiplies the loss of its row: a stream does not know
    their mean. Divide them by it, if it is far from 1, or the rate by which they train is another.
    `chunked`, which sees all of its data, has divided them.

    With a `key` the rows of each chunk come in random order, and so do the chunks of a sequence;
    ``fold_in(key, epoch)`` gives another order in every epoch. Raises `TypeError` for a generator
    in place of its function; and, when it is read, `ValueError` for no rows (as from a function
    that returns the same, exhausted iterator again), for rows of unequal width, and for NaN or
    infinity in x.

    >>> def chunks():
    ...     yield np.ones((3, 2)), np.ones((3, 1))
    ...     yield np.zeros((2, 2)), np.zeros((2, 1))
    >>> [batch.y.ravel().tolist() for batch in batches_from(chunks, 2)]
    [[1.0, 1.0], [1.0, 0.0], [0.0]]
    """
    _check_source(chunks)
    if key is not None:
        check_key(key)
    return Batches(chunks, whole("size", size, 1), key)


@dataclass(frozen=True, eq=False)
class Chunks(Pass):
    """Consecutive rows of ``data``, ``rows`` at a time, as views; `chunked` makes it."""

    rows: int

    @override
    def __len__(self) -> int:
        return (len(self.data.x) + self.rows - 1) // self.rows

    @override
    def _batch(self, i: int) -> Batch:
        rows = slice(i * self.rows, (i + 1) * self.rows)
        x, y, weight = self.data
        return Batch(x[rows], y[rows], None if weight is None else weight[rows])


def chunked(rows: int, data: Batch) -> Chunks:
    """Cut `data` into a sequence of chunks of `rows` rows, for `batches_from`.

    Chunks are views, so arrays on disk (``np.load(path, mmap_mode="r")``) are read chunk by chunk.
    The last chunk may be smaller. Weights are divided by the mean of those that are not 0, so that
    only their ratios matter. Raises `ValueError` for fewer than one row a chunk, for no rows, for
    unequal numbers of rows, and for weights that do not fit or are all 0.

    >>> data = Batch(np.eye(5), np.arange(5.0).reshape(5, 1))
    >>> [batch.y.ravel().tolist() for batch in batches_from(chunked(3, data), 2, key=Key(0))]
    [[4.0, 3.0], [1.0, 2.0], [0.0]]
    """
    data = as_data(data)
    counted = without_zero_weights(np.arange(len(data.x)), data.weight)
    return Chunks(mean_one(data, counted), whole("rows", rows, 1))


def _check_source(chunks: Any) -> None:
    """Raise `TypeError` for anything that is no `Source`, such as a generator."""
    if callable(chunks) or (isinstance(chunks, Sequence) and not isinstance(chunks, str | Batch)):
        return
    raise TypeError(
        "chunks: expected a function that gives the chunks anew at each call, or a sequence of"
        f" chunks, got {describe(chunks)}; pass a generator function without calling it"
    )


def _read(chunks: Source, key: Key | None) -> Iterator[tuple[Batch, NDArray[np.intp]]]:
    """The chunks in the order of `key`, each with the order of its rows."""
    order_key, rows_key = (None, None) if key is None else split(key)
    numbers: Iterable[int]
    if callable(chunks):
        numbers, source = count(), _opened(chunks)
    else:
        n = len(chunks)
        numbers = range(n) if order_key is None else [int(i) for i in permutation(order_key, n)]
        source = map(chunks.__getitem__, numbers)
    return map(partial(_checked, rows_key), numbers, source)  # a loop would hold on to a chunk


def _opened(chunks: Callable[[], Iterable[Chunk]]) -> Iterable[Chunk]:
    """The chunks that a function returns, if they can be iterated."""
    source = chunks()
    if not isinstance(source, Iterable):
        raise TypeError(
            "chunks: expected a function that gives an iterable of chunks, got one that gives"
            f" {describe(source)}; yield the chunks"
        )
    return source


def _checked(key: Key | None, i: int, chunk: Any) -> tuple[Batch, NDArray[np.intp]]:
    """Chunk number i as a `Batch`, and the order of its rows."""
    name = f"chunks[{i}]"
    if isinstance(chunk, tuple) and len(chunk) == 2:
        chunk = Batch(*chunk)
    if not isinstance(chunk, Batch):
        raise TypeError(
            f"{name}: expected a Batch or a pair (x, y), got {describe(chunk)};"
            " a chunk is samples and their targets"
        )
    data = as_rows(chunk, name)
    check_finite(f"{name}.x", data.x)
    n = len(data.x)
    rows = np.arange(n) if key is None else permutation(fold_in(key, i), n)
    return data, without_zero_weights(rows, data.weight)


def _joined(parts: list[Batch]) -> Batch:
    """One batch of all the parts; the list is emptied, so that they do not stay in memory."""
    first, *others = parts
    for part in others:
        if _widths(part) != _widths(first):
            raise ValueError(
                f"chunks: expected {_described(first)} like the chunk before, got"
                f" {_described(part)}; give all chunks the same columns"
            )
    parts.clear()
    if not others:
        return first
    weights = [part.weight for part in (first, *others) if part.weight is not None]
    return Batch(
        frozen(np.concatenate([part.x for part in (first, *others)])),
        frozen(np.concatenate([part.y for part in (first, *others)])),
        frozen(np.concatenate(weights)) if weights else None,
    )


def _widths(part: Batch) -> tuple[tuple[int, ...] | None, ...]:
    """The shapes of a row of x, y and the weights, None without: equal in all parts of a batch."""
    return tuple(None if array is None else array.shape[1:] for array in part)


def _described(part: Batch) -> str:
    """The shapes of a part, for an error."""
    x, y, *weight = (_shape(array) for array in part if array is not None)
    return f"x {x}, y {y} and {f'weight {weight[0]}' if weight else 'no weight'}"


def _shape(array: Array) -> str:
    """A shape with any number of rows: (n,) or (n, 3)."""
    return "(n,)" if array.ndim == 1 else f"(n, {array.shape[1]})"
