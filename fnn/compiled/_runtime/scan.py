"""One pass over data in machine code."""

from __future__ import annotations

import math
from typing import Any

from fnn.base import F, S, State
from fnn.compiled._plan.checks import check_pass
from fnn.compiled._plan.feed import Feed, contents, order
from fnn.compiled._runtime.advance import advance
from fnn.compiled._runtime.session import Session
from fnn.data import Minibatches, Samples
from fnn.train import GuardedStep, TrainStep
from fnn.train._guard import not_finite


def scan(
    update: TrainStep[S], state: State[F, S], pass_: Samples | Minibatches
) -> tuple[State[F, S], tuple[float, ...]]:
    """Train on every batch of a pass, and return the last state and the losses, as `fnn.scan`.

    `update` is what `fnn.train_step` returns with an optimizer of fnn's, and `pass_` is
    ``samples(data)`` or ``minibatches(key, size, data)``; others are a `TypeError`, as are params
    that are neither float32 nor float64 and pairs that numba cannot compile. Raises what `fnn.scan`
    raises, and `IndexError` for row numbers that the data does not have. A loss that is not finite
    is an error where `fnn.train.guard` made the update.

    >>> import numpy as np
    >>> from fnn import Batch, init, key, samples, start, train_step
    >>> from fnn.activations import sigmoid
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> update = train_step((sigmoid, sigmoid), squared_error, sgd(0.5))
    >>> state = start(update.optimizer, init(key(0), (8, 3, 8)))
    >>> state, losses = scan(update, state, samples(Batch(np.eye(8), np.eye(8))))
    >>> len(losses), state.opt
    (8, SgdState(steps=8))
    """
    check_pass(pass_)
    guarded = isinstance(update, GuardedStep)
    session = Session(update, state)
    if not pass_:
        return state, ()
    data = contents(pass_, update.acts, update.loss, session.like, session.dtype)
    feed = Feed(data, *order(pass_), 0, len(pass_))
    losses = advance(session, feed, stop=guarded)
    error = session.complaint()
    if error is not None:
        raise error
    if guarded and not math.isfinite(losses[-1]):
        raise not_finite(float(losses[-1]), session.state(), pass_[len(losses) - 1])
    figures: Any = losses.tolist()
    return session.state(), tuple(figures)
