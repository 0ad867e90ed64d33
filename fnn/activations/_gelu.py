"""The Gaussian error linear unit, exact and nearly: two of `fnn.activations`, which see for both.

>>> import numpy as np
>>> gelu.f(np.array([-1.0, 0.0, 1.0])).round(4)
array([-0.1587,  0.    ,  0.8413])
"""

from __future__ import annotations

import numpy as np

from fnn.activations import _curvature as d2f
from fnn.activations._curvature import CUBIC, LINEAR
from fnn.activations._normal import gauss, gauss_over_tail
from fnn.base import Activation, Array


def _gelu(z: Array) -> Array:
    x = np.minimum(np.abs(z), 39.0)
    a: Array = np.maximum(z, 0.0) - x / gauss_over_tail(x) * gauss(x)
    return a


def _gelu_prime(z: Array, a: Array) -> Array:
    x, sign = np.minimum(np.abs(z), 39.0), np.copysign(1.0, z)
    on_left = gauss(x) * (1.0 / gauss_over_tail(x) - 0.3989422804014327 * x)  # df(-x)
    return np.maximum(sign, 0.0) - sign * on_left


gelu = Activation(_gelu, _gelu_prime, d2f.gelu)
"""The Gaussian error linear unit, exact: f = z Phi(z), Phi the normal distribution function.
df = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi), 0 at z = -0.7518. Four times as slow as `gelu_tanh`.
Error: f 4.5 / 5.5 ulp; df 2 / 2 eps. Source: Hendrycks and Gimpel 2016."""


def _gelu_tanh(z: Array) -> Array:
    z = np.maximum(z, -30.0)  # far below, y^3 would overflow and -inf * 0 be NaN
    y = np.minimum(z, 8.0)
    w: Array = np.exp(y * (LINEAR + CUBIC * (y * y)))
    a: Array = z * (w / (1.0 + w))
    return a


def _gelu_tanh_prime(z: Array, a: Array) -> Array:
    y = np.minimum(np.maximum(z, -30.0), 8.0)
    cubic = CUBIC * (y * y)
    w: Array = np.exp(y * (LINEAR + cubic))
    slope: Array = (w + np.minimum(a, 8.0) * (LINEAR + 3.0 * cubic)) / (1.0 + w)
    return slope


gelu_tanh = Activation(_gelu_tanh, _gelu_tanh_prime, d2f.gelu_tanh)
"""Nearly gelu: f = z s, where s = sigmoid(u), u = 2 sqrt(2 / pi) (z + 0.044715 z^3).
df = s + f (1 - s) u', 0 at z = -0.7525. The difference from `gelu` is at most 0.0005.
Error: f 2 / 2 eps; df 2.5 / 2.5 eps. Source: Hendrycks and Gimpel 2016."""
