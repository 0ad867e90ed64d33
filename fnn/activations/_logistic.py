"""Smooth activations that level off: sigmoid, tanh, softsign, and two whose slopes do.

>>> import numpy as np
>>> sigmoid.f(np.array([-1000.0, 0.0, 1000.0]))
array([0. , 0.5, 1. ])
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.base import Activation, Array

_Floats: TypeAlias = NDArray[np.floating[Any]]  # mypy takes a quotient of Arrays for Any


def logistic(z: Array) -> Array:
    """Logistic sigmoid: f = 1 / (1 + exp(-z)); df = f(z) f(-z); d2f = -df tanh(z / 2).

    Error: f 3 / 4 ulp; df 5 / 6 ulp; d2f 5.5 / 6 ulp.
    Source: Rumelhart, Hinton and Williams 1986.
    """
    w: _Floats = np.exp(np.minimum(z, 40.0))
    return w / (1.0 + w)


def bell(z: Array) -> Array:
    """Slope s (1 - s) of the logistic function s(z): even, within 5 / 6 ulp."""
    e: _Floats = np.exp(-np.abs(z))
    return e / (1.0 + e) ** 2  # s (1 - s) loses all digits: 0 from z = 37 / 17


def _sigmoid_df(z: Array, a: Array) -> Array:
    """Slope s (1 - s), s = f(z)."""
    return bell(z)


def _sigmoid_d2f(z: Array, a: Array) -> Array:
    """Second derivative -s (1 - s) tanh(z / 2), s = f(z)."""
    bend: Array = -bell(z) * np.tanh(0.5 * z)
    return bend


sigmoid = Activation(logistic, _sigmoid_df, _sigmoid_d2f, reach=(0.0, 1.0), name="sigmoid")


def _tanh(z: Array) -> Array:
    """Hyperbolic tangent: f = tanh(z); df = 1 / cosh(z)^2; d2f = -2 f / cosh(z)^2.

    Error: f 3 / 3 ulp; df 5 / 6 ulp; d2f 5 / 5.5 ulp.
    Source: LeCun, Bottou, Orr and Mueller 1998.
    """
    return np.tanh(z)


def _tanh_df(z: Array, a: Array) -> Array:
    """Slope 1 / cosh(z)^2."""
    e: _Floats = np.exp(-2.0 * np.minimum(np.abs(z), 1000.0))
    return 4.0 * e / (1.0 + e) ** 2  # 1 - a^2 loses all digits: 0 from z = 20 / 10


def _tanh_d2f(z: Array, a: Array) -> Array:
    """Second derivative -2 a / cosh(z)^2."""
    e: _Floats = np.exp(-2.0 * np.minimum(np.abs(z), 1000.0))
    return -8.0 * a * (e / (1.0 + e) ** 2)


tanh = Activation(_tanh, _tanh_df, _tanh_d2f, reach=(-1.0, 1.0), name="tanh")


def _softplus(z: Array) -> Array:
    """Softplus: f = log(1 + exp(z)); df = s = sigmoid(z); d2f = s (1 - s).

    Error: f 2.5 / 4 ulp; df 3 / 4 ulp; d2f 5 / 6 ulp.
    Source: Dugas, Bengio, Belisle, Nadeau and Garcia 2001.
    """
    return np.maximum(z, np.log1p(np.exp(np.minimum(z, 40.0))))


def _softplus_df(z: Array, a: Array) -> Array:
    """Slope sigmoid(z)."""
    return logistic(z)


def _softplus_d2f(z: Array, a: Array) -> Array:
    """Second derivative s (1 - s), s = sigmoid(z)."""
    return bell(z)


softplus = Activation(
    _softplus, _softplus_df, _softplus_d2f, reach=(0.0, math.inf), name="softplus"
)


def _log_sigmoid(z: Array) -> Array:
    """Logarithm of the sigmoid: f = -log(1 + exp(-z)); df = s = sigmoid(-z); d2f = -s (1 - s).

    Error: f 2.5 / 4 ulp; df 3 / 4 ulp; d2f 5 / 6 ulp. It is -softplus(-z).
    Source: Dugas, Bengio, Belisle, Nadeau and Garcia 2001, for softplus.
    """
    a: Array = -_softplus(-z)
    return a


def _log_sigmoid_df(z: Array, a: Array) -> Array:
    """Slope sigmoid(-z)."""
    return logistic(-z)


def _log_sigmoid_d2f(z: Array, a: Array) -> Array:
    """Second derivative -s (1 - s), s = sigmoid(z)."""
    bend: Array = -bell(z)
    return bend


log_sigmoid = Activation(
    _log_sigmoid, _log_sigmoid_df, _log_sigmoid_d2f, reach=(-math.inf, 0.0), name="log_sigmoid"
)


def _softsign(z: Array) -> Array:
    """Softsign: f = z / (1 + |z|); df = 1 / (1 + |z|)^2; d2f = -2 sign(z) / (1 + |z|)^3.

    At its jump 0, d2f is 0.
    Error: f 2 / 2 ulp; df 3.5 / 3.5 ulp; d2f 5 / 5 ulp.
    Source: Bergstra, Desjardins, Lamblin and Bengio 2009.
    """
    x: Array = np.minimum(np.abs(z), 1e30)
    a: Array = np.copysign(x / (1.0 + x), z)
    return a


def _softsign_df(z: Array, a: Array) -> Array:
    """Slope 1 / (1 + |z|)^2."""
    q: Array = 1.0 + np.abs(z)
    slope: Array = 1.0 / q / q  # q * q could overflow
    return slope


def _softsign_d2f(z: Array, a: Array) -> Array:
    """Second derivative -2 sign(z) / (1 + |z|)^3, 0 at 0."""
    q: Array = 1.0 + np.abs(z)
    bend: Array = -2.0 * np.sign(z) / q / q / q
    return bend


softsign = Activation(_softsign, _softsign_df, _softsign_d2f, reach=(-1.0, 1.0), name="softsign")
