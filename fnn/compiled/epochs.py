"""Many epochs in one call of machine code, in pieces short enough for Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import groupby, islice, repeat
from operator import is_
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.base import F, F_co, S, S_any
from fnn.compiled.batches import large
from fnn.compiled.feed import MANY, PIECE, Feed, Integers, check_pass, contents, order
from fnn.compiled.session import Saved, Session, advance, complaint
from fnn.data import Minibatches, Samples
from fnn.epochs import DivergenceError, check_batches, check_passes, epochs
from fnn.steps import State, TrainStep
from fnn.values import finite

Floats = NDArray[np.float64]

Pass = Samples | Minibatches


class Trained(NamedTuple, Generic[F_co, S_any]):
    """What `train` returns: the last ``state``, and the mean ``losses`` of the epochs."""

    state: State[F_co, S_any]
    losses: tuple[float, ...]


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


def train(
    update: TrainStep[S],
    state: State[F, S],
    passes: Iterable[Pass],
    *,
    target: float = -math.inf,
) -> Trained[F, S]:
    """Train for all `passes`, or until an epoch's mean loss is at most `target`.

    The results are those of `fnn.train.epochs`, whose last state and whose losses these are, but in
    one call: `passes` may be a hundred thousand of 8 samples. They have to be ``samples(...)`` or
    ``minibatches(...)``, and are read ahead of training, as are the rates of a schedule. Raises
    what `scan` raises, `ValueError` for no passes or a `target` that is not finite (but -inf, which
    none reaches), and `DivergenceError` where `epochs` does. Ctrl-C is heard within a second.

    >>> from itertools import repeat
    >>> from fnn import Batch, init, key, samples, start, train_step
    >>> from fnn.activations import sigmoid
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> update = train_step((sigmoid, sigmoid), squared_error, sgd(0.5))
    >>> state = start(update.optimizer, init(key(0), (8, 3, 8)))
    >>> pass_ = samples(Batch(np.eye(8), np.eye(8)))
    >>> state, losses = train(update, state, repeat(pass_, 10_000))
    >>> len(losses), losses[-1] < 0.01
    (10000, True)
    """
    if target != -math.inf:
        target = finite("target", target)
    session = Session(update, state)
    return trained(update, session, pieces(session, passes), target)


def trained(
    update: TrainStep[S],
    session: Session[F, S],
    pieces: Iterable[Piece],
    target: float = -math.inf,
) -> Trained[F, S]:
    """`train` for what `pieces` gives."""
    losses: list[float] = []
    last: tuple[Saved, Piece] | None = None
    for piece in pieces:
        begun = session.saved()
        found = advance(session, piece.feed, stop=True)
        whole = len(found) == piece.feed.steps and complaint(session) is None
        if not (whole and np.isfinite(found).all() and np.isfinite(session.p).all()):
            error = _divergence(session, (begun, piece), last, found, len(losses))
            _explain(
                update, session, (begun, piece), last, error.epoch - 1 - len(losses), len(losses)
            )
            raise error from error.__cause__
        each = piece.means(found)
        reached = np.flatnonzero(each <= target)[:1]
        if len(reached) and reached[0] + 1 < len(each):
            each = each[: reached[0] + 1]
            session.restore(begun)
            advance(session, piece.until(len(each)), stop=True)
        figures: Any = each.tolist()
        losses.extend(figures)
        if len(reached):
            break
        last = begun, piece
    if not losses:
        raise ValueError("passes: expected at least one, got none")
    return Trained(session.state(), tuple(losses))


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
            if runs and pass_.data is runs[-1][0].data:
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
    if last is not None and passes[0].data is last.passes[0].data:
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


def _divergence(
    session: Session[Any, Any],
    now: tuple[Saved, Piece],
    last: tuple[Saved, Piece] | None,
    losses: Floats,
    done: int,
) -> DivergenceError:
    """What went wrong after these losses of a piece, before which there were `done` epochs."""
    cause = complaint(session)
    step, loss, what = len(losses) - (cause is None), math.nan, "loss"
    back = step - 1  # the last state whose loss is finite
    if cause is None and math.isfinite(losses[-1]):
        back, what = step, "params after the step"
    elif cause is None:
        loss = float(losses[-1])
    firsts = now[1].firsts
    epoch = int(np.searchsorted(firsts, step, side="right")) - 1
    if back < 0 and last is not None:
        now, back = last, last[1].feed.steps - 1
    begun, piece = now
    session.restore(begun)
    advance(session, piece.feed.part(0, max(back, 0)), stop=True)
    number = step - int(firsts[epoch]) + 1
    error = DivergenceError(done + epoch + 1, number, loss, session.state(), what)
    error.__cause__ = cause
    return error


def _explain(
    update: TrainStep[S],
    session: Session[F, S],
    now: tuple[Saved, Piece],
    last: tuple[Saved, Piece] | None,
    epoch: int,
    done: int,
) -> None:
    """Raise what `fnn.train.epochs` does, by going through the last two epochs as it does.

    It may survive what machine code did not, as roundings differ.
    """
    begun, piece = now
    again = piece.passes[max(epoch - 1, 0) : epoch + 1]
    if epoch == 0 and last is not None:
        begun, piece = last
        epoch = len(piece.passes)
        again = [*piece.passes[-1:], *again]
        done -= epoch
    session.restore(begun)
    advance(session, piece.until(max(epoch - 1, 0)), stop=True)
    try:
        for _ in epochs(update, session.state(), again):
            pass
    except DivergenceError as error:
        error.epoch += done + max(epoch - 1, 0)
        error.args = (error.epoch, *error.args[1:])
        raise
