"""Activations that are z times a smooth step: silu and mish; `fnn.activations._gelu` has gelu.

>>> import numpy as np
>>> silu.f(np.array([-1.0, 0.0, 1.0])).round(4)
array([-0.2689,  0.    ,  0.7311])
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.activations._logistic import bell, logistic
from fnn.base import Activation, Array

_Floats: TypeAlias = NDArray[np.floating[Any]]  # mypy takes a quotient of Arrays for Any


def _silu(z: Array) -> Array:
    """Silu, or swish: f = z s, s = sigmoid(z); df = s + f (1 - s); d2f = s' (2 - z tanh(z / 2)).

    df is 0 at z = -1.2785, d2f at z = +-2.3994.
    Error: f 4 / 5 ulp; df 2 / 2 eps; d2f 1.5 / 1.5 eps. Source: Elfwing, Uchibe and Doya 2018.
    """
    a: Array = np.maximum(z, -1e4) * logistic(z)  # -inf * 0 would be NaN
    return a


def _silu_df(z: Array, a: Array) -> Array:
    """Slope s + a (1 - s), s = sigmoid(z)."""
    w: _Floats = np.exp(np.minimum(z, 45.0))
    slope: Array = (w + np.minimum(a, 45.0)) / (1.0 + w)
    return slope


def _silu_d2f(z: Array, a: Array) -> Array:
    """Second derivative s'(z) (2 - z tanh(z / 2)), s = sigmoid."""
    x = np.minimum(np.abs(z), 1e4)  # 0 * inf would be NaN
    bend: Array = bell(x) * (2.0 - x * np.tanh(0.5 * x))
    return bend


silu = Activation(_silu, _silu_df, _silu_d2f, reach=(-0.2784645427610738, math.inf), name="silu")


def _mish(z: Array) -> Array:
    """Mish: f = z t, t = tanh(softplus(z)); df = t + z t'; d2f = 2 t' + z t''.

    With w = exp(z) and n = w (w + 2), t = n / (n + 2), t' = (1 - t^2) sigmoid(z) and
    df = (n + 4 f (w + 1) / (w + 2)) / (n + 2). df is 0 at z = -1.1924, d2f at z = -2.2564 and
    z = 1.4906.
    Error: f 5 / 6 ulp; df 2 / 2 eps; d2f 2.5 / 2.5 eps. Source: Misra 2020.
    """
    w: _Floats = np.exp(np.minimum(z, 22.0))
    n = w * (w + 2.0)
    a: Array = np.maximum(z, -1e4) * (n / (n + 2.0))  # -inf * 0 would be NaN
    return a


def _mish_df(z: Array, a: Array) -> Array:
    """Slope (n + 4 a (w + 1) / (w + 2)) / (n + 2), w = exp(z), n = w (w + 2)."""
    w: _Floats = np.exp(np.minimum(z, 22.0))
    n, b = w * (w + 2.0), 4.0 * np.minimum(a, 22.0)
    slope: Array = (n + (b - b / (w + 2.0))) / (n + 2.0)
    return slope


def _mish_d2f(z: Array, a: Array) -> Array:
    """Second derivative 2 t' + z t'', t = tanh(softplus(z)).

    With exp(z) = u / v and Q = u^2 + 2 u v + 2 v^2 it is
    4 u v^2 (2 (u + v) + z (v (u^2 + 6 u v + 2 v^2) / Q - 2 u)) / Q^2.
    """
    x = np.minimum(np.maximum(z, -1e4), 1e4)
    u: _Floats = np.exp(np.minimum(x, 0.0))
    v: _Floats = np.exp(np.minimum(-x, 0.0))  # one of the two is 1: nothing overflows
    q = u * u + 2.0 * v * (u + v)
    inner = v * ((u * u + v * (6.0 * u + 2.0 * v)) / q) - 2.0 * u
    bend: Array = 4.0 * u * (v / q) * (v / q) * (2.0 * (u + v) + x * inner)
    return bend


mish = Activation(_mish, _mish_df, _mish_d2f, reach=(-0.3088434130172503, math.inf), name="mish")
