"""The Gaussian error linear unit, exact (gelu) and approximate (gelu_tanh).

>>> import numpy as np
>>> gelu.f(np.array([-1.0, 0.0, 1.0])).round(4)
array([-0.1587,  0.    ,  0.8413])
"""

from __future__ import annotations

import math

import numpy as np

from fnn.activations._logistic import bell
from fnn.activations._normal import gauss, gauss_over_tail
from fnn.base import Activation, Array

_LINEAR = 1.5957691216057308  # 2 sqrt(2 / pi)
_CUBIC = 0.044715 * _LINEAR


def _gelu(z: Array) -> Array:
    """Gaussian error linear unit: f = z Phi(z), Phi the normal distribution function.

    df = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi), 0 at z = -0.7518;
    d2f = (2 - z^2) exp(-z^2 / 2) / sqrt(2 pi), 0 at z = +-sqrt(2).
    It takes four times as long as `gelu_tanh`.
    Error: f 4.5 / 5.5 ulp; df 2 / 2 eps; d2f 2 / 2 eps. Source: Hendrycks and Gimpel 2016.
    """
    x = np.minimum(np.abs(z), 39.0)
    a: Array = np.maximum(z, 0.0) - x / gauss_over_tail(x) * gauss(x)
    return a


def _gelu_df(z: Array, a: Array) -> Array:
    """Slope Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)."""
    x, sign = np.minimum(np.abs(z), 39.0), np.copysign(1.0, z)
    on_left = gauss(x) * (1.0 / gauss_over_tail(x) - 0.3989422804014327 * x)  # df(-x)
    return np.maximum(sign, 0.0) - sign * on_left


def _gelu_d2f(z: Array, a: Array) -> Array:
    """Second derivative (2 - z^2) exp(-z^2 / 2) / sqrt(2 pi)."""
    x = np.minimum(np.abs(z), 39.0)
    bend: Array = 0.3989422804014327 * gauss(x) * (2.0 - x * x)
    return bend


gelu = Activation(_gelu, _gelu_df, _gelu_d2f, reach=(-0.16997120747990369, math.inf), name="gelu")


def _gelu_tanh(z: Array) -> Array:
    """Approximate gelu: f = z s, s = sigmoid(u), u = 2 sqrt(2 / pi) (z + 0.044715 z^3).

    df = s + f (1 - s) u', 0 at z = -0.7525;
    d2f = s'(u) (2 u' + z (u'' - u'^2 tanh(u / 2))), 0 at z = +-1.4185.
    The difference from `gelu` is at most 0.0005.
    Error: f 2 / 2 eps; df 2.5 / 2.5 eps; d2f 2.5 / 2.5 eps. Source: Hendrycks and Gimpel 2016.
    """
    z = np.maximum(z, -30.0)  # far below, y^3 would overflow and -inf * 0 be NaN
    y = np.minimum(z, 8.0)
    w: Array = np.exp(y * (_LINEAR + _CUBIC * (y * y)))
    a: Array = z * (w / (1.0 + w))
    return a


def _gelu_tanh_df(z: Array, a: Array) -> Array:
    """Slope s + a (1 - s) u', s = sigmoid(u)."""
    y = np.minimum(np.maximum(z, -30.0), 8.0)
    cubic = _CUBIC * (y * y)
    w: Array = np.exp(y * (_LINEAR + cubic))
    slope: Array = (w + np.minimum(a, 8.0) * (_LINEAR + 3.0 * cubic)) / (1.0 + w)
    return slope


def _gelu_tanh_d2f(z: Array, a: Array) -> Array:
    """Second derivative s'(u) (2 u' + z (u'' - u'^2 tanh(u / 2))), s = sigmoid."""
    x = np.minimum(np.abs(z), 30.0)  # f'' is even, and 0 long before
    cubic = _CUBIC * (x * x)
    u, slope = x * (_LINEAR + cubic), _LINEAR + 3.0 * cubic
    bend: Array = bell(u) * (2.0 * slope + (6.0 * cubic - x * (slope * slope) * np.tanh(0.5 * u)))
    return bend


gelu_tanh = Activation(
    _gelu_tanh,
    _gelu_tanh_df,
    _gelu_tanh_d2f,
    reach=(-0.170040750571254, math.inf),
    name="gelu_tanh",
)
