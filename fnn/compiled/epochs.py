"""Many epochs in one call of machine code, in pieces short enough for Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.base import Batch, F, F_co, S, S_any
from fnn.compiled.feed import PIECE, Feed, Integers, check_pass, contents, order
from fnn.compiled.session import Saved, Session, advance, complaint
from fnn.data import Minibatches, Samples
from fnn.steps import State, TrainStep
from fnn.train import DivergenceError, check_passes

Floats = NDArray[np.float64]

Pass = Samples | Minibatches


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
    ``minibatches(...)``. Raises what `scan` raises, `ValueError` where there are no passes, and
    `DivergenceError` where `epochs` does. Ctrl-C is heard within a second.

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
    session = Session(update, state)
    return trained(session, pieces(session, passes), target)


def trained(
    session: Session[F, S], pieces: Iterable[tuple[Feed, Integers]], target: float = -math.inf
) -> Trained[F, S]:
    """`train` for what `pieces` gives."""
    losses: list[float] = []
    last: tuple[Saved, Feed] | None = None
    for feed, firsts in pieces:
        begun = session.saved()
        found = advance(session, feed, stop=True)
        if len(found) < feed.steps or not math.isfinite(found[-1]):
            raise _divergence(session, feed, firsts, found, len(losses), begun, last)
        each = _epoch_losses(feed, firsts, found)
        reached = np.flatnonzero(each <= target)[:1]
        if len(reached) and reached[0] + 1 < len(each):
            each = each[: reached[0] + 1]
            session.restore(begun)
            advance(session, feed.part(0, int(firsts[len(each)])), stop=True)
        losses.extend(each.tolist())
        if len(reached):
            break
        last = begun, feed
    if not losses:
        raise ValueError("passes: expected at least one, got none")
    return Trained(session.state(), tuple(losses))


def pieces(session: Session[Any, Any], passes: Iterable[Pass]) -> Iterator[tuple[Feed, Integers]]:
    """Passes over the same data together: their batches, and which of them are the first ones."""
    together: list[Pass] = []
    data: Batch | None = None
    for pass_ in check_passes(passes):
        check_pass(pass_)
        full = len(together) * len(pass_.data.x) * session.layout.size > PIECE
        if together and (full or pass_.data is not together[0].data):
            data = contents(together[0], session.like, session.dtype) if data is None else data
            yield _joined(together, data)
            data = data if pass_.data is together[0].data else None
            together = []
        together.append(pass_)
    if together:
        data = contents(together[0], session.like, session.dtype) if data is None else data
        yield _joined(together, data)


def _joined(passes: list[Pass], data: Batch) -> tuple[Feed, Integers]:
    rows, bounds = order(passes[0])
    if all(pass_ is passes[0] for pass_ in passes):
        orders = [(rows, bounds)] * len(passes)
    else:
        orders = [order(pass_) for pass_ in passes]
    firsts = np.cumsum([0, *[len(bounds) - 1 for _, bounds in orders]])
    ends = np.cumsum([0, *[len(rows) for rows, _ in orders]])
    begins = [bounds[:-1] + end for (_, bounds), end in zip(orders, ends, strict=False)]
    feed = Feed(
        data,
        np.concatenate([rows for rows, _ in orders]),
        np.append(np.concatenate(begins), ends[-1]),
    )
    return feed, firsts


def _epoch_losses(feed: Feed, firsts: Integers, losses: Floats) -> Floats:
    """The mean loss of every pass, over its samples or their weights."""
    weight = feed.data.weight
    ones = np.diff(feed.bounds).astype(float)
    masses = ones if weight is None else np.add.reduceat(weight[feed.rows], feed.bounds[:-1])
    totals: Floats = np.add.reduceat(losses * masses, firsts[:-1])
    return totals / np.add.reduceat(masses, firsts[:-1])


def _divergence(
    session: Session[F, S],
    feed: Feed,
    firsts: Integers,
    found: Floats,
    epochs: int,
    begun: Saved,
    last: tuple[Saved, Feed] | None,
) -> DivergenceError:
    """What `fnn.train.epochs` raises: with the state before the last step that went well."""
    cause = complaint(session)
    step = len(found) - (cause is None)
    if step > 0:
        session.restore(begun)
        advance(session, feed.part(0, step - 1), stop=True)
    elif last is not None:
        session.restore(last[0])
        advance(session, last[1].part(0, last[1].steps - 1), stop=True)
    epoch = int(np.searchsorted(firsts, step, side="right"))
    loss = math.nan if cause else float(found[-1])
    error = DivergenceError(
        epochs + epoch, step - int(firsts[epoch - 1]) + 1, loss, session.state()
    )
    error.__cause__ = cause
    return error
