"""Training steps of sessions: whole feeds in machine code, large batches one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.compiled._plan.feed import Feed
from fnn.compiled._plan.layout import zeros
from fnn.compiled._plan.limits import large
from fnn.compiled._plan.tables import TAKEN, TaskRow
from fnn.compiled._runtime.batches import gather
from fnn.compiled._runtime.calls import address_of, kernel, kernel_address
from fnn.compiled._runtime.session import Session
from fnn.compiled._runtime.steps import by_steps


def advance(session: Session[Any, Any], feed: Feed, *, stop: bool) -> NDArray[np.float64]:
    """Train on all of a feed, and return the losses of its steps.

    They are fewer than its steps if a loss is not finite and `stop` is set: then that loss is the
    last. They are fewer, too, if a gradient cannot be clipped: then the session has a complaint,
    and the loss of that step is left out.
    """
    session.expect(by_target=feed.data.by_target)
    session.error = None
    if session.in_python:
        return by_steps(session, feed, stop=stop)
    if large(feed.largest, session.layout.size):
        with np.errstate(all="ignore"):
            return by_batches(session, feed, stop=stop)
    losses: list[NDArray[np.float64]] = []
    for part in feed.pieces(session.layout.size):
        session.check_stopped()
        task = Task(session, part)
        taken = run(session, task, stop=stop)
        if taken == part.steps:
            losses.append(task.losses)
            continue
        if session.complaint() is None:  # the loss of the next step is not finite
            taken += 1
        losses.append(task.losses[:taken])
        break
    return np.concatenate([np.empty(0), *losses])


def by_batches(session: Session[Any, Any], feed: Feed, *, stop: bool) -> NDArray[np.float64]:
    """Train as `advance` does, but one batch at a time, multiplied by BLAS."""
    losses = np.empty(feed.steps)
    rates = session.program.rates(session.taken, feed.steps, session.ops)
    session.report[:] = 0.0
    batches = session.for_batches()
    descend = kernel("descend", session.dtype)
    ops = address_of(session.ops), len(session.ops), address_of(session.numbers), address_of(rates)
    arrays = map(address_of, (session.p, batches.g, session.s, session.masks))
    rest = *arrays, session.layout.size, address_of(session.report)
    ends: Any = feed.bounds.tolist()
    gathered = b""
    for step in range(feed.steps):
        session.check_stopped()
        batch = (feed.first + step) % feed.cycle
        first, end = ends[batch : batch + 2]
        rows = feed.rows[first:end]
        room = batches.room(end - first)
        numbers = rows.tobytes()
        if numbers != gathered:  # the one batch of a full pass is there already
            gather(room, feed.data, rows)
            gathered = numbers
        losses[step] = batches.gradient(room)
        wrong = descend(*ops, step, *rest)
        session.report[2] = wrong
        if wrong:
            return losses[:step]
        if stop and not math.isfinite(losses[step]):
            return losses[: step + 1]
        session.taken += 1
    return losses


class Task:
    """Steps of one session: the row for machine code, and the arrays that it points to."""

    def __init__(self, session: Session[Any, Any], feed: Feed) -> None:
        session.report[:] = 0.0
        (x, y, weight, _), self.losses = feed.data, np.empty(feed.steps)
        self.rates = session.program.rates(session.taken, feed.steps, session.ops)
        self.feed = feed  # its arrays have to outlive the run
        self.row = TaskRow(
            params=address_of(session.p),
            state=address_of(session.s),
            x=address_of(x),
            y=address_of(y),
            weight=0 if weight is None else address_of(weight),
            rows=address_of(feed.rows),
            bounds=address_of(feed.bounds),
            first=feed.first,
            cycle=feed.cycle,
            steps=feed.steps,
            operations=address_of(session.ops),
            n_operations=len(session.ops),
            numbers=address_of(session.numbers),
            rates=address_of(self.rates),
            masks=address_of(session.masks),
            losses=address_of(self.losses),
            report=address_of(session.report),
            taken=0,
        )


def run(session: Session[Any, Any], task: Task, *, stop: bool) -> int:
    """Carry out a task in one call of machine code, and return the number of steps taken."""
    dtype, size, width = session.dtype, session.layout.size, session.layout.width
    work, floats = zeros((size + 3 * width,), dtype), np.empty(0)
    table = np.array([task.row], np.int64)
    kernel("train", dtype)(
        *map(address_of, (work, floats, session.net)),
        size,
        width,
        session.program.fused,
        stop,
        kernel_address("sample", dtype),
        kernel_address("descend", dtype),
        address_of(table),
        len(table),
    )
    taken = int(table[0, TAKEN])
    session.taken += taken
    return taken
