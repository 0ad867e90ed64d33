"""Optimizers made of optimizers: one after another, or one for a part of the params."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core.arrays import frozen, rebuild
from fnn._core.checks import check_optimizer, check_params
from fnn._core.masks import Mask, Where, where
from fnn._core.numbers import describe
from fnn.base import Array, Optimizer, Params, S
from fnn.optimizers._rules import Rule, rewrite, slices

T = TypeVar("T")


@dataclass(frozen=True)
class Chain(Rule[tuple[S, T]]):
    """The rule of `chain`."""

    first: Optimizer[S]
    second: Optimizer[T]

    @override
    def init(self, params: Params[Any]) -> tuple[S, T]:
        return self.first.init(params), self.second.init(params)

    @override
    def rewrite(
        self, vectors: Sequence[Array], state: tuple[S, T], params: Params[Any]
    ) -> tuple[S, T]:
        one, two = self.states(state)
        one = rewrite(self.first, vectors, one, params)
        return one, rewrite(self.second, vectors, two, params)

    def states(self, state: tuple[S, T]) -> tuple[S, T]:
        """The state, if it is a pair."""
        try:
            one, two = state
        except (TypeError, ValueError):
            raise TypeError(
                f"state: expected the two states of a chain, got {describe(state)};"
                " fnn.start makes them"
            ) from None
        return one, two


def chain(first: Optimizer[S], second: Optimizer[T]) -> Optimizer[tuple[S, T]]:
    """`second` applied to what `first` returns; the state is the pair of theirs.

    Any optimizers will do, your own too. ``chain(a, chain(b, c))`` and ``chain(chain(a, b), c)``
    do the same.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> from fnn.optimizers import clip_by_norm, scale
    >>> optimizer = chain(clip_by_norm(5.0), scale(-0.1))
    >>> optimizer.update(grads, optimizer.init(params), params)
    ((LayerGrad(w=array([[-0.3]]), b=array([-0.4])),), ((), ()))
    """
    check_optimizer(first)
    check_optimizer(second)
    rule = Chain(first, second)
    return Optimizer(rule.init, rule)


@dataclass(frozen=True)
class Masked(Rule[S]):
    """The rule of `masked`."""

    optimizer: Optimizer[S]
    mask: Where

    @override
    def init(self, params: Params[Any]) -> S:
        check_params(params)
        self.mask.false(params)  # raises what does not fit
        return self.optimizer.init(params)

    @override
    def rewrite(self, vectors: Sequence[Array], state: S, params: Params[Any]) -> S:
        fixed = self.mask.false(params)
        for g, part in zip(vectors, slices(vectors), strict=True):
            g[fixed[part]] = 0.0
        after = rewrite(self.optimizer, vectors, state, params)
        for g, part in zip(vectors, slices(vectors), strict=True):
            g[fixed[part]] = -0.0  # x + 0.0 is not x where x is -0.0
        held: S = held_where(fixed, state, after)
        return held


def masked(optimizer: Optimizer[S], mask: Mask) -> Optimizer[S]:
    """`optimizer` for the params where `mask` is True; where it is False they keep every bit.

    `mask` has an entry for each layer: a bool, or a pair for w and b of bools or bool arrays of
    their shapes. What is False has a gradient of 0 and an update of 0, and keeps its place in the
    optimizer's vectors of state. The state is the optimizer's own, so training can be masked and
    unmasked midway. Raises `TypeError` for a mask of other things, `ValueError` where it does not
    match the params.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> from fnn.optimizers import sgd
    >>> optimizer = masked(sgd(0.1), ((True, False),))
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-3.]]), b=array([-0.])),)
    """
    check_optimizer(optimizer)
    rule = Masked(optimizer, where(mask))
    return Optimizer(rule.init, rule)


def held_where(fixed: NDArray[np.bool_], old: Any, new: Any) -> Any:
    """The state `new`, but `old` in those places of its vectors."""
    if isinstance(new, tuple):
        return rebuild(new, [held_where(fixed, *pair) for pair in zip(old, new, strict=True)])
    if isinstance(new, np.ndarray) and new.shape == fixed.shape:
        return frozen(np.where(fixed, old, new))
    return new
