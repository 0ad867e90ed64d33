"""A network in training: memory that machine code changes, made from a state and back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeAlias

import numpy as np

from fnn._core.vectors import layered
from fnn.base import Array, F, Params, S, State
from fnn.compiled._plan.checks import check_compiled, check_update
from fnn.compiled._plan.layout import fill, flattened, layers_of, layout, sizes_of, zeros
from fnn.compiled._plan.program import ForeignError, Program
from fnn.compiled._plan.signatures import NORM
from fnn.compiled._plan.targets import numbers_in_row
from fnn.compiled._runtime import pairs
from fnn.compiled._runtime.batches import Batches
from fnn.compiled._runtime.calls import kernel_address
from fnn.optimizers._transforms import not_finite
from fnn.train import TrainStep
from fnn.train._step import check_state

Saved: TypeAlias = tuple[Array, Array, int, Any]
"""Params, the optimizer's vectors, the steps taken, and the state of an optimizer in Python."""


class Session(Generic[F, S]):
    """Params and optimizer of one network, in vectors that machine code changes in place."""

    def __init__(self, update: TrainStep[S], state: State[F, S]) -> None:
        check_update(update)
        self.update = update
        self.like, opt = check_state(state)
        self.dtype = dtype = check_compiled(update.acts, self.like)
        self.layout = layout(sizes_of(self.like), dtype)
        self.opt = opt  # of an optimizer that runs in Python; else as it was in the beginning
        self.error: FloatingPointError | None = None
        self.plan(opt)
        size = self.layout.size
        self.p = zeros((size,), dtype)
        fill(self.layout.views(self.p), self.like)
        self.s = zeros((len(self.program.vectors), size), dtype)
        for vector, flat in zip(self.s, self.program.vectors, strict=True):
            fill(self.layout.views(vector), layered(flat, self.like))
        self.masks = np.zeros((1 + len(self.program.masks), size), dtype)
        for vector, mask in zip(self.masks[1:], self.program.masks, strict=True):
            vector.fill(1)  # padding is masked, too: an infinite activation times its 0 is NaN
            fill(self.layout.views(vector), layered(mask.astype(dtype), self.like))
        self.acts = [pairs.activation(i, act, dtype).both for i, act in enumerate(update.acts)]
        self.by_target: bool | None = None
        self.batches: Batches | None = None
        self.expect(by_target=False)
        self.ops, self.numbers = self.program.integers(), self.program.numbers()
        self.report = np.zeros(3)  # of an operation: one or two numbers, and what they are
        self.taken = 0
        self.stopped: Callable[[], bool] = bool  # asked before each run; bool() is False: never

    def plan(self, opt: S) -> None:
        """Plan the optimizer's operations; one that has none runs in Python after each gradient."""
        self.program = Program(self.like, self.dtype, lambda name: kernel_address(name, self.dtype))
        self.in_python = False
        try:
            self.rebuild = self.program.append(self.update.optimizer, opt)
            self.program.complete()
        except ForeignError:
            self.in_python = True
            self.program = Program(self.like, self.dtype, self.program.resolve)

    def expect(self, *, by_target: bool) -> None:
        """Prepare for data whose targets have weights of their own, or have none."""
        if self.by_target is by_target:
            return
        loss, outputs = self.update.loss, self.layout.sizes[-1]
        self.by_target, self.batches = by_target, None
        self.loss = pairs.loss(loss, self.dtype, outputs, by_target=by_target)
        self.targets = numbers_in_row(loss, outputs, by_target=by_target)
        self.net = self.layout.net(self.acts, self.loss, self.targets)

    def for_batches(self) -> Batches:
        """Memory for large batches, made when the first one comes."""
        if self.batches is None:
            self.batches = Batches(self.layout, self.acts, self.loss, self.targets, self.p)
        return self.batches

    def state(self) -> State[F, S]:
        """The state after the steps that were taken."""
        params = self.params()
        if self.in_python:
            return State(params, self.opt)
        vectors = [flattened(self.layout.views(vector)) for vector in self.s]
        return State(params, self.rebuild(vectors, self.taken))

    def params(self) -> Params[F]:
        """The params after the steps that were taken."""
        return layers_of(self.layout.views(self.p), self.like)

    def saved(self) -> Saved:
        """Copies of all that training changes, for `restore`."""
        return self.p.copy(), self.s.copy(), self.taken, self.opt

    def check_stopped(self) -> None:
        """Raise `CancelledError` if the session was stopped, as when a network beside it failed."""
        if self.stopped():
            raise CancelledError

    def restore(self, saved: Saved) -> None:
        """Return to what `saved` returned."""
        self.p[...], self.s[...], self.taken, self.opt = saved

    def complaint(self) -> FloatingPointError | None:
        """The error of a gradient that could not be clipped, if training ended with one."""
        if self.error is not None:
            return self.error
        low, high, wrong = self.report.tolist()
        if wrong == 0.0:
            return None
        return not_finite(f"a norm of {low}" if wrong == NORM else f"values from {low} to {high}")
