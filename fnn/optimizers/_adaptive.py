"""Adagrad, RMSProp and Rprop, which give every number of the params a rate of its own.

The notation is that of `fnn.optimizers`, which has all optimizers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.numbers import fraction, positive
from fnn._core.trees import check_tree
from fnn.base import Array, Optimizer, S
from fnn.optimizers._rules import Elementwise, add_scaled, divide_by_root
from fnn.schedules import Schedule, check_schedule, rate_at


class Adaptive(Elementwise[S]):
    """A rule that divides by the root of squared gradients, plus `eps`."""

    rate: float | Schedule
    eps: float

    @override
    def init(self, params: Any) -> S:
        dtype = check_tree(params)
        least = np.finfo(dtype).smallest_normal
        if self.eps < least:
            raise ValueError(
                f"eps: expected at least {least}, the least normal {dtype}, got {self.eps};"
                " it keeps a gradient of 0 from becoming 0 / 0"
            )
        return super().init(params)


class SquaresState(NamedTuple):
    """The state of `adagrad` and `rmsprop`: ``squares``, the sum or average of g ** 2."""

    steps: int
    squares: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Adagrad(Adaptive[SquaresState]):
    """The rule of `adagrad`."""

    name: ClassVar[str] = "adagrad"
    kind: ClassVar[type[SquaresState]] = SquaresState
    rate: float | Schedule
    eps: float = 1e-10

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (v0,), (v,) = old, new
        np.multiply(g, g, out=v)
        v += v0
        divide_by_root(g, v, self.eps)
        g *= -rate_at(self.rate, steps)


def adagrad(rate: float | Schedule, eps: float = 1e-10) -> Optimizer[SquaresState]:
    """Adagrad: ``v = v + g ** 2``, ``update = -rate * g / (sqrt(v) + eps)``.

    `eps` is above 0, and outside the root, as in PyTorch. Source: Duchi, Hazan and Singer,
    "Adaptive subgradient methods for online learning and stochastic optimization", 2011.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = adagrad(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.1]]), b=array([-0.1])),)
    """
    return Adagrad(check_schedule(rate), positive("eps", eps)).pair()


@dataclass(frozen=True, repr=False)
class RmsProp(Adaptive[SquaresState]):
    """The rule of `rmsprop`."""

    name: ClassVar[str] = "rmsprop"
    kind: ClassVar[type[SquaresState]] = SquaresState
    rate: float | Schedule
    decay: float = 0.99
    eps: float = 1e-8

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (v0,), (v,) = old, new
        np.multiply(g, g, out=v)
        v *= 1.0 - self.decay
        add_scaled(v, self.decay, v0)
        divide_by_root(g, v, self.eps)
        g *= -rate_at(self.rate, steps)


def rmsprop(
    rate: float | Schedule, decay: float = 0.99, eps: float = 1e-8
) -> Optimizer[SquaresState]:
    """RMSProp: ``v = decay * v + (1 - decay) * g ** 2``, ``update = -rate * g / (sqrt(v) + eps)``.

    `decay` is at least 0 and below 1; `eps` is above 0, and outside the root, as in PyTorch.
    Source: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = rmsprop(0.1, decay=0.75)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.2]]), b=array([-0.2])),)
    """
    return RmsProp(check_schedule(rate), fraction("decay", decay), positive("eps", eps)).pair()


class RpropState(NamedTuple):
    """The state of `rprop`: the ``signs`` of the last gradient, the ``sizes`` of the steps."""

    steps: int
    signs: Array
    sizes: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Rprop(Elementwise[RpropState]):
    """The rule of `rprop`."""

    name: ClassVar[str] = "rprop"
    kind: ClassVar[type[RpropState]] = RpropState
    first: float = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    least: float = 1e-6
    most: float = 50.0

    @override
    def init(self, params: Any) -> RpropState:
        state = super().init(params)
        return state._replace(sizes=frozen(np.full_like(state.sizes, self.first)))

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (signs0, sizes0), (signs, sizes) = old, new
        np.sign(g, out=signs)
        kept, turned = signs * signs0 > 0, signs * signs0 < 0
        sizes[:] = sizes0
        np.multiply(sizes, self.grow, out=sizes, where=kept)
        np.multiply(sizes, self.shrink, out=sizes, where=turned)
        np.clip(sizes, self.least, self.most, out=sizes)
        signs[turned] = 0.0
        np.multiply(signs, sizes, out=g)
        np.negative(g, out=g)


def rprop(
    first: float = 0.01,
    shrink: float = 0.5,
    grow: float = 1.2,
    least: float = 1e-6,
    most: float = 50.0,
) -> Optimizer[RpropState]:
    """Resilient propagation: steps whose sizes only the signs of the gradient change.

    A size starts as `first`, is multiplied by `grow` where g keeps its sign and by `shrink` where
    it turns, and stays between `least` and `most`; ``update = -sign(g) * size``, but 0 where g has
    just turned. For gradients of all the data, not of minibatches. This is the form without
    backtracking, as PyTorch's. Raises `ValueError` unless 0 < shrink < 1 <= grow and
    0 < least <= first <= most. Source: Riedmiller and Braun 1993; Igel and Hüsken, "Improving the
    Rprop learning algorithm", 2000 (iRprop-).

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = rprop()
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.01]]), b=array([-0.01])),)
    """
    names = ("first", "shrink", "grow", "least", "most")
    values = (first, shrink, grow, least, most)
    rule = Rprop(*map(positive, names, values))
    if not rule.shrink < 1.0 <= rule.grow:
        raise ValueError(f"shrink, grow: expected shrink < 1 <= grow, got {shrink!r} and {grow!r}")
    if not rule.least <= rule.first <= rule.most:
        raise ValueError(
            f"first: expected a step from least={least!r} to most={most!r}, got {first!r}"
        )
    return rule.pair()
