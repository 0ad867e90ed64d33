"""The rules that built-in optimizers are made of: arithmetic on one vector.

A rule gets the gradient as one vector of its own and may overwrite it by the update. Its state
holds vectors of the same length. `Rule.__call__` is the same for trees of gradients, and pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, Generic

import numpy as np
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.masks import Mask, Where, masked_params, where
from fnn._core.numbers import check_rate, describe, whole
from fnn._core.trees import check_alike, check_tree, joined, parts, shaped, size
from fnn.base import Array, Optimizer, S

BLOCK = 2**13
"""Numbers in a temporary. Large ones make malloc return and fault in pages at every step."""


class Rule(ABC, Generic[S]):
    """The ``update`` of a built-in optimizer, a dataclass of its numbers."""

    name: ClassVar[str]
    """The function that makes it, for its repr."""

    @abstractmethod
    def init(self, params: Any) -> S:
        """The state before the first step."""

    @abstractmethod
    def rewrite(self, g: Array, state: S, params: Any) -> tuple[Array, S]:
        """The update and the next state, for a gradient `g` that may be overwritten."""

    @abstractmethod
    def held(self, out: Array, before: S, after: S) -> S:
        """The state `after`, but `before` in the places of its vectors where `out` is True."""

    def __call__(self, grads: Any, state: S, params: Any) -> tuple[Any, S]:
        """``(grads, state, params) -> (updates, state)``, as every optimizer's update."""
        check_alike("grads", grads, params)
        vector, state = self.rewrite(joined(grads), state, params)
        return shaped(frozen(vector), params), state

    def operations(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        """The kernels of the compiled engine that carry the rule out, and the numbers they read.

        It is the kernel of the rule's name, which reads the rule's numbers in their order, but for
        the rate and a mask: every kernel gets these.
        """
        names = [field.name for field in _fields(self) if field.name not in ("rate", "mask")]
        return ((self.name, tuple([getattr(self, name) for name in names])),)

    def pair(self) -> Optimizer[S]:
        """The pair that users get."""
        return Optimizer(self.init, self)

    @override
    def __repr__(self) -> str:
        """The call that makes the rule, without the arguments that have their defaults."""
        return f"{self.name}({', '.join(_arguments(self))})"


def _fields(rule: Any) -> tuple[Field[Any], ...]:
    """The fields of a rule, all of which are dataclasses."""
    return fields(rule)


def _arguments(rule: Any) -> list[str]:
    shown = []
    for field in _fields(rule):
        value = getattr(rule, field.name)
        if field.default is MISSING:
            shown.append(repr(value))
        elif value != field.default:
            shown.append(f"{field.name}={value!r}")
    return shown


class Elementwise(Rule[S]):
    """A rule that treats every number alike; its state is the steps taken and some vectors."""

    kind: ClassVar[Any]
    """The class of the state: a NamedTuple of ``steps``, then the vectors."""

    @abstractmethod
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        """Overwrite `g` by its update, and fill `new` with the vectors that follow `old`."""

    @override
    def init(self, params: Any) -> S:
        vectors = len(self.kind._fields) - 1
        zero = [frozen(np.zeros(size(params), check_tree(params)))] if vectors else []
        state: S = self.kind(0, *zero * vectors)
        return state

    @override
    def rewrite(self, g: Array, state: S, params: Any) -> tuple[Array, S]:
        steps, *old = self.checked(state, g.size, g.dtype)
        after: S
        if not old:  # the short way of small networks' descent
            self.change(steps, g, [], [])
            after = self.kind(steps + 1)
            return g, after
        new = np.empty((len(old), g.size), g.dtype)  # one piece of memory: see BLOCK
        self.change(steps, g, old, list(new))
        after = self.kind(steps + 1, *frozen(new))
        return g, after

    @override
    def held(self, out: Array, before: Any, after: Any) -> S:
        vectors = (np.where(out, *pair) for pair in zip(before[1:], after[1:], strict=True))
        state: S = self.kind(after[0], *map(frozen, vectors))
        return state

    def checked(self, state: Any, size: int, dtype: np.dtype[Any]) -> Any:
        """The state, if it is one of this rule for `size` params of that dtype."""
        if not isinstance(state, self.kind):
            raise TypeError(
                f"state: expected {self.kind.__name__}, got {describe(state)}; fnn.start makes one"
            )
        if type(state[0]) is not int or state[0] < 0:
            whole("state.steps", state[0], 0)
        if len(state) == 1:
            return state
        for name, vector in zip(self.kind._fields[1:], state[1:], strict=True):
            if vector.shape != (size,) or vector.dtype != dtype:
                raise ValueError(
                    f"state.{name}: expected a vector {(size,)} of {dtype} to match params, got"
                    f" {vector.shape} of {vector.dtype}; fnn.start makes the state of these params"
                )
        return state


def rewrite(optimizer: Optimizer[S], g: Array, state: S, params: Any) -> tuple[Array, S]:
    """`Rule.rewrite` of any optimizer; one that is not fnn's own gets read-only gradients."""
    if isinstance(optimizer.update, Rule):
        update: Array
        after: S
        update, after = optimizer.update.rewrite(g, state, params)
        return update, after
    pair: Any = optimizer.update(shaped(frozen(g), params), state, params)
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise TypeError(
            f"optimizer.update: expected the pair (updates, state), got {describe(pair)};"
            f" {_RETURN_BOTH}"
        )
    updates, after = pair
    try:
        check_alike("updates", updates, params)
    except (TypeError, ValueError):
        if _alike(pair, params):  # those of two layers look like a pair
            raise TypeError(
                "optimizer.update: expected the pair (updates, state), got the updates alone;"
                f" {_RETURN_BOTH}"
            ) from None
        raise
    return joined(updates), after


_RETURN_BOTH = "return both: (updates, state), or (updates, ()) without a state"


def _alike(tree: Any, params: Any) -> bool:
    """Tell whether a tree is as the updates of these params are."""
    try:
        check_alike("updates", tree, params)
    except (TypeError, ValueError):
        return False
    return True


def add_scaled(g: Array, factor: float, x: Array) -> None:
    """``g += factor * x``."""
    for part in blocks(g):
        g[part] += factor * x[part]


def add_decay(update: Array, factor: float, mask: Where | None, params: Any) -> None:
    """``update -= factor * p``, but where the mask is False."""
    for part, p in zip(parts(update, params), masked_params(mask, params), strict=True):
        add_scaled(part, -factor, p)


def check_decay(decay: float, mask: Mask | None) -> tuple[float, Where | None]:
    """Return the decay, if it is a number of at least 0, and the checked mask of what decays."""
    return check_rate("decay", decay), None if mask is None else where(mask)


def divide_by_root(g: Array, squares: Array, eps: float) -> None:
    """``g /= sqrt(squares) + eps``."""
    for part in blocks(g):
        root = np.sqrt(squares[part])
        root += eps
        g[part] /= root


def blocks(vector: Array) -> list[slice]:
    """Slices that cut a vector into blocks."""
    return [slice(i, i + BLOCK) for i in range(0, vector.size, BLOCK)]
