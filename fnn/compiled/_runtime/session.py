"""A network in training: what the kernels change, and how it becomes a state again."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import cached_property
from typing import Any, Generic, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn._core import checks
from fnn._core.numbers import describe
from fnn._core.vectors import layered
from fnn.base import Array, Batch, F, Params, S, State
from fnn.compiled._plan.feed import Feed
from fnn.compiled._plan.layout import fill, flattened, layers_of, layout, sizes_of, zeros
from fnn.compiled._plan.program import Program
from fnn.compiled._plan.signatures import NORM
from fnn.compiled._plan.tables import TAKEN, TaskRow
from fnn.compiled._runtime import pairs
from fnn.compiled._runtime.batches import Batches, Room, large
from fnn.compiled._runtime.calls import address, function, where
from fnn.optimizers._transforms import not_finite
from fnn.train import TrainStep
from fnn.train._step import check_state

Saved: TypeAlias = tuple[Array, Array, int]

DTYPES = frozenset(map(np.dtype, (np.float32, np.float64)))


def check_update(update: object) -> None:
    """What train_step returns, which can be taken apart."""
    if not isinstance(update, TrainStep):
        raise TypeError(
            f"update: expected what fnn.train_step returns, got {describe(update)};"
            " fnn.scan folds any function"
        )


def check_compiled(acts: Any, params: Params[F]) -> np.dtype[F]:
    """The dtype of a network, float32 or float64."""
    dtype = checks.check_network(acts, params)
    if dtype not in DTYPES:
        raise TypeError(
            f"params: expected float32 or float64, got {dtype}; fnn.scan, forward and backprop"
            " compute with any"
        )
    return dtype


class Session(Generic[F, S]):
    """One network's params and optimizer, laid out for the kernels, which change them in place."""

    def __init__(self, update: TrainStep[S], state: State[F, S]) -> None:
        check_update(update)
        self.like, opt = check_state(state)
        self.dtype = dtype = check_compiled(update.acts, self.like)
        self.layout = layout(sizes_of(self.like), dtype)
        self.program = Program(self.like, dtype)
        self.rebuild = self.program.append(update.optimizer, opt)
        self.program.complete()
        size = self.layout.size
        self.p = zeros((size,), dtype)
        fill(self.layout.views(self.p), self.like)
        self.s = zeros((len(self.program.vectors), size), dtype)
        for vector, flat in zip(self.s, self.program.vectors, strict=True):
            fill(self.layout.views(vector), layered(flat, self.like))
        self.masks = np.zeros((1 + len(self.program.masks), size), dtype)
        for vector, mask in zip(self.masks[1:], self.program.masks, strict=True):
            vector.fill(1)  # padding is frozen, too: an infinite activation times its 0 is NaN
            fill(self.layout.views(vector), layered(mask.astype(dtype), self.like))
        self.acts = [pairs.activation(i, act, dtype).both for i, act in enumerate(update.acts)]
        self.loss = pairs.loss(update.loss, dtype, self.layout.sizes[-1])
        self.net = self.layout.net(self.acts, self.loss)
        self.ops, self.numbers = self.program.integers(), self.program.numbers()
        self.report = np.zeros(3)
        self.taken = 0
        self.stopped: Callable[[], bool] = bool  # whether to go no further, asked at times: never

    @cached_property
    def batches(self) -> Batches:
        """Memory for large batches."""
        return Batches(self.layout, self.acts, self.loss, self.p)

    def state(self) -> State[F, S]:
        """What training has come to."""
        params = layers_of(self.layout.views(self.p), self.like)
        vectors = [flattened(self.layout.views(vector)) for vector in self.s]
        return State(params, self.rebuild(vectors, self.taken))

    def saved(self) -> Saved:
        """Copies of what changes, for `restore`."""
        return self.p.copy(), self.s.copy(), self.taken

    def restore(self, saved: Saved) -> None:
        """Be as one was."""
        self.p[...], self.s[...], self.taken = saved


def advance(session: Session[Any, Any], feed: Feed, *, stop: bool) -> NDArray[np.float64]:
    """Train on all of a feed, and give the losses of the steps that were begun.

    They are fewer than the feed has if it is to `stop` at a loss that is not finite, which then is
    the last, or where a gradient cannot be clipped, which is a `complaint`.
    """
    if large(feed.largest, session.layout.size):
        with np.errstate(all="ignore"):
            return by_batches(session, feed, stop=stop)
    losses: list[NDArray[np.float64]] = []
    for part in feed.pieces(session.layout.size):
        go_on(session)
        task = Task(session, part)
        taken = run([session], [task], stop=stop)
        wrong = stop and taken[0] < part.steps and session.report[2] == 0.0
        losses.append(task.losses[: taken[0] + wrong])
        if taken[0] < part.steps:
            break
    return np.concatenate([np.empty(0), *losses])


