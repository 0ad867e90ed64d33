"""`fnn.scan` in machine code."""

from __future__ import annotations

from typing import Any

from fnn.base import F, S, State
from fnn.compiled._plan.feed import Feed, check_pass, contents, order
from fnn.compiled._runtime.session import Session, advance, complaint
from fnn.data import Minibatches, Samples
from fnn.train import TrainStep


def scan(
    update: TrainStep[S], state: State[F, S], pass_: Samples | Minibatches
) -> tuple[State[F, S], tuple[float, ...]]:
    """As `fnn.scan`."""
    check_pass(pass_)
    session = Session(update, state)
    if not pass_:
        return state, ()
    data = contents(pass_, session.like, session.dtype)
    feed = Feed(data, *order(pass_), 0, len(pass_))
    losses = advance(session, feed, stop=False)
    error = complaint(session)
    if error is not None:
        raise error
    figures: Any = losses.tolist()
    return session.state(), tuple(figures)
