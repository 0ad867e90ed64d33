"""Many epochs in one call of machine code, in pieces short enough for Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Generic, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.numbers import finite
from fnn.base import F, F_co, S, S_any, State
from fnn.compiled._plan.pieces import Floats, Pass, Piece, pieces
from fnn.compiled._runtime.advance import advance
from fnn.compiled._runtime.session import Saved, Session
from fnn.train import DivergenceError, TrainStep, epochs


class Trained(NamedTuple, Generic[F_co, S_any]):
    """The result of `train`: the last ``state``, and the mean ``losses`` of the epochs."""

    state: State[F_co, S_any]
    losses: tuple[float, ...]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Trace(NamedTuple):
    """A piece that was trained on: copies of the session and the number of epochs before it."""

    before: Saved
    piece: Piece
    done: int


def train(
    update: TrainStep[S],
    state: State[F, S],
    passes: Iterable[Pass],
    *,
    target: float = -math.inf,
) -> Trained[F, S]:
    """Train for all `passes`, or until an epoch's mean loss is at most `target`.

    The results are the last state and the losses of `fnn.train.epochs`, but in one call: `passes`
    may be a hundred thousand of 8 samples. They have to be ``samples(...)`` or
    ``minibatches(...)``, and are read ahead of training, as are the rates of a schedule, so that
    their arrays must not change meanwhile. Raises what `scan` raises, `ValueError` for no passes or
    a `target` that is not finite (except -inf, which no loss reaches), and `DivergenceError` as
    `epochs` does. Ctrl-C takes effect within a second.

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
    after, losses = trained(update, session, pieces_for(session, passes), target)
    figures: Any = losses.tolist()
    return Trained(after, tuple(figures))


def pieces_for(session: Session[Any, Any], passes: Iterable[Pass]) -> Iterator[Piece]:
    """Pieces of passes for the network of a session."""
    return pieces(session.like, session.layout, session.dtype, passes)


def trained(
    update: TrainStep[S],
    session: Session[F, S],
    parts: Iterable[Piece],
    target: float = -math.inf,
) -> tuple[State[F, S], Floats]:
    """Train on every piece, and return the last state and an array of the epochs' mean losses."""
    losses: list[Floats] = []
    done = 0
    last: Trace | None = None
    for piece in parts:
        now = Trace(session.saved(), piece, done)
        found = advance(session, piece.feed, stop=True)
        complete = len(found) == piece.feed.steps and session.complaint() is None
        if not (complete and np.isfinite(found).all() and np.isfinite(session.p).all()):
            cause = session.complaint()
            error = _divergence(session, now, last, found)
            _train_as_epochs(update, session, now, last, error.epoch - 1)
            raise error from cause
        each = piece.means(found)
        reached = np.flatnonzero(each <= target)[:1]
        if len(reached) and reached[0] + 1 < len(each):
            each = each[: reached[0] + 1]
            session.restore(now.before)
            advance(session, piece.until(len(each)), stop=True)
        losses.append(each)
        done += len(each)
        if len(reached):
            break
        last = now
    if not losses:
        raise ValueError("passes: expected at least one, got none")
    return session.state(), np.concatenate(losses)


def _divergence(
    session: Session[Any, Any], now: Trace, last: Trace | None, losses: Floats
) -> DivergenceError:
    """The error of a piece in which training ended with these losses.

    Its state is the last one whose loss is finite, which takes `updates` steps of the piece; there
    is none in it if that number is below 0.
    """
    loss, what = math.nan, "loss"
    if session.complaint() is not None:  # the gradient of the step after these losses
        step = len(losses)
        updates = step - 1
    elif math.isfinite(losses[-1]):
        what = "params after the step"
        step = len(losses) - 1
        updates = step
    else:
        loss = float(losses[-1])
        step = len(losses) - 1
        updates = step - 1
    firsts = now.piece.firsts
    epoch = int(np.searchsorted(firsts, step, side="right")) - 1
    number = step - int(firsts[epoch]) + 1
    begin = now
    if updates < 0 and last is not None:
        begin, updates = last, last.piece.feed.steps - 1
    session.restore(begin.before)
    advance(session, begin.piece.feed.part(0, max(updates, 0)), stop=True)
    return DivergenceError(now.done + epoch + 1, number, loss, session.state(), what)


def _train_as_epochs(
    update: TrainStep[S], session: Session[F, S], now: Trace, last: Trace | None, epoch: int
) -> None:
    """Train with `fnn.train.epochs` up to epoch number `epoch` from 0, to raise what that raises.

    It goes through the epoch before that one, too, and may raise nothing, as roundings differ.
    """
    index = epoch - now.done
    again = now.piece.passes[max(index - 1, 0) : index + 1]
    begin = now
    if index == 0 and last is not None:
        begin = last
        again = [*last.piece.passes[-1:], *again]
    skipped = max(epoch - begin.done - 1, 0)
    session.restore(begin.before)
    advance(session, begin.piece.until(skipped), stop=True)
    try:
        for _ in epochs(update, session.state(), again):
            pass
    except DivergenceError as error:
        number = begin.done + skipped + error.epoch
        renumbered = DivergenceError(number, error.step, error.loss, error.state, error.what)
        raise renumbered from error.__cause__
