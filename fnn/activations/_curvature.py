"""The second derivatives of `fnn.activations`: ``d2f(z, a) = f''(z)``, elementwise.

They keep to the rules there: z of any shape, its dtype kept, limits at infinity, NaN for NaN, no
warning but harmless underflow. Where f'' does not exist, at a kink or where f' has one, it is
stated what is given.

Errors are bounds, float64 / float32, against mpmath over the whole dtype: in ulp of the exact value
or of 1e-300 / 1e-30, if that is greater; where terms cancel, in eps times the exact value or 1.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.activations._normal import gauss
from fnn.base import Array

_Floats: TypeAlias = NDArray[np.floating[Any]]


def zero(z: Array, a: Array) -> Array:
    """Of identity, relu, leaky_relu and hard_sigmoid, 0, at kinks too. Error: 0 / 0 ulp."""
    return np.minimum(np.maximum(z, 0.0), 0.0)  # NaN stays NaN


def bell(z: Array) -> Array:
    """Of the logistic function s(z), the slope s (1 - s): even, within 5 / 6 ulp."""
    e: _Floats = np.exp(-np.abs(z))
    return e / (1.0 + e) ** 2  # s (1 - s) loses all digits: 0 from z = 37 / 17


def sigmoid(z: Array, a: Array) -> Array:
    """Of sigmoid: f'' = -s'(z) tanh(z / 2). Error: 5.5 / 6 ulp."""
    bend: Array = -bell(z) * np.tanh(0.5 * z)
    return bend


def tanh(z: Array, a: Array) -> Array:
    """Of tanh: f'' = -2 a / cosh(z)^2. Error: 5 / 5.5 ulp."""
    e: _Floats = np.exp(-2.0 * np.minimum(np.abs(z), 1000.0))
    return -8.0 * a * (e / (1.0 + e) ** 2)


def elu(left: float, z: Array, a: Array) -> Array:
    """Of elu: alpha exp(z) where z <= 0, else 0; of selu, lambda times that. Error: 2.5 / 4 ulp."""
    on_right = np.maximum(np.sign(z), 0.0)
    bend: Array = (1.0 - on_right) * (left * np.exp(np.minimum(z, 0.0)))
    return bend


def softplus(z: Array, a: Array) -> Array:
    """Of softplus: f'' = s'(z), s = sigmoid. Error: 5 / 6 ulp."""
    return bell(z)


def softsign(z: Array, a: Array) -> Array:
    """Of softsign: f'' = -2 sign(z) / (1 + |z|)^3, at the jump 0 it is 0. Error: 5 / 5 ulp."""
    q: Array = 1.0 + np.abs(z)
    bend: Array = -2.0 * np.sign(z) / q / q / q
    return bend


def silu(z: Array, a: Array) -> Array:
    """Of silu: f'' = s'(z) (2 - z tanh(z / 2)), 0 at z = +-2.3994. Error: 1.5 / 1.5 eps."""
    x = np.minimum(np.abs(z), 1e4)  # 0 * inf would be NaN
    bend: Array = bell(x) * (2.0 - x * np.tanh(0.5 * x))
    return bend


def gelu(z: Array, a: Array) -> Array:
    """Of gelu: f'' = (2 - z^2) exp(-z^2 / 2) / sqrt(2 pi), 0 at z = +-sqrt(2). Error: 2 / 2 eps."""
    x = np.minimum(np.abs(z), 39.0)
    bend: Array = 0.3989422804014327 * gauss(x) * (2.0 - x * x)
    return bend


LINEAR = 1.5957691216057308  # 2 sqrt(2 / pi)
CUBIC = 0.044715 * LINEAR


def gelu_tanh(z: Array, a: Array) -> Array:
    """Of gelu_tanh: f'' = s'(u) (2 u' + z (u'' - u'^2 tanh(u / 2))), 0 at z = +-1.4185.

    Here u is as in `fnn.activations`. Error: 2.5 / 2.5 eps.
    """
    x = np.minimum(np.abs(z), 30.0)  # f'' is even, and 0 long before
    cubic = CUBIC * (x * x)
    u, slope = x * (LINEAR + cubic), LINEAR + 3.0 * cubic
    bend: Array = bell(u) * (2.0 * slope + (6.0 * cubic - x * (slope * slope) * np.tanh(0.5 * u)))
    return bend


def mish(z: Array, a: Array) -> Array:
    """Of mish: f'' = 2 t' + z t'', t = tanh(softplus(z)), 0 at z = 1.4906 and z = -2.2564.

    With exp(z) = u / v and Q = u^2 + 2 u v + 2 v^2 it is
    4 u v^2 (2 (u + v) + z (v (u^2 + 6 u v + 2 v^2) / Q - 2 u)) / Q^2. Error: 2.5 / 2.5 eps.
    """
    x = np.minimum(np.maximum(z, -1e4), 1e4)
    u: _Floats = np.exp(np.minimum(x, 0.0))
    v: _Floats = np.exp(np.minimum(-x, 0.0))  # one of the two is 1: nothing overflows
    q = u * u + 2.0 * v * (u + v)
    inner = v * ((u * u + v * (6.0 * u + 2.0 * v)) / q) - 2.0 * u
    bend: Array = 4.0 * u * (v / q) * (v / q) * (2.0 * (u + v) + x * inner)
    return bend
