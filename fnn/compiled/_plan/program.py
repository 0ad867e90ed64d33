"""An optimizer as a program: operations that machine code carries out, one after another.

The operations are written down in `fnn.compiled._code.optimizers` and `transforms`. `RECIPES` says
of which of them each rule of `fnn.optimizers` consists, and which numbers they read.
"""

from __future__ import annotations

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
from fnn.optimizers._adaptive import Adagrad, RmsProp, Rprop
from fnn.optimizers._combine import Chain, Masked, PerLayer
from fnn.optimizers._descent import Lion, Momentum, Nesterov, Sgd
from fnn.optimizers._moments import Adam, Adamax, AdamW, Amsgrad, Nadam
from fnn.optimizers._rules import Elementwise
from fnn.optimizers._transforms import AddDecayedWeights, AddL1, ClipByNorm, ClipByValue, Scale
from fnn.schedules import Schedule, rate_at
from fnn.train._plateau import ReduceOnPlateau, check_plateau

Rebuild = Callable[[list[Array], int], Any]
"""A function that makes an optimizer's state of its vectors and the steps taken since."""


class ForeignError(TypeError):
    """Raised for an optimizer that has no operations, as a user's own."""


class Recipe(NamedTuple):
    """An operation by name, and the numbers that it reads, from the rule's attributes."""

    operation: str
    numbers: Callable[[Any], tuple[float, ...]] = lambda rule: ()


RECIPES: dict[type, tuple[Recipe, ...]] = {
    Sgd: (Recipe("sgd"),),
    Momentum: (Recipe("momentum", lambda rule: (rule.mass,)),),
    Nesterov: (Recipe("nesterov", lambda rule: (rule.mass,)),),
    Adagrad: (Recipe("adagrad", lambda rule: (rule.eps,)),),
    RmsProp: (Recipe("rmsprop", lambda rule: (rule.eps, rule.decay)),),
    Rprop: (Recipe("rprop", lambda rule: (rule.shrink, rule.grow, rule.least, rule.most)),),
    Adam: (Recipe("adam", lambda rule: (rule.b1, rule.b2, rule.eps)),),
    AdamW: (
        Recipe("adam", lambda rule: (rule.b1, rule.b2, rule.eps)),
        Recipe("decay", lambda rule: (-rule.decay,)),
    ),
    Nadam: (Recipe("nadam", lambda rule: (rule.b1, rule.b2, rule.eps)),),
    Amsgrad: (Recipe("amsgrad", lambda rule: (rule.b1, rule.b2, rule.eps)),),
    Adamax: (Recipe("adamax", lambda rule: (rule.b1, rule.b2, rule.eps)),),
    Lion: (
        Recipe("lion", lambda rule: (rule.b1, rule.b2)),
        Recipe("decay", lambda rule: (-rule.decay,)),
    ),
    ClipByNorm: (Recipe("clip_norm", lambda rule: (rule.max_norm,)),),
    ClipByValue: (Recipe("clip_value", lambda rule: (rule.limit,)),),
    Scale: (Recipe("scale", lambda rule: (rule.factor,)),),
    AddL1: (Recipe("l1", lambda rule: (rule.decay,)),),
    AddDecayedWeights: (Recipe("decay", lambda rule: (rule.decay,)),),
}
"""The operations of every rule that is not made of other optimizers."""

CHANGE_GRADIENT_ONLY = {"clip_norm", "clip_value", "release"}
"""Operations that cannot add their update to the params, should they be the last."""


class Operation(NamedTuple):
    """An operation and its arguments: the number of its first vector, its mask, and so on."""

    name: str
    numbers: tuple[float, ...] = ()
    first: int = 0
    steps: int = 0
    rate: float | Schedule = 1.0
    mask: int = 0


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
        if kind in RECIPES:
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
        for name, numbers in RECIPES[type(rule)]:
            rate = getattr(rule, "rate", 1.0)
            self.operations.append(Operation(name, numbers(rule), begin, steps, rate, mask))
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
