"""A network in training: memory that machine code changes, made from a state and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias

import numpy as np

from fnn._core.vectors import layered
from fnn.base import Array, F, S, State
from fnn.compiled._plan.checks import check_compiled, check_update
from fnn.compiled._plan.layout import fill, flattened, layers_of, layout, sizes_of, zeros
from fnn.compiled._plan.program import Program
from fnn.compiled._plan.signatures import NORM
from fnn.compiled._plan.targets import numbers_in_row
from fnn.compiled._runtime import pairs
from fnn.compiled._runtime.batches import Batches
from fnn.compiled._runtime.calls import kernel_address
from fnn.optimizers._transforms import not_finite
from fnn.train import TrainStep
from fnn.train._step import check_state

Saved: TypeAlias = tuple[Array, Array, int]
"""Params, the optimizer's vectors, and the steps taken."""


class Session(Generic[F, S]):
    """Params and optimizer of one network, in vectors that machine code changes in place."""

    def __init__(self, update: TrainStep[S], state: State[F, S]) -> None:
        check_update(update)
        self.update = update
        self.like, opt = check_state(state)
        self.dtype = dtype = check_compiled(update.acts, self.like)
        self.layout = layout(sizes_of(self.like), dtype)
        self.program = Program(self.like, dtype, lambda name: kernel_address(name, dtype))
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
        params = layers_of(self.layout.views(self.p), self.like)
        vectors = [flattened(self.layout.views(vector)) for vector in self.s]
        return State(params, self.rebuild(vectors, self.taken))

    def saved(self) -> Saved:
        """Copies of all that training changes, for `restore`."""
        return self.p.copy(), self.s.copy(), self.taken

    def restore(self, saved: Saved) -> None:
        """Return to what `saved` returned."""
        self.p[...], self.s[...], self.taken = saved

    def complaint(self) -> FloatingPointError | None:
        """The error of a gradient that could not be clipped, if training ended with one."""
        low, high, wrong = self.report.tolist()
        if wrong == 0.0:
            return None
        return not_finite(f"a norm of {low}" if wrong == NORM else f"values from {low} to {high}")
