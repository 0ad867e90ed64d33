"""Descent along the gradient: plain, with momentum, with Nesterov's, and along its signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.masks import Mask, Where
from fnn._core.numbers import fraction, within
from fnn.base import Array, Optimizer
from fnn.optimizers._rules import Elementwise, add_decay, add_scaled, check_decay
from fnn.schedules import Schedule, check_schedule, rate_at


class SgdState(NamedTuple):
    """The state of `sgd`: the number of steps taken, which a schedule reads."""

    steps: int


@dataclass(frozen=True, repr=False)
class Sgd(Elementwise[SgdState]):
    """The rule of `sgd`."""

    name: ClassVar[str] = "sgd"
    kind: ClassVar[type[SgdState]] = SgdState
    rate: float | Schedule

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        g *= -rate_at(self.rate, steps)


def sgd(rate: float | Schedule) -> Optimizer[SgdState]:
    """Stochastic gradient descent: ``update = -rate * g``.

    Source: Robbins and Monro, "A stochastic approximation method", 1951.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = sgd(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)
    ((LayerGrad(w=array([[-1.]]), b=array([-0.1])),), SgdState(steps=1))
    """
    return Sgd(check_schedule(rate)).pair()


class MomentumState(NamedTuple):
    """The state of `momentum` and `nesterov`: ``carried`` is ``mass * v``.

    That is what the next gradient is added to: PyTorch's ``momentum_buffer``, decayed already.
    """

    steps: int
    carried: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Momentum(Elementwise[MomentumState]):
    """The rule of `momentum`."""

    name: ClassVar[str] = "momentum"
    kind: ClassVar[type[MomentumState]] = MomentumState
    rate: float | Schedule
    mass: float = 0.9

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        g += old[0]  # now it is v
        np.multiply(g, self.mass, out=new[0])
        g *= -rate_at(self.rate, steps)


def momentum(rate: float | Schedule, mass: float = 0.9) -> Optimizer[MomentumState]:
    """Gradient descent with momentum: ``v = mass * v + g``, ``update = -rate * v``.

    `mass` is at least 0 and below 1. The rate multiplies the sum, as in PyTorch, and not each of
    its terms: a schedule takes effect at once. Source: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = momentum(0.1, 0.5)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> _, state = optimizer.update(grads, optimizer.init(params), params)
    >>> optimizer.update(grads, state, params)[0]
    (LayerGrad(w=array([[-1.5]]), b=array([-0.15])),)
    """
    return Momentum(check_schedule(rate), fraction("mass", mass)).pair()


@dataclass(frozen=True, repr=False)
class Nesterov(Momentum):
    """The rule of `nesterov`."""

    name: ClassVar[str] = "nesterov"

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (carried,) = new
        np.add(g, old[0], out=carried)
        carried *= self.mass
        g += carried
        g *= -rate_at(self.rate, steps)


def nesterov(rate: float | Schedule, mass: float = 0.9) -> Optimizer[MomentumState]:
    """Nesterov's momentum: ``v = mass * v + g``, ``update = -rate * (g + mass * v)``.

    `mass` is above 0 and below 1. As PyTorch's, it stands at the point ahead where the gradient is
    taken. Source: Nesterov 1983, as written by Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = nesterov(0.1, 0.5)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-1.5]]), b=array([-0.15])),)
    """
    mass = within("mass", mass, 0.0, 1.0, "()")
    return Nesterov(check_schedule(rate), mass).pair()


class LionState(NamedTuple):
    """The state of `lion`: the decayed mean ``m`` of g."""

    steps: int
    m: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Lion(Elementwise[LionState]):
    """The rule of `lion`."""

    name: ClassVar[str] = "lion"
    kind: ClassVar[type[LionState]] = LionState
    rate: float | Schedule
    b1: float = 0.9
    b2: float = 0.99
    decay: float = 0.0
    mask: Where | None = None

    @override
    def operations(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        return (("lion", (self.b1, self.b2)), ("add_decayed_weights", (-self.decay,)))

    @override
    def rewrite(self, g: Array, state: LionState, params: Any) -> tuple[Array, LionState]:
        update, after = super().rewrite(g, state, params)
        add_decay(update, rate_at(self.rate, state.steps) * self.decay, self.mask, params)
        return update, after

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (m0,), (m,) = old, new
        np.multiply(g, 1.0 - self.b2, out=m)
        add_scaled(m, self.b2, m0)
        g *= 1.0 - self.b1
        add_scaled(g, self.b1, m0)
        np.sign(g, out=g)
        g *= -rate_at(self.rate, steps)


def lion(
    rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.99,
    decay: float = 0.0,
    mask: Mask | None = None,
) -> Optimizer[LionState]:
    """Steps of one size along the signs of a gradient with momentum, and decoupled weight decay.

    ``update = -rate * (sign(b1 * m + (1 - b1) * g) + decay * p)``, then
    ``m = b2 * m + (1 - b2) * g``. The sign of 0 is 0. `b1` and `b2` are at least 0 and below 1,
    `decay` and `mask` are as for `adamw`. The source advises a third to a tenth of the rate of
    `adamw`, and a decay as many times greater. Source: Chen et al., "Symbolic discovery of
    optimization algorithms", 2023, algorithm 2.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = lion(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([-1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.1]]), b=array([0.1])),)
    """
    return Lion(
        check_schedule(rate),
        fraction("b1", b1),
        fraction("b2", b2),
        *check_decay(decay, mask),
    ).pair()
