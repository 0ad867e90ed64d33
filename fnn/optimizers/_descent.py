"""Optimizers: pairs ``(init, update)`` that turn gradients into updates, to be added to params.

A rate is a number or a schedule (`fnn.schedules`), a function from the step number to a number.
States are NamedTuples of the ``steps`` taken and of frozen vectors, which hold a number for each
of the params': w before b, layer by layer. In the formulas g is the gradient and p the params;
t is 1 at the first step, and all state 0 before it. Where the literature has two forms of an
optimizer, this one is PyTorch's. What comes before or after one is chained to it:

>>> optimizer = chain(clip_by_norm(1.0), adam(1e-3))

Every optimizer raises `ValueError` for a rate that is negative or not finite, and for other
numbers outside their range. The ``update`` of those made here is a `fnn.optimizers._rules.Rule`, a dataclass
of these numbers: it can be pickled and read (``adam(1e-3).update.b1``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core.numbers import fraction
from fnn.base import Array, F, Grads, Layer, Optimizer, Params
from fnn.optimizers._adaptive import RpropState as RpropState
from fnn.optimizers._adaptive import SquaresState as SquaresState
from fnn.optimizers._adaptive import adagrad as adagrad
from fnn.optimizers._adaptive import rmsprop as rmsprop
from fnn.optimizers._adaptive import rprop as rprop
from fnn.optimizers._combine import chain as chain
from fnn.optimizers._combine import masked as masked
from fnn.optimizers._moments import AdamState as AdamState
from fnn.optimizers._moments import adam as adam
from fnn.optimizers._moments import adamw as adamw
from fnn.optimizers._moments import nadam as nadam
from fnn.optimizers._rules import Elementwise
from fnn.optimizers._transforms import add_decayed_weights as add_decayed_weights
from fnn.optimizers._transforms import add_l1 as add_l1
from fnn.optimizers._transforms import clip_by_norm as clip_by_norm
from fnn.optimizers._transforms import clip_by_value as clip_by_value
from fnn.optimizers._transforms import scale as scale
from fnn.schedules import Schedule, check_schedule, rate_at


class SgdState(NamedTuple):
    """The state of `sgd`: the number of steps taken, which a schedule reads."""

    steps: int


@dataclass(frozen=True)
class Sgd(Elementwise[SgdState]):
    """The rule of `sgd`."""

    kind: ClassVar[type[SgdState]] = SgdState
    rate: float | Schedule

    @override
    def descend(
        self, params: Params[F], grads: Grads[F], state: SgdState
    ) -> tuple[Params[F], SgdState]:
        # No vector of state has to be kept in step: array by array, it takes a third of the time.
        dtype = params[0].w.dtype
        (steps,) = self.checked(state, 0, dtype)
        factor = np.array(-rate_at(self.rate, steps), dtype)
        for layer, grad in zip(params, grads, strict=True):
            for p, g in zip(layer, grad, strict=True):
                g.setflags(write=True)
                np.multiply(g, factor, out=g)
                np.add(g, p, out=g)
                g.setflags(write=False)
        return tuple(Layer(w, b) for w, b in grads), SgdState(steps + 1)

    @override
    def rewrite_part(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
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
    rule = Sgd(check_schedule(rate))
    return Optimizer(rule.init, rule)


class MomentumState(NamedTuple):
    """The state of `momentum` and `nesterov`: ``carried`` is ``mass * v``.

    That is what the next gradient is added to: PyTorch's ``momentum_buffer``, decayed already.
    """

    steps: int
    carried: Array


@dataclass(frozen=True)
class Momentum(Elementwise[MomentumState]):
    """The rule of `momentum`."""

    kind: ClassVar[type[MomentumState]] = MomentumState
    rate: float | Schedule
    mass: float

    @override
    def rewrite_part(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
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
    rule = Momentum(check_schedule(rate), fraction("mass", mass))
    return Optimizer(rule.init, rule)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """The rule of `nesterov`."""

    @override
    def rewrite_part(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
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
    if fraction("mass", mass) == 0.0:
        raise ValueError("mass: expected a number above 0 and below 1, got 0; sgd has no mass")
    rule = Nesterov(check_schedule(rate), fraction("mass", mass))
    return Optimizer(rule.init, rule)
