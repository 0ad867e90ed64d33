"""An optimizer as a program: its rules as operations that the kernels carry out, one after another.

What a rule computes is written down in `fnn.compiled._code.optimizers` and `transforms`; here is which of
them each rule is, with which numbers.
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
from fnn.compiled._runtime.calls import address
from fnn.optimizers._adaptive import Adagrad, RmsProp, Rprop
from fnn.optimizers._combine import Chain, Masked
from fnn.optimizers._descent import Momentum, Nesterov, Sgd
from fnn.optimizers._moments import Adam, AdamW, Nadam
from fnn.optimizers._rules import Elementwise
from fnn.optimizers._transforms import AddDecayedWeights, AddL1, ClipByNorm, ClipByValue, Scale
from fnn.schedules import Schedule, rate_at

Rebuild = Callable[[list[Array], int], Any]
"""From the vectors of state and the steps taken since, an optimizer's state."""

# For each rule with steps, the operation of its name and the numbers that it reads.
_STEPPING: dict[type, tuple[str, Callable[[Any], tuple[float, ...]]]] = {
    Sgd: ("sgd", lambda rule: ()),
    Momentum: ("momentum", lambda rule: (rule.mass,)),
    Nesterov: ("nesterov", lambda rule: (rule.mass,)),
    Adagrad: ("adagrad", lambda rule: (rule.eps,)),
    RmsProp: ("rmsprop", lambda rule: (rule.eps, rule.decay)),
    Rprop: ("rprop", lambda rule: (rule.shrink, rule.grow, rule.least, rule.most)),
    Adam: ("adam", lambda rule: (rule.b1, rule.b2, rule.eps)),
    AdamW: ("adam", lambda rule: (rule.b1, rule.b2, rule.eps)),
    Nadam: ("nadam", lambda rule: (rule.b1, rule.b2, rule.eps)),
}

_WITHOUT_UPDATE = {"clip_norm", "clip_value", "release"}


class Operation(NamedTuple):
    """A function of the kernels and what it gets."""

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
    operations: list[Operation] = field(default_factory=list)
    vectors: list[Array] = field(default_factory=list)
    masks: list[NDArray[np.bool_]] = field(default_factory=list)  # number 0 is none

    def append(self, optimizer: Optimizer[Any], state: Any) -> Rebuild:
        """The operations of an optimizer in this state; `TypeError` for one that is not fnn's."""
        rule = optimizer.update
        kind = type(rule)
        if isinstance(rule, Chain) and kind is Chain:
            one, two = rule.states(state)
            first, second = self.append(rule.first, one), self.append(rule.second, two)
            return lambda vectors, steps: (first(vectors, steps), second(vectors, steps))
        if isinstance(rule, Masked) and kind is Masked:
            return self._masked(rule, state)
        if isinstance(rule, Elementwise) and kind in _STEPPING:
            return self._stepping(rule, state)
        match rule:
            case ClipByNorm() if kind is ClipByNorm:
                self._add("clip_norm", rule.max_norm)
            case ClipByValue() if kind is ClipByValue:
                self._add("clip_value", rule.limit)
            case Scale() if kind is Scale:
                self._add("scale", rule.factor)
            case AddL1() if kind is AddL1:
                self.operations.append(self._decay("l1", rule.decay, rule.mask))
            case AddDecayedWeights() if kind is AddDecayedWeights:
                self.operations.append(self._decay("decay", rule.decay, rule.mask))
            case _:
                raise TypeError(
                    f"optimizer: expected one that fnn.optimizers makes, got {describe(rule)};"
                    " fnn.scan runs any"
                )
        return lambda vectors, steps: ()

    def _add(self, name: str, *numbers: float) -> None:
        self.operations.append(Operation(name, numbers))

    def _stepping(self, rule: Any, state: Any) -> Rebuild:
        name, numbers = _STEPPING[type(rule)]
        steps, *old = rule.checked(state, count(self.params), self.dtype)
        begin = len(self.vectors)
        self.vectors.extend(old)
        end, rate = len(self.vectors), getattr(rule, "rate", 1.0)
        self.operations.append(Operation(name, numbers(rule), begin, steps, rate))
        if isinstance(rule, AdamW):
            decay = self._decay("decay", -rule.decay, rule.mask)
            self.operations.append(decay._replace(steps=steps, rate=rate))
        return lambda vectors, more: rule.kind(steps + more, *vectors[begin:end])

    def _decay(self, name: str, decay: float, mask: Where | None) -> Operation:
        if mask is None:
            return Operation(name, (decay,))
        self.masks.append(mask.false(self.params))
        return Operation(name, (decay,), mask=len(self.masks))

    def _masked(self, rule: Masked[Any], state: Any) -> Rebuild:
        begin, place = len(self.vectors), len(self.operations)
        self.masks.append(rule.mask.false(self.params))
        mask = len(self.masks)
        rebuild = self.append(rule.optimizer, state)
        held = len(self.vectors) - begin
        self.vectors.extend([np.zeros_like(vector) for vector in self.vectors[begin:]])
        holding = Operation("hold", (float(held),), begin, mask=mask)
        self.operations.insert(place, holding)
        self.operations.append(holding._replace(name="release"))
        return rebuild

    def complete(self) -> None:
        """Have the last operation give its update to the params, or one that does nothing else."""
        if self.operations[-1].name in _WITHOUT_UPDATE:
            self._add("give_all")

    @property
    def fused(self) -> bool:
        """Whether the update is a multiple of the gradient, which need not be kept then."""
        return [operation.name for operation in self.operations] == ["sgd"]

    def integers(self) -> NDArray[np.int64]:
        """The operations as kernels read them."""
        rows, done, last = [], 0, len(self.operations) - 1
        for i, (name, numbers, first, steps, _, mask) in enumerate(self.operations):
            code = address(name, self.dtype)
            rows.append(OperationRow(code, first, steps, i, 0, mask, done, i == last))
            done += len(numbers)
        return np.array(rows, np.int64)

    def numbers(self) -> NDArray[np.float64]:
        """The numbers of all operations."""
        return np.array([number for op in self.operations for number in op.numbers] or [0.0])

    def rates(self, done: int, steps: int, integers: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rates of steps to come, after `done` ones; `integers` are told where they are."""
        constant = [op.rate if isinstance(op.rate, float) else 0.0 for op in self.operations]
        varying: list[float] = []
        for i, op in enumerate(self.operations):
            if callable(op.rate):
                integers[i, [RATE, STRIDE]] = len(constant) + len(varying), 1
                first = op.steps + done
                varying.extend(rate_at(op.rate, step) for step in range(first, first + steps))
            integers[i, BEFORE] = op.steps + done
        return np.array(constant + varying)
