"""Optimizers made of optimizers: one after another, or one for a part of the params."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from fnn._core.checks import check_optimizer, check_params
from fnn._core.masks import Mask, Where, where
from fnn._core.numbers import describe
from fnn.base import Array, Optimizer, Params, S
from fnn.optimizers._rules import Rule, rewrite

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Chain(Rule[tuple[S, T]]):
    """The rule of `chain`."""

    name: ClassVar[str] = "chain"
    first: Optimizer[S]
    second: Optimizer[T]

    @override
    def init(self, params: Params[Any]) -> tuple[S, T]:
        return self.first.init(params), self.second.init(params)

    @override
    def rewrite(
        self, g: Array, state: tuple[S, T], params: Params[Any]
    ) -> tuple[Array, tuple[S, T]]:
        one, two = self.states(state)
        g, one = rewrite(self.first, g, one, params)
        g, two = rewrite(self.second, g, two, params)
        return g, (one, two)

    @override
    def held(self, out: Array, before: tuple[S, T], after: tuple[S, T]) -> tuple[S, T]:
        one = held(self.first, out, before[0], after[0])
        return one, held(self.second, out, before[1], after[1])

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

    >>> import numpy as np
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
    return Chain(first, second).pair()


@dataclass(frozen=True, repr=False)
class Masked(Rule[S]):
    """The rule of `masked`."""

    name: ClassVar[str] = "masked"
    optimizer: Optimizer[S]
    mask: Where

    @override
    def init(self, params: Params[Any]) -> S:
        check_params(params)
        self.mask.false(params)  # raises what does not fit
        return self.optimizer.init(params)

    @override
    def rewrite(self, g: Array, state: S, params: Params[Any]) -> tuple[Array, S]:
        out = self.mask.false(params)
        g[out] = 0.0
        update, after = rewrite(self.optimizer, g, state, params)
        update[out] = -0.0  # x + 0.0 is not x where x is -0.0
        return update, held(self.optimizer, out, state, after)

    @override
    def held(self, out: Array, before: S, after: S) -> S:
        return held(self.optimizer, out, before, after)


def masked(optimizer: Optimizer[S], mask: Mask) -> Optimizer[S]:
    """`optimizer` for the params where `mask` is True; where it is False they keep every bit.

    `mask` has an entry for each layer: a bool, or a pair for w and b of bools or bool arrays of
    their shapes. A param whose mask is False has a gradient of 0 and an update of 0, and keeps its
    place in the vectors of fnn's optimizers' states; one of your own makes its state as it likes.
    The state is the optimizer's own, so training can be masked and unmasked midway. Raises
    `TypeError` for a mask of other things, `ValueError` where it does not match the params.

    >>> import numpy as np
    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> from fnn.optimizers import sgd
    >>> optimizer = masked(sgd(0.1), ((True, False),))
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-3.]]), b=array([-0.])),)
    """
    check_optimizer(optimizer)
    return Masked(optimizer, where(mask)).pair()


def held(optimizer: Optimizer[S], out: Array, before: S, after: S) -> S:
    """`Rule.held` of any optimizer: a state that is not fnn's stays as it was made."""
    if isinstance(optimizer.update, Rule):
        state: S = optimizer.update.held(out, before, after)
        return state
    return after
