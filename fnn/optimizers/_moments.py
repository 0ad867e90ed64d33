"""Adam and its kin, which know the first two moments of the gradient.

The notation is that of `fnn.optimizers`, which has all optimizers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.masks import Mask, Where
from fnn._core.numbers import fraction, positive
from fnn.base import Array, Optimizer, S
from fnn.optimizers._adaptive import Adaptive
from fnn.optimizers._rules import add_decay, add_scaled, check_decay, divide_by_root
from fnn.schedules import Schedule, check_schedule, rate_at


class AdamState(NamedTuple):
    """The state of `adam`, `adamw` and `nadam`: the decayed sums ``m`` of g and ``v`` of g ** 2.

    They are sums, not averages: PyTorch's ``exp_avg`` is ``(1 - b1) * m``.
    """

    steps: int
    m: Array
    v: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Moments(Adaptive[S]):
    """A rule of the sums ``m`` of g and, but for Adamax, ``v`` of g ** 2, decayed by b1 and b2."""

    rate: float | Schedule
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def add_moments(self, g: Array, old: list[Array], new: list[Array]) -> None:
        """Fill ``m`` and ``v``, the first two of `new`; `g` becomes its square."""
        add_term(new[0], self.b1, old[0], g)
        g *= g
        add_term(new[1], self.b2, old[1], g)

    def divide(self, steps: int, g: Array, m: Array, v: Array) -> None:
        """Set ``g = -rate * (m / M) / (sqrt(v / V) + eps)``, with M and V taken to the scalars."""
        root = math.sqrt(weight_sum(self.b2, steps + 1))
        np.sqrt(v, out=g)
        g += self.eps * root
        np.divide(m, g, out=g)
        g *= -rate_at(self.rate, steps) * root / weight_sum(self.b1, steps + 1)


@dataclass(frozen=True, repr=False)
class Adam(Moments[AdamState]):
    """The rule of `adam`."""

    name: ClassVar[str] = "adam"
    kind: ClassVar[type[AdamState]] = AdamState

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        self.add_moments(g, old, new)
        self.divide(steps, g, *new)


def add_term(total: Array, b: float, before: Array, term: Array) -> None:
    """``total = b * before + term``."""
    np.multiply(before, b, out=total)
    total += term


def check_numbers(
    rate: float | Schedule, b1: float, b2: float, eps: float
) -> tuple[float | Schedule, float, float, float]:
    """Return the four numbers of a `Moments` as they are, if they are in their ranges."""
    return check_schedule(rate), fraction("b1", b1), fraction("b2", b2), positive("eps", eps)


def weight_sum(b: float, t: int) -> float:
    """``1 + b + ... + b ** (t - 1)``: what a decayed sum of t terms is divided by for a mean."""
    return (1.0 - b**t) / (1.0 - b)


def adam(
    rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Optimizer[AdamState]:
    """Adam: the mean gradient over the root of the mean square, both weighted to the recent past.

    ::

        m = b1 * m + g           M = 1 + b1 + ... + b1 ** (t - 1)
        v = b2 * v + g ** 2      V = 1 + b2 + ... + b2 ** (t - 1)
        update = -rate * (m / M) / (sqrt(v / V) + eps)

    Dividing by the sum of the weights is the bias correction. `b1` and `b2` are at least 0 and
    below 1; `eps` is above 0. Source: Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015, algorithm 1.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = adam(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.1]]), b=array([-0.1])),)
    """
    return Adam(*check_numbers(rate, b1, b2, eps)).pair()


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """The rule of `adamw`."""

    name: ClassVar[str] = "adamw"
    decay: float = 0.01
    mask: Where | None = None

    @override
    def operations(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        return (("adam", (self.b1, self.b2, self.eps)), ("add_decayed_weights", (-self.decay,)))

    @override
    def rewrite(self, g: Array, state: AdamState, params: Any) -> tuple[Array, AdamState]:
        update, after = super().rewrite(g, state, params)
        add_decay(update, rate_at(self.rate, state.steps) * self.decay, self.mask, params)
        return update, after


def adamw(
    rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    decay: float = 0.01,
    mask: Mask | None = None,
) -> Optimizer[AdamState]:
    """Adam with decoupled weight decay: ``update = adam's - rate * decay * p``.

    All decay, biases too, as in PyTorch, unless the `mask`, as that of `fnn.optimizers.masked`, has
    False for them: ``((True, False),) * n`` decays the weights of n layers. `decay` is at least 0.
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = adamw(0.1, decay=0.5)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.2]]), b=array([-0.125])),)
    """
    return AdamW(
        *check_numbers(rate, b1, b2, eps),
        *check_decay(decay, mask),
    ).pair()


@dataclass(frozen=True, repr=False)
class Nadam(Adam):
    """The rule of `nadam`."""

    name: ClassVar[str] = "nadam"

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (m0, v0), (m, v) = old, new
        t = steps + 1
        add_term(m, self.b1, m0, g)
        np.multiply(g, g, out=v)
        add_scaled(v, self.b2, v0)
        g *= 1.0 / weight_sum(self.b1, t)
        add_scaled(g, self.b1 / weight_sum(self.b1, t + 1), m)
        root = math.sqrt(weight_sum(self.b2, t))
        divide_by_root(g, v, self.eps * root)
        g *= -rate_at(self.rate, steps) * root


def nadam(
    rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Optimizer[AdamState]:
    """Adam with Nesterov's look ahead: its ``m / M`` becomes ``b1 * m / M' + g / M``.

    M' is M at t + 1. This is optax's form, in which `b1` is constant; PyTorch's has a schedule for
    it. Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = nadam(0.1, b1=0.5)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.13333333]]), b=array([-0.13333333])),)
    """
    return Nadam(*check_numbers(rate, b1, b2, eps)).pair()


class AmsgradState(NamedTuple):
    """The state of `amsgrad`: that of `adam`, and ``top``, the greatest ``v`` of each number."""

    steps: int
    m: Array
    v: Array
    top: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Amsgrad(Moments[AmsgradState]):
    """The rule of `amsgrad`."""

    name: ClassVar[str] = "amsgrad"
    kind: ClassVar[type[AmsgradState]] = AmsgradState

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        m, v, top = new
        self.add_moments(g, old, new)
        np.maximum(old[2], v, out=top)
        self.divide(steps, g, m, top)


def amsgrad(
    rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Optimizer[AmsgradState]:
    """Adam whose steps a small gradient does not lengthen: v becomes its greatest value so far.

    In the notation of `adam`, ``top = max(top, v)`` and
    ``update = -rate * (m / M) / (sqrt(top / V) + eps)``. This is PyTorch's form; optax takes the
    greatest of ``v / V`` instead. `b1`, `b2` and `eps` are as for `adam`. Source: Reddi, Kale and
    Kumar, "On the convergence of Adam and beyond", 2018, algorithm 2, which has M = V = 1.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = amsgrad(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.1]]), b=array([-0.1])),)
    """
    return Amsgrad(*check_numbers(rate, b1, b2, eps)).pair()


class AdamaxState(NamedTuple):
    """The state of `adamax`: the decayed sum ``m`` of g, the decayed greatest size ``u`` of g."""

    steps: int
    m: Array
    u: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


@dataclass(frozen=True, repr=False)
class Adamax(Moments[AdamaxState]):
    """The rule of `adamax`."""

    name: ClassVar[str] = "adamax"
    kind: ClassVar[type[AdamaxState]] = AdamaxState

    @override
    def change(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        (m0, u0), (m, u) = old, new
        add_term(m, self.b1, m0, g)
        np.abs(g, out=g)
        g += self.eps
        np.multiply(u0, self.b2, out=u)
        np.maximum(u, g, out=u)
        np.divide(m, u, out=g)
        g *= -rate_at(self.rate, steps) / weight_sum(self.b1, steps + 1)


def adamax(
    rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Optimizer[AdamaxState]:
    """Adam by the greatest gradient, decayed, in the place of the root of the mean square.

    In the notation of `adam`, ``u = max(b2 * u, abs(g) + eps)`` and
    ``update = -rate * (m / M) / u``. `b1`, `b2` and `eps` are as for `adam`; eps is added to the
    gradient's size, as in PyTorch. Source: Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015, algorithm 2.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = adamax(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (LayerGrad(w=array([[-0.1]]), b=array([-0.1])),)
    """
    return Adamax(*check_numbers(rate, b1, b2, eps)).pair()
