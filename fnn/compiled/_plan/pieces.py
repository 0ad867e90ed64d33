"""Passes over data, joined to pieces: as many as make a call of machine code worth while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice, repeat
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.base import Array
from fnn.compiled._plan.feed import MANY, PIECE, Feed, Integers, check_pass, contents, order
from fnn.compiled._runtime.batches import large
from fnn.compiled._runtime.session import Session
from fnn.data import Minibatches, Samples
from fnn.train._epochs import check_batches, check_passes

Floats = NDArray[np.float64]

Pass = Samples | Minibatches


class Piece(NamedTuple):
    """Passes one after another: their batches, which of these begin a pass, and their masses."""

    feed: Feed
    firsts: Integers
    masses: Floats
    passes: list[Pass]

    def until(self, epoch: int) -> Feed:
        """The batches of the passes before number `epoch`, from 0."""
        return self.feed.part(0, int(self.firsts[epoch]))

    def means(self, losses: Floats) -> Floats:
        """The mean loss of every pass, over its samples or their weights."""
        begins = self.firsts[:-1]
        with np.errstate(over="ignore"):  # the mean is inf then, as among Python's floats
            if len(self.masses) < len(losses):  # of one pass, many times
                found: Floats = losses.reshape(len(begins), -1) @ self.masses / self.masses.sum()
                return found
            totals: Floats = np.add.reduceat(losses * self.masses, begins)
        totals /= np.add.reduceat(self.masses, begins)
        return totals


def pieces(session: Session[Any, Any], passes: Iterable[Pass]) -> Iterator[Piece]:
    """Passes over the same data, as many together as make a call worth while."""
    last: Piece | None = None
    read = 0
    rest = iter(check_passes(passes))
    for first in rest:
        check_pass(first)
        together = [first, *islice(rest, ahead(first, session.layout.size))]
        runs: list[list[Pass]] = []
        for equal in runs_of_one(together):
            pass_ = equal[0]
            check_pass(pass_)
            check_batches(len(pass_), read + 1)
            read += len(equal)
            if runs and of_one(pass_, runs[-1][0]):
                runs[-1] += equal
            else:
                runs.append(equal)
        for run in runs:
            last = _joined(session, run, last)
            yield last


def runs_of_one(passes: list[Pass]) -> Iterator[list[Pass]]:
    """The same pass time after time, then another; mostly it is one alone."""
    if all(map(is_, passes, repeat(passes[0]))):
        return iter([passes])
    return (list(equal) for _, equal in groupby(passes, id))


def of_one(pass_: Pass, other: Pass) -> bool:
    """Whether two passes are over the very same memory: each has views of its own of the data."""
    return pass_.data is other.data or all(map(_same, pass_.data, other.data))


def _same(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.__array_interface__ == other.__array_interface__


def ahead(pass_: Pass, size: int) -> int:
    """How many more passes to read with this one, for networks of so many params.

    All are trained again where a target is reached among them. Copies of the params, one for each
    piece, take as long as a large batch.
    """
    rows = max(1, len(pass_.data.x))
    batch = min(pass_.size, len(pass_.rows)) if isinstance(pass_, Minibatches) else 1
    most = MANY if large(batch, size) else min(MANY, PIECE // size)
    return max(0, most // rows - 1)


def _joined(session: Session[Any, Any], passes: list[Pass], last: Piece | None) -> Piece:
    """One piece of `passes`; it is the `last` one if it has the same."""
    if last is not None and passes == last.passes:
        return last
    if last is not None and of_one(passes[0], last.passes[0]):
        data = last.feed.data
    else:
        data = contents(passes[0], session.like, session.dtype)
    n = len(passes)
    if passes == passes[:1] * n:
        rows, bounds = order(passes[0])
        firsts = (len(bounds) - 1) * np.arange(n + 1)
    else:
        orders = [order(pass_) for pass_ in passes]
        firsts = np.cumsum([0, *[len(bounds) - 1 for _, bounds in orders]])
        ends = np.cumsum([0, *[len(rows) for rows, _ in orders]])
        rows = np.concatenate([rows for rows, _ in orders])
        parts = zip(orders, ends, strict=False)
        bounds = np.concatenate([*[bounds[:-1] + end for (_, bounds), end in parts], ends[-1:]])
    masses = np.diff(bounds).astype(float)
    if data.weight is not None:
        masses = np.add.reduceat(data.weight[rows].astype(float), bounds[:-1])
    return Piece(Feed(data, rows, bounds, 0, int(firsts[-1])), firsts, masses, passes)