def go_on(session: Session[Any, Any]) -> None:
    """Raise `CancelledError` if the session is stopped, as when a network beside it failed."""
    if session.stopped():
        raise CancelledError


def by_batches(session: Session[Any, Any], feed: Feed, *, stop: bool) -> NDArray[np.float64]:
    """`advance` for large batches, one by one."""
    losses = np.empty(feed.steps)
    rates = session.program.rates(session.taken, feed.steps, session.ops)
    session.report[:] = 0.0
    batches = session.batches
    descend = function("descend", session.dtype)
    ops = where(session.ops), len(session.ops), where(session.numbers), where(rates)
    arrays = map(where, (session.p, batches.g, session.s, session.masks))
    rest = *arrays, session.layout.size, where(session.report)
    ends: Any = feed.bounds.tolist()
    held = b""
    for step in range(feed.steps):
        go_on(session)
        batch = (feed.first + step) % feed.cycle
        first, end = ends[batch : batch + 2]
        rows = feed.rows[first:end]
        room = batches.room(end - first)
        told = rows.tobytes()
        if told != held:  # the one batch of a full pass is there already
            gather(room, feed.data, rows)
            held = told
        losses[step] = batches.gradient(room)
        wrong = descend(*ops, step, *rest)
        session.report[2] = wrong
        if wrong or (stop and not math.isfinite(losses[step])):
            return losses[: step + (not wrong)]
        session.taken += 1
    return losses


def gather(room: Room, data: Batch, rows: NDArray[np.int64]) -> None:
    """Bring rows of data into a room, with what each counts for in the mean."""
    x, y, weight = data
    x.take(rows, axis=0, out=room.x, mode="clip")
    y.take(rows, axis=0, out=room.y, mode="clip")
    if weight is None:
        room.share.fill(1.0 / len(rows))
    else:
        mass = weight.take(rows)
        np.divide(mass, np.add.reduce(mass), out=room.share)


class Task:
    """What one session is to do in a run: the row for the kernel, and where losses go."""

    def __init__(self, session: Session[Any, Any], feed: Feed) -> None:
        session.report[:] = 0.0
        (x, y, weight), self.losses = feed.data, np.empty(feed.steps)
        self.rates = session.program.rates(session.taken, feed.steps, session.ops)
        self.feed = feed  # the arrays have to outlive the run
        self.row = TaskRow(
            params=where(session.p),
            state=where(session.s),
            x=where(x),
            y=where(y),
            weight=0 if weight is None else where(weight),
            rows=where(feed.rows),
            bounds=where(feed.bounds),
            first=feed.first,
            cycle=feed.cycle,
            steps=feed.steps,
            operations=where(session.ops),
            n_operations=len(session.ops),
            numbers=where(session.numbers),
            rates=where(self.rates),
            masks=where(session.masks),
            losses=where(self.losses),
            report=where(session.report),
            taken=0,
        )


def run(sessions: list[Session[Any, Any]], tasks: list[Task], *, stop: bool) -> list[int]:
    """Train networks of one shape, and say how many steps each took."""
    one = sessions[0]
    dtype, size, width = one.dtype, one.layout.size, one.layout.width
    work, floats = zeros((size + 3 * width,), dtype), np.empty(0)
    table = np.array([task.row for task in tasks], np.int64)
    fused = all(session.program.fused for session in sessions)
    codes = address("sample", dtype), address("descend", dtype)
    function("train", dtype)(
        *map(where, (work, floats, one.net)),
        size,
        width,
        fused,
        stop,
        *codes,
        where(table),
        len(tasks),
    )
    taken = [int(steps) for steps in table[:, TAKEN]]
    for session, steps in zip(sessions, taken, strict=True):
        session.taken += steps
    return taken


def complaint(session: Session[Any, Any]) -> FloatingPointError | None:
    """What was wrong with a gradient that was to be clipped."""
    low, high, wrong = session.report.tolist()
    if wrong == 0.0:
        return None
    return not_finite(f"a norm of {low}" if wrong == NORM else f"values from {low} to {high}")
