"""An optimizer as a program: operations that machine code carries out, one after another.

The operations are written down in `fnn.compiled._code.optimizers` and `transforms`. A rule of
`fnn.optimizers` says of which of them it consists, and which numbers they read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.masks import Where
from fnn._core.numbers import describe
from fnn._core.vectors import count
from fnn.base import Array, Optimizer, Params
from fnn.compiled._plan.tables import BEFORE, RATE, STRIDE, OperationRow
from fnn.optimizers._combine import Chain, Masked, PerLayer
from fnn.optimizers._rules import Elementwise
from fnn.optimizers._transforms import Transform
from fnn.schedules import Schedule, rate_at
from fnn.train._plateau import ReduceOnPlateau, check_plateau

Rebuild = Callable[[list[Array], int], Any]
"""A function that makes an optimizer's state of its vectors and the steps taken since."""


class ForeignError(TypeError):
    """Raised for an optimizer that has no operations, as a user's own."""


CHANGE_GRADIENT_ONLY = {"clip_by_norm", "clip_by_value", "release"}
"""Operations that cannot add their update to the params, should they be the last."""


class Operation(NamedTuple):
    """An operation and its arguments: the number of its first vector, its mask, and so on."""

    name: str
    numbers: tuple[float, ...] = ()
    first: int = 0
    steps: int = 0
    rate: float | Schedule = 1.0
    mask: int = 0


def defined_by_fnn(kind: type) -> bool:
    """Tell whether a class of rules stands in `fnn.optimizers`: a user's has no kernels."""
    module = sys.modules.get(kind.__module__)
    return kind.__module__.startswith("fnn.optimizers.") and vars(module).get(kind.__name__) is kind


@dataclass
class Program:
    """Operations, with the vectors of state and the masks that they use."""

    params: Params[Any]
    dtype: np.dtype[Any]
    resolve: Callable[[str], int]
    """From the name of an operation to the address of its machine code."""
    operations: list[Operation] = field(default_factory=list)
    vectors: list[Array] = field(default_factory=list)
    masks: list[Array] = field(default_factory=list)  # or factors; numbered from 1: 0 is none
    plateau: bool = False
    """True for a rate that reads the losses of epochs: it is the same within a pass only."""

    def append(self, optimizer: Optimizer[Any], state: Any) -> Rebuild:
        """Add the operations of an optimizer in this state; `ForeignError` if one has none."""
        rule = optimizer.update
        kind = type(rule)
        if isinstance(rule, Chain) and kind is Chain:
            return self._chain(rule, state)
        if isinstance(rule, Masked) and kind is Masked:
            return self._masked(rule, state)
        if isinstance(rule, PerLayer) and kind is PerLayer:
            return self._per_layer(rule, state)
        if isinstance(rule, Elementwise | Transform) and defined_by_fnn(kind):
            return self._simple(rule, state)
        if kind is ReduceOnPlateau:
            self.plateau = True
            self.operations.append(Operation("scale", (check_plateau(state).scale,)))
            return lambda vectors, steps: state
        raise ForeignError(f"optimizer: expected one with operations, got {describe(rule)}")

    def _simple(self, rule: Any, state: Any) -> Rebuild:
        steps, begin = 0, len(self.vectors)
        if isinstance(rule, Elementwise):
            steps, *vectors = rule.checked(state, count(self.params), self.dtype)
            self.vectors.extend(vectors)
        end, mask = len(self.vectors), self._number(getattr(rule, "mask", None))
        for name, numbers in rule.operations():
            rate = getattr(rule, "rate", 1.0)
            self.operations.append(Operation(name, numbers, begin, steps, rate, mask))
        if isinstance(rule, Elementwise):
            return lambda after, more: rule.kind(steps + more, *after[begin:end])
        return lambda after, more: ()

    def _chain(self, rule: Chain, state: Any) -> Rebuild:
        pairs = zip(rule.optimizers, rule.states(state), strict=True)
        rebuilds = [self.append(optimizer, own) for optimizer, own in pairs]
        return lambda vectors, steps: tuple([rebuild(vectors, steps) for rebuild in rebuilds])

    def _masked(self, rule: Masked[Any], state: Any) -> Rebuild:
        begin, place = len(self.vectors), len(self.operations)
        mask = self._number(rule.mask)
        rebuild = self.append(rule.optimizer, state)
        held = len(self.vectors) - begin
        self.vectors.extend([np.zeros_like(vector) for vector in self.vectors[begin:]])
        hold = Operation("hold", (float(held),), begin, mask=mask)
        self.operations.insert(place, hold)
        self.operations.append(hold._replace(name="release"))
        return rebuild

    def _per_layer(self, rule: PerLayer[Any], state: Any) -> Rebuild:
        rebuild = self.append(rule.optimizer, state)
        self.masks.append(rule.vector(self.params))
        self.operations.append(Operation("scale_each", mask=len(self.masks)))
        return rebuild

    def _number(self, mask: Where | None) -> int:
        """The number under which operations find a mask."""
        if mask is None:
            return 0
        self.masks.append(mask.false(self.params))
        return len(self.masks)

    def complete(self) -> None:
        """Make sure that the last operation adds the update to the params."""
        if self.operations[-1].name in CHANGE_GRADIENT_ONLY:
            self.operations.append(Operation("give_all"))

    @property
    def fused(self) -> bool:
        """True if the update is a multiple of the gradient, which need not be stored then."""
        return [operation.name for operation in self.operations] == ["sgd"]

    def integers(self) -> NDArray[np.int64]:
        """The table of the operations."""
        rows, done, last = [], 0, len(self.operations) - 1
        for i, (name, numbers, first, steps, _, mask) in enumerate(self.operations):
            code = self.resolve(name)
            rows.append(OperationRow(code, first, steps, i, 0, mask, done, int(i == last)))
            done += len(numbers)
        return np.array(rows, np.int64)

    def numbers(self) -> NDArray[np.float64]:
        """The numbers of all operations."""
        return np.array([number for op in self.operations for number in op.numbers] or [0.0])

    def rates(self, done: int, steps: int, integers: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rates of `steps` to come after `done` ones; writes their places to `integers`."""
        constant = [op.rate if isinstance(op.rate, float) else 0.0 for op in self.operations]
        varying: list[float] = []
        for i, op in enumerate(self.operations):
            if callable(op.rate):
                integers[i, [RATE, STRIDE]] = len(constant) + len(varying), 1
                first = op.steps + done
                varying.extend(rate_at(op.rate, step) for step in range(first, first + steps))
            integers[i, BEFORE] = op.steps + done
        return np.array(constant + varying)
