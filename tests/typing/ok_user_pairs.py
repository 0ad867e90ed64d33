"""Pairs of the user's own: functions, lambdas, factories and methods."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import (
    Activation,
    Array,
    Batch,
    Loss,
    Optimizer,
    Params,
    State,
    backprop,
    forward,
    init,
    key,
    start,
    train_step,
)
from fnn.base import Grads, Targets
from fnn.tree import leaves, scale


def cube(z: Array) -> Array:
    a: Array = z**3  # before 2.4, NumPy types the arithmetic of untyped arrays as Any
    return a


def cube_df(z: Array, a: Array) -> Array:
    slope: Array = 3 * z**2
    return slope


def typed(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.square(z)  # NumPy 2.2.0 types z * z as floating


def typed_df(z: NDArray[np.float64], a: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.add(z, z)


def swish(beta: float) -> Activation:
    def f(z: Array) -> Array:
        a: Array = z / (1 + np.exp(-beta * z))  # NumPy types a quotient as Any
        return a

    def df(z: Array, a: Array) -> Array:
        s = 1 / (1 + np.exp(-beta * z))
        slope: Array = s + beta * a * (1 - s)
        return slope

    return Activation(f, df)


def power(exponent: int, z: Array) -> Array:
    return np.power(z, exponent)


def power_df(exponent: int, z: Array, a: Array) -> Array:
    return exponent * np.power(z, exponent - 1)


class Scaled:
    """A pair may be the methods of an object."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def f(self, z: Array) -> Array:
        return self.factor * z

    def df(self, z: Array, a: Array) -> Array:
        return np.full_like(z, self.factor)


scaled = Scaled(2.0)
acts = (
    Activation(cube, cube_df),
    Activation(lambda z: z * z, lambda z, a: 2 * z),
    Activation(typed, typed_df),
    Activation(np.sin, lambda z, a: np.cos(z)),
    Activation(np.tanh, lambda z, a: 1 - a * a),
    swish(1.5),
    Activation(partial(power, 2), partial(power_df, 2)),
    Activation(scaled.f, scaled.df),
)
fourth = Loss(
    lambda output, target: ((output - target) ** 4).sum(-1),
    lambda output, target: 4 * (output - target) ** 3,
)


def log_cosh(output: Array, target: Array) -> Array:
    total: Array = np.log(np.cosh(output - target)).sum(-1)
    return total


log_cosh_loss = Loss(log_cosh, lambda output, target: np.tanh(output - target))


bounded = fourth._replace(targets=Targets(-1, 1))
matched = Loss(fourth.f, fourth.df, targets=Targets(matched=True), name="fourth")
labeled = Loss(fourth.f, fourth.df, targets=Targets(labels=True, least_outputs=2), logits=True)
either = Loss(fourth.f, fourth.df, targets=Targets(only=(-1, 1)))
assert_type(bounded.targets, Targets | None)
assert_type(labeled.logits, bool)
unit = Activation(np.tanh, lambda z, a: 1 - a * a, reach=(-1, 1), name="unit")
assert_type(unit.reach, tuple[float, float] | None)
labels = Batch(np.full((2, 2), 0.1), np.array([0, 1]))
assert_type(labels, Batch)


class Momentum(NamedTuple):
    velocity: Grads[Any]


def zero(params: Params[Any]) -> Momentum:
    return Momentum(scale(0.0, backprop(acts, fourth, params, data)[1]))


def move(grads: Grads[Any], state: Momentum, params: Params[Any]) -> tuple[Grads[Any], Momentum]:
    return scale(-0.1, grads), Momentum(grads)


data = Batch(np.full((2, 2), 0.1), np.zeros((2, 1)))
params = init(key(0), (2,) * len(acts) + (1,), dtype=np.float32)
for loss in (fourth, log_cosh_loss):
    value, grads = backprop(acts, loss, params, data)
    assert_type(grads, Grads[np.float32])
    assert {leaf.dtype for leaf in leaves(grads)} == {np.dtype(np.float32)}
    assert np.isfinite(value)
assert_type(forward(acts, params, data.x), NDArray[np.float32])

optimizer = Optimizer(zero, move)
assert_type(optimizer, Optimizer[Momentum])
state = start(optimizer, params)
assert_type(state, State[np.float32, Momentum])
state, value = train_step(acts, fourth, optimizer)(state, data)
assert_type(state, State[np.float32, Momentum])
assert {leaf.dtype for leaf in leaves(state)} == {np.dtype(np.float32)}
