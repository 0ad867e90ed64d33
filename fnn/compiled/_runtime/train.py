"""Many epochs in one call of machine code, in pieces short enough for Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any, Generic, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.numbers import finite
from fnn.base import F, F_co, S, S_any, State
from fnn.compiled._plan.pieces import Floats, Pass, Piece, pieces
from fnn.compiled._runtime.advance import advance
from fnn.compiled._runtime.session import Saved, Session
from fnn.train import DivergenceError, Fit, History, TrainStep, epochs
from fnn.train._divergence import flaw, known_flaws, sound
from fnn.train._plateau import has_plateau
from fnn.train._progress import attach


class Trained(NamedTuple, Generic[F_co, S_any]):
    """The result of `train`: the last ``state``, and the mean ``losses`` of the epochs."""

    state: State[F_co, S_any]
    losses: tuple[float, ...]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


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
    `epochs` does, and `TypeError` for an optimizer with `fnn.train.reduce_on_plateau`. Ctrl-C takes
    effect within a second. Whatever exception ends the training, `fnn.train.progress_of` returns
    the last state, the history and the best params that it carries, as of about a tenth of a second
    before, or of the last epoch where one takes longer.

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
    run = Run(update, state)
    try:
        after, losses = run.through(pieces_for(run.session, passes), target)
    except BaseException as error:
        attach(error, run.fit())
        raise
    figures: Any = losses.tolist()
    return Trained(after, tuple(figures))


def pieces_for(session: Session[Any, Any], passes: Iterable[Pass]) -> Iterator[Piece]:
    """Pieces of passes for the network of a session."""
    acts, loss = session.update.acts, session.update.loss
    return pieces(acts, loss, session.like, session.layout, session.dtype, passes)


class Trace(NamedTuple):
    """A piece that was trained on: a copy of the session and the number of epochs before it."""

    before: Saved
    piece: Piece
    done: int


class Stage(NamedTuple):
    """Certain progress at a moment of a run: pieces that count, and the way to the best params.

    ``saved`` is a copy of the session after those pieces, None while the session itself is that.
    ``best`` is the piece with the least loss, and the number of that epoch in it, from 0.
    """

    saved: Saved | None
    pieces: int
    best: tuple[Trace, int] | None


class Run(Generic[F, S]):
    """The training of one network, piece by piece, and what it has learned so far.

    Ctrl-C may come between any two instructions, so one assignment makes a piece part of that.
    """

    def __init__(self, update: TrainStep[S], state: State[F, S]) -> None:
        self.update, self.begin = update, state
        self.session = session = Session(update, state)
        if session.program.plateau or (session.in_python and has_plateau(state.opt)):
            raise TypeError(
                "update: expected an optimizer without reduce_on_plateau, which has to be told the"
                " loss after every epoch; use epochs(..., engine=fnn.compiled.scan)"
            )
        self.losses: list[Floats] = []
        self.stage = Stage(None, 0, None)

    def through(
        self, parts: Iterable[Piece], target: float = -math.inf
    ) -> tuple[State[F, S], Floats]:
        """Train on every piece, and return the last state and the epochs' mean losses."""
        session, losses = self.session, self.losses
        done, least = 0, math.inf
        last: Trace | None = None
        best: tuple[Trace, int] | None = None
        for piece in parts:
            now = Trace(session.saved(), piece, done)
            self.stage = Stage(now.before, len(losses), best)
            found = advance(session, piece.feed, stop=True)
            if not self.finite(found, piece.feed.steps):
                error, cause = self.divergence(now, last)
                self.train_as_epochs(now, last, error.epoch - 1)
                raise error from cause
            each = piece.means(found)
            reached = np.flatnonzero(each <= target)[:1]
            if len(reached) and reached[0] + 1 < len(each):
                each = each[: reached[0] + 1]
                session.restore(now.before)
                advance(session, piece.until(len(each)), stop=True)
            losses.append(each)
            done += len(each)
            lowest = each.argmin()
            if each[lowest] < least:
                least, best = each[lowest], (now, int(lowest))
            self.stage = Stage(None, len(losses), best)
            if len(reached):
                break
            last = now
        if not losses:
            raise ValueError("passes: expected at least one, got none")
        return session.state(), np.concatenate(losses)

    def fit(self) -> Fit[F, S]:
        """Make a `Fit` of the pieces that count. The session cannot go on after it."""
        session, (saved, pieces, best) = self.session, self.stage
        session.stopped = bool  # that which stopped the run is over
        if saved is not None:
            session.restore(saved)
        state = session.state()
        return fit_of(session, state, np.concatenate([np.empty(0), *self.losses[:pieces]]), best)

    def finite(self, losses: Floats, steps: int) -> bool:
        """Tell whether so many steps were taken, with finite losses and to a finite state."""
        session = self.session
        if len(losses) < steps or session.complaint() is not None:
            return False
        if not (np.isfinite(losses).all() and np.isfinite(session.p).all()):
            return False
        if sound(session.opt if session.in_python else session.s):
            return True
        return flaw(session.state(), self.known) is None

    @cached_property
    def known(self) -> frozenset[str]:
        """The places where the optimizer's state was not finite to begin with."""
        return known_flaws(self.begin)

    def divergence(
        self, now: Trace, last: Trace | None
    ) -> tuple[DivergenceError, FloatingPointError | None]:
        """The error of a piece in which a number is not finite, and its cause.

        Its state is the last one whose loss is finite, or that at the start of the epoch.
        """
        session = self.session
        firsts: list[int] = [int(first) for first in now.piece.firsts]
        losses: Floats = np.empty(0)
        start, epoch = now.before, 0
        session.restore(start)
        for first, end in pairwise(firsts):
            start = session.saved()
            losses = advance(session, now.piece.feed.part(first, end), stop=True)
            if not self.finite(losses, end - first):
                break
            epoch += 1
        cause, found = session.complaint(), flaw(session.state(), self.known)
        step, loss, what = len(losses), math.nan, "loss"
        if cause is not None:  # the gradient of the step after these losses
            step += 1
        elif not math.isfinite(losses[-1]):
            loss = float(losses[-1])
        elif found is not None:
            loss, what = found.value, f"{found.named(session.state())} after the step"
        updates = firsts[epoch] + step - (2 if what == "loss" else 1)
        begin = now
        if updates < 0 and last is not None:
            begin, updates = last, last.piece.feed.steps - 1
        session.restore(begin.before)
        advance(session, begin.piece.feed.part(0, max(updates, 0)), stop=True)
        if flaw(session.state(), self.known) is not None:
            session.restore(start)
        return DivergenceError(now.done + epoch + 1, step, loss, session.state(), what), cause

    def train_as_epochs(self, now: Trace, last: Trace | None, epoch: int) -> None:
        """Train with `fnn.train.epochs` up to epoch number `epoch` from 0, to raise what it raises.

        It goes through the epoch before that one, too, and may raise nothing, as roundings differ.
        """
        session, index = self.session, epoch - now.done
        again = now.piece.passes[max(index - 1, 0) : index + 1]
        begin = now
        if index == 0 and last is not None:
            begin = last
            again = [*last.piece.passes[-1:], *again]
        skipped = max(epoch - begin.done - 1, 0)
        session.restore(begin.before)
        advance(session, begin.piece.until(skipped), stop=True)
        try:
            for _ in epochs(self.update, session.state(), again):
                pass
        except DivergenceError as error:
            number = begin.done + skipped + error.epoch
            renumbered = DivergenceError(number, error.step, error.loss, error.state, error.what)
            raise renumbered from error.__cause__


def fit_of(
    session: Session[F, S], state: State[F, S], losses: Floats, best: tuple[Trace, int] | None
) -> Fit[F, S]:
    """The last state, the losses and the best params, for which a piece is trained on again."""
    params = session.like
    if best is not None:
        trace, epoch = best
        session.restore(trace.before)
        advance(session, trace.piece.until(epoch + 1), stop=True)
        params = session.state().params
    figures: Any = losses.tolist()
    return Fit(params, state, History(tuple(figures), (), ()), params)
