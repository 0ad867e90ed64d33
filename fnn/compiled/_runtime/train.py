"""Many epochs in one call of machine code, in pieces short enough for Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Generic, NamedTuple

import numpy as np

from fnn._core.numbers import finite
from fnn.base import F, F_co, S, S_any, State
from fnn.compiled._plan.pieces import Floats, Pass, Piece, pieces
from fnn.compiled._runtime.session import Saved, Session, advance, complaint
from fnn.train import DivergenceError, TrainStep, epochs


class Trained(NamedTuple, Generic[F_co, S_any]):
    """What `train` returns: the last ``state``, and the mean ``losses`` of the epochs."""

    state: State[F_co, S_any]
    losses: tuple[float, ...]


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
    ``minibatches(...)``, and are read ahead of training, as are the rates of a schedule, so that
    their arrays must not change meanwhile. Raises
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
    after, losses = trained(update, session, pieces(session, passes), target)
    figures: Any = losses.tolist()
    return Trained(after, tuple(figures))


def trained(
    update: TrainStep[S],
    session: Session[F, S],
    pieces: Iterable[Piece],
    target: float = -math.inf,
) -> tuple[State[F, S], Floats]:
    """`train` for what `pieces` gives, but with the losses in an array."""
    losses: list[Floats] = []
    done = 0
    last: tuple[Saved, Piece] | None = None
    for piece in pieces:
        begun = session.saved()
        found = advance(session, piece.feed, stop=True)
        whole = len(found) == piece.feed.steps and complaint(session) is None
        if not (whole and np.isfinite(found).all() and np.isfinite(session.p).all()):
            error = _divergence(session, (begun, piece), last, found, done)
            _explain(update, session, (begun, piece), last, error.epoch - 1 - done, done)
            raise error from error.__cause__
        each = piece.means(found)
        reached = np.flatnonzero(each <= target)[:1]
        if len(reached) and reached[0] + 1 < len(each):
            each = each[: reached[0] + 1]
            session.restore(begun)
            advance(session, piece.until(len(each)), stop=True)
        losses.append(each)
        done += len(each)
        if len(reached):
            break
        last = begun, piece
    if not losses:
        raise ValueError("passes: expected at least one, got none")
    return session.state(), np.concatenate(losses)


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
