"""Training with an optimizer of one's own: gradients in machine code, its update in Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn._core.vectors import layered
from fnn.compiled._plan.feed import Feed
from fnn.compiled._plan.layout import zeros
from fnn.compiled._plan.limits import large
from fnn.compiled._runtime.batches import Room, gather
from fnn.compiled._runtime.calls import address_of, kernel, kernel_address
from fnn.compiled._runtime.session import Session
from fnn.optimizers._rules import rewrite


class Gradients:
    """Gradients of a session's network, into the vector g of its memory for batches."""

    def __init__(self, session: Session[Any, Any]) -> None:
        self.batches, self.size = session.for_batches(), session.layout.size
        self.work = zeros((3 * session.layout.width,), session.dtype)
        self.gradient = kernel("gradient", session.dtype)
        arrays = self.work, session.p, self.batches.g, session.net
        sample = kernel_address("sample", session.dtype)
        self.rest = *map(address_of, arrays), session.layout.width, sample
        self.views = self.batches.grads

    def of(self, room: Room) -> float:
        """The loss of the samples in a room; g becomes its gradient."""
        n = len(room.share)
        if large(n, self.size):
            with np.errstate(all="ignore"):
                return self.batches.gradient(room)
        self.batches.g.fill(0)
        given = (array.tobytes() for array in (room.x, room.y, room.share))
        value: float = self.gradient(*given, *self.rest, n)
        return value


def by_steps(session: Session[Any, Any], feed: Feed, *, stop: bool) -> NDArray[np.float64]:
    """Train as `advance` does, by the update of the session's optimizer after each gradient."""
    losses = np.empty(feed.steps)
    optimizer, params = session.update.optimizer, session.params()
    gradients = Gradients(session)
    targets = session.layout.views(session.p)
    ends: Any = feed.bounds.tolist()
    for step in range(feed.steps):
        session.check_stopped()
        batch = (feed.first + step) % feed.cycle
        first, end = ends[batch : batch + 2]
        room = gradients.batches.room(end - first)
        gather(room, feed.data, feed.rows[first:end])
        losses[step] = gradients.of(room)
        if stop and not math.isfinite(losses[step]):
            return losses[: step + 1]
        vector = np.concatenate([array.reshape(-1) for pair in gradients.views for array in pair])
        try:
            update, session.opt = rewrite(optimizer, vector, session.opt, params)
        except FloatingPointError as error:  # as clipping raises
            session.error = error
            return losses[:step]
        for own, change in zip(targets, layered(update, params), strict=True):
            for array, more in zip(own, change, strict=True):
                np.add(array, more, out=array)
        params = session.params()
        session.taken += 1
    return losses
