"""Passes over data joined to pieces, long enough to make a call of machine code worth while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice, repeat
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.targets import check_targets
from fnn.base import Acts, Array, Loss, Params
from fnn.compiled._plan.checks import check_pass
from fnn.compiled._plan.feed import Feed, Integers, contents, order
from fnn.compiled._plan.layout import Layout
from fnn.compiled._plan.limits import MANY, PIECE, large
from fnn.data import Minibatches, Samples
from fnn.train._epochs import check_batches, check_passes

Floats = NDArray[np.float64]

Pass = Samples | Minibatches


class Piece(NamedTuple):
    """Passes one after another: their batches, which of these begin a pass, and their masses.

    The mass of a batch is its number of rows.
    """

    feed: Feed
    firsts: Integers
    masses: Floats
    passes: list[Pass]

    def until(self, epoch: int) -> Feed:
        """The batches of the passes before number `epoch`, from 0."""
        return self.feed.part(0, int(self.firsts[epoch]))

    def means(self, losses: Floats) -> Floats:
        """The mean loss of every pass, from the losses of all batches."""
        begins = self.firsts[:-1]
        with np.errstate(over="ignore"):  # the mean is inf then, as among Python's floats
            if len(self.masses) < len(losses):  # one pass, many times
                found: Floats = losses.reshape(len(begins), -1) @ self.masses / self.masses.sum()
                return found
            totals: Floats = np.add.reduceat(losses * self.masses, begins)
        totals /= np.add.reduceat(self.masses, begins)
        return totals


def pieces(
    acts: Acts,
    loss: Loss,
    params: Params[Any],
    layout: Layout,
    dtype: np.dtype[Any],
    passes: Iterable[Pass],
) -> Iterator[Piece]:
    """Join passes over the same data, checked against params that have this layout and dtype."""
    last: Piece | None = None
    read = 0
    rest = iter(check_passes(passes))
    for first in rest:
        check_pass(first)
        together = [first, *islice(rest, ahead(first, layout.size))]
        runs: list[list[Pass]] = []
        for equal in repeated(together):
            pass_ = equal[0]
            check_pass(pass_)
            check_batches(len(pass_), read + 1)
            read += len(equal)
            if runs and share_data(pass_, runs[-1][0]):
                runs[-1] += equal
            else:
                runs.append(equal)
        for run in runs:
            last = _joined(acts, loss, params, dtype, run, last)
            yield last


def repeated(passes: list[Pass]) -> Iterator[list[Pass]]:
    """Split passes into runs of one and the same; most often there is a single run."""
    if all(map(is_, passes, repeat(passes[0]))):
        return iter([passes])
    return (list(equal) for _, equal in groupby(passes, id))


def share_data(pass_: Pass, other: Pass) -> bool:
    """Tell whether two passes read the very same memory; each has views of its own of the data.

    Weights are compared by value: `minibatches` divides them by their mean into memory of its own.
    """
    (x, y, weight), (other_x, other_y, other_weight) = pass_.data, other.data
    if pass_.data is other.data:
        return True
    if not (_same_memory(x, other_x) and _same_memory(y, other_y)):
        return False
    if weight is None or other_weight is None:
        return weight is other_weight
    return _same_memory(weight, other_weight) or np.array_equal(weight, other_weight)


def _same_memory(one: Array, other: Array) -> bool:
    return bool(one.__array_interface__ == other.__array_interface__)


def ahead(pass_: Pass, size: int) -> int:
    """The number of further passes to read with this one, for networks of `size` params.

    All are trained again where a target is reached among them. A piece also costs a copy of the
    params, which takes as long as a large batch.
    """
    rows = max(1, len(pass_.data.x))
    batch = min(pass_.size, len(pass_.rows)) if isinstance(pass_, Minibatches) else 1
    most = MANY if large(batch, size) else min(MANY, PIECE // size)
    return max(0, most // rows - 1)


def _joined(
    acts: Acts,
    loss: Loss,
    params: Params[Any],
    dtype: np.dtype[Any],
    passes: list[Pass],
    last: Piece | None,
) -> Piece:
    """One piece of `passes`, which is the `last` one again if that has the same."""
    if last is not None and passes == last.passes:
        return last
    if last is not None and share_data(passes[0], last.passes[0]):
        data = last.feed.data
    else:
        data = contents(passes[0], acts, loss, params, dtype)  # which fits in shape then
        check_targets(acts, loss, params, passes[0].data)
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
    return Piece(Feed(data, rows, bounds, 0, int(firsts[-1])), firsts, masses, passes)
