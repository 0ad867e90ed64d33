"""Optimizers made of optimizers: one after another, for parts, by layers, for several batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.checks import check_optimizer
from fnn._core.masks import Factors, Mask, Where, factors_of, spread, where
from fnn._core.numbers import describe, whole
from fnn._core.trees import check_tree, size
from fnn.base import Array, Optimizer, S, S_any
from fnn.optimizers._rules import Rule, rewrite

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
W = TypeVar("W")


@dataclass(frozen=True, repr=False)
class Chain(Rule[tuple[Any, ...]]):
    """The rule of `chain`."""

    name: ClassVar[str] = "chain"
    first: Optimizer[Any]
    rest: tuple[Optimizer[Any], ...]

    @property
    def optimizers(self) -> tuple[Optimizer[Any], ...]:
        """All of them."""
        return self.first, *self.rest

    @override
    def init(self, params: Any) -> tuple[Any, ...]:
        return tuple([optimizer.init(params) for optimizer in self.optimizers])

    @override
    def rewrite(
        self, g: Array, state: tuple[Any, ...], params: Any
    ) -> tuple[Array, tuple[Any, ...]]:
        after = []
        for optimizer, before in zip(self.optimizers, self.states(state), strict=True):
            g, own = rewrite(optimizer, g, before, params)
            after.append(own)
        return g, tuple(after)

    @override
    def held(self, out: Array, before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(held, self.optimizers, repeat(out), before, after))

    def states(self, state: Any) -> tuple[Any, ...]:
        """The state, if it is a tuple with one for each optimizer."""
        if not isinstance(state, tuple) or len(state) != len(self.optimizers):
            raise TypeError(
                f"state: expected the states of a chain of {len(self.optimizers)}, a tuple, got"
                f" {describe(state)}; fnn.start makes them"
            )
        return state

    @override
    def __repr__(self) -> str:
        return f"chain({', '.join(map(repr, self.optimizers))})"


@overload
def chain(first: Optimizer[S], /) -> Optimizer[S]: ...
@overload
def chain(first: Optimizer[S], second: Optimizer[T], /) -> Optimizer[tuple[S, T]]: ...
@overload
def chain(
    first: Optimizer[S], second: Optimizer[T], third: Optimizer[U], /
) -> Optimizer[tuple[S, T, U]]: ...
@overload
def chain(
    first: Optimizer[S], second: Optimizer[T], third: Optimizer[U], fourth: Optimizer[V], /
) -> Optimizer[tuple[S, T, U, V]]: ...
@overload
def chain(
    first: Optimizer[S],
    second: Optimizer[T],
    third: Optimizer[U],
    fourth: Optimizer[V],
    fifth: Optimizer[W],
    /,
) -> Optimizer[tuple[S, T, U, V, W]]: ...
@overload
def chain(
    first: Optimizer[Any],
    second: Optimizer[Any],
    third: Optimizer[Any],
    fourth: Optimizer[Any],
    fifth: Optimizer[Any],
    sixth: Optimizer[Any],
    /,
    *rest: Optimizer[Any],
) -> Optimizer[tuple[Any, ...]]: ...
def chain(first: Optimizer[Any], /, *rest: Optimizer[Any]) -> Optimizer[Any]:
    """Optimizers one after another: each gets what the one before it returns as its gradient.

    The state is the tuple of their states; one optimizer alone is returned as it is. Any optimizers
    will do, your own too. ``chain(a, b, c)``, ``chain(a, chain(b, c))`` and
    ``chain(chain(a, b), c)`` do the same, with states nested as they are.

    >>> import numpy as np
    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> from fnn.optimizers import clip_by_norm, scale
    >>> optimizer = chain(clip_by_norm(5.0), scale(-1.0), scale(0.1))
    >>> optimizer
    chain(clip_by_norm(5.0), scale(-1.0), scale(0.1))
    >>> optimizer.update(grads, optimizer.init(params), params)
    ((LayerGrad(w=array([[-0.3]]), b=array([-0.4])),), ((), (), ()))
    """
    for optimizer in (first, *rest):
        check_optimizer(optimizer)
    return Chain(first, rest).pair() if rest else first


@dataclass(frozen=True, repr=False)
class Masked(Rule[S]):
    """The rule of `masked`."""

    name: ClassVar[str] = "masked"
    optimizer: Optimizer[S]
    mask: Where

    @override
    def init(self, params: Any) -> S:
        check_tree(params)
        self.mask.false(params)  # raises what does not fit
        return self.optimizer.init(params)

    @override
    def rewrite(self, g: Array, state: S, params: Any) -> tuple[Array, S]:
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
    their shapes. For another tree it has the tree's nesting, with a bool in the place of an array
    or of any subtree. A param whose mask is False has a gradient of 0 and an update of 0, and keeps
    its place in the vectors of fnn's optimizers' states; one of your own makes its state as it
    likes. The state is the optimizer's own, so training can be masked and unmasked midway. Raises
    `TypeError` for a mask of other things, `ValueError` where it does not match the params.

    Whoever comes from optax: ``optax.masked`` passes the gradients that its mask leaves out through
    as updates, unchanged, so that they still move the params. Here they become 0. What optax calls
    ``masked(add_decayed_weights(d), mask)`` is ``add_decayed_weights(d, mask)``.

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


@dataclass(frozen=True, repr=False)
class PerLayer(Rule[S]):
    """The rule of `per_layer`."""

    name: ClassVar[str] = "per_layer"
    optimizer: Optimizer[S]
    factors: Factors

    @override
    def init(self, params: Any) -> S:
        check_tree(params)
        self.vector(params)  # raises what does not fit
        return self.optimizer.init(params)

    @override
    def rewrite(self, g: Array, state: S, params: Any) -> tuple[Array, S]:
        update, after = rewrite(self.optimizer, g, state, params)
        update *= self.vector(params).astype(update.dtype)
        return update, after

    def vector(self, params: Any) -> Array:
        """The factor of each number of the params."""
        return spread("factors", self.factors, params)

    @override
    def held(self, out: Array, before: S, after: S) -> S:
        return held(self.optimizer, out, before, after)


def per_layer(optimizer: Optimizer[S], factors: Factors) -> Optimizer[S]:
    """`optimizer` with its updates multiplied by a number for each layer: rates of their own.

    `factors` has a number of at least 0 for each layer, or a pair for its w and b; for another tree
    it has the tree's nesting, with a number in the place of an array or of any subtree. So
    ``per_layer(adam(1e-3), (0.1, 0.3, 1.0))`` teaches the first layer with a tenth of the rate, as
    in fine-tuning. The state is the optimizer's own. Raises `TypeError` for factors of other things
    and `ValueError` where they do not match the params or are out of range. Source: Howard and
    Ruder, "Universal language model fine-tuning", 2018, section 3.2, discriminative fine-tuning.

    >>> import numpy as np
    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> from fnn.optimizers import sgd
    >>> optimizer = per_layer(sgd(0.1), ((1.0, 0.5),))
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-3.]]), b=array([-2.])),)
    """
    check_optimizer(optimizer)
    return PerLayer(optimizer, factors_of(factors)).pair()


class AccumulateState(NamedTuple, Generic[S_any]):
    """The state of `accumulate`: batches since the last update, the sum of their gradients."""

    batches: int
    total: Array
    inner: S_any

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Accumulate(Rule[AccumulateState[S]]):
    """The rule of `accumulate`."""

    name: ClassVar[str] = "accumulate"
    optimizer: Optimizer[S]
    every: int

    @override
    def init(self, params: Any) -> AccumulateState[S]:
        zero = frozen(np.zeros(size(params), check_tree(params)))
        return AccumulateState(0, zero, self.optimizer.init(params))

    @override
    def rewrite(
        self, g: Array, state: AccumulateState[S], params: Any
    ) -> tuple[Array, AccumulateState[S]]:
        batches, total, inner = self.checked(state, g)
        g += total
        if batches + 1 < self.every:
            waiting = AccumulateState(batches + 1, frozen(g), inner)
            return np.full(g.size, -0.0, g.dtype), waiting  # x + 0.0 is not x where x is -0.0
        g *= 1.0 / self.every
        update, inner = rewrite(self.optimizer, g, inner, params)
        return update, AccumulateState(0, frozen(np.zeros_like(total)), inner)

    @override
    def held(
        self, out: Array, before: AccumulateState[S], after: AccumulateState[S]
    ) -> AccumulateState[S]:
        total = frozen(np.where(out, before.total, after.total))
        inner = held(self.optimizer, out, before.inner, after.inner)
        return AccumulateState(after.batches, total, inner)

    def checked(self, state: Any, g: Array) -> AccumulateState[S]:
        """The state, if it is one of this rule for this gradient."""
        if not isinstance(state, AccumulateState):
            raise TypeError(
                f"state: expected AccumulateState, got {describe(state)}; fnn.start makes one"
            )
        whole("state.batches", state.batches, 0)
        if state.total.shape != g.shape or state.total.dtype != g.dtype:
            raise ValueError(
                f"state.total: expected a vector {g.shape} of {g.dtype} to match params, got"
                f" {state.total.shape} of {state.total.dtype}; fnn.start makes the state of these"
                " params"
            )
        return state


def accumulate(optimizer: Optimizer[S], every: int) -> Optimizer[AccumulateState[S]]:
    """`optimizer` once for every so many batches, with the mean of their gradients.

    The updates in between are 0. So small batches, as memory allows, train as one of `every` times
    their size; a schedule counts the optimizer's own steps. What is left of a pass that `every`
    does not divide waits for the next. `every` is at least 1. As ``optax.MultiSteps``.

    >>> import numpy as np
    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> from fnn.optimizers import sgd
    >>> optimizer = accumulate(sgd(0.1), 2)
    >>> state = optimizer.init(params)
    >>> for size in (10.0, 30.0):
    ...     grads = (LayerGrad(np.full((1, 1), size), np.ones(1)),)
    ...     updates, state = optimizer.update(grads, state, params)
    ...     updates
    (LayerGrad(w=array([[-0.]]), b=array([-0.])),)
    (LayerGrad(w=array([[-2.]]), b=array([-0.1])),)
    """
    check_optimizer(optimizer)
    return Accumulate(optimizer, whole("every", every, 1)).pair()
