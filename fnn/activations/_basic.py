"""The built-in activations, `fnn.base.Activation` pairs, elementwise: a = f(z), f'(z) = df(z, a).

z has any shape, and its dtype, float64 or float32, is kept. Infinite z gives the limit, NaN gives
NaN (of df too), and nothing warns but harmless underflow. At 0, a kink is given its left slope.
`fnn.activations` has the second derivatives, d2f.

Errors are bounds, float64 / float32, against mpmath over the whole dtype: in ulp of the exact value
or of 1e-300 / 1e-30, if that is greater; where terms cancel, in eps times the exact value or 1.

>>> import numpy as np
>>> sigmoid.f(np.array([-1000.0, 0.0, 1000.0]))
array([0. , 0.5, 1. ])
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import finite
from fnn.activations import _curvature as d2f
from fnn.activations._curvature import bell
from fnn.activations._gelu import gelu as gelu
from fnn.activations._gelu import gelu_tanh as gelu_tanh
from fnn.base import Activation, Array

# Minimum and maximum stand in for np.where: they are faster, and compile with numba number by
# number. A bound such as 40.0 lies where f has its limit in float64 and exp is finite in float32.
# An int in its place would cost a ufunc call a quarter more, and compiled float32 its width.
_Floats: TypeAlias = NDArray[np.floating[Any]]  # mypy takes a quotient of Arrays for Any


def _identity(z: Array) -> Array:
    return z


def _identity_prime(z: Array, a: Array) -> Array:
    return np.minimum(np.maximum(z, 1.0), 1.0)  # as fast as ones_like, and NaN stays NaN


identity = Activation(_identity, _identity_prime, d2f.zero)
"""f = z, uncopied; df = 1. Error: f 0 / 0 ulp; df 0 / 0 ulp. Source: Widrow and Hoff 1960."""


def _sigmoid(z: Array) -> Array:
    w: _Floats = np.exp(np.minimum(z, 40.0))
    return w / (1.0 + w)


def _sigmoid_prime(z: Array, a: Array) -> Array:
    return bell(z)


sigmoid = Activation(_sigmoid, _sigmoid_prime, d2f.sigmoid)
"""The logistic function: f = 1 / (1 + exp(-z)); df = f(z) f(-z).
Error: f 3 / 4 ulp; df 5 / 6 ulp. Source: Rumelhart, Hinton and Williams 1986."""


def _tanh(z: Array) -> Array:
    return np.tanh(z)


def _tanh_prime(z: Array, a: Array) -> Array:
    e: _Floats = np.exp(-2.0 * np.minimum(np.abs(z), 1000.0))
    return 4.0 * e / (1.0 + e) ** 2  # 1 - a^2 loses all digits: 0 from z = 20 / 10


tanh = Activation(_tanh, _tanh_prime, d2f.tanh)
"""f = tanh(z); df = 1 / cosh(z)^2.
Error: f 3 / 3 ulp; df 5 / 6 ulp. Source: LeCun, Bottou, Orr and Mueller 1998."""


def _relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def _relu_prime(z: Array, a: Array) -> Array:
    return np.sign(a)


relu = Activation(_relu, _relu_prime, d2f.zero)
"""The rectified linear unit: f = max(z, 0); df = 1 where z > 0, else 0, and so 0 at the kink 0.
Error: f 0 / 0 ulp; df 0 / 0 ulp. Source: Nair and Hinton 2010."""


def _leaky_relu(slope: float, z: Array) -> Array:
    return np.maximum(z, slope * z)


def _leaky_relu_prime(slope: float, z: Array, a: Array) -> Array:
    return np.maximum(np.sign(z), slope)


def leaky_relu(slope: float = 0.01) -> Activation:
    """Leaky relu: f = z where z > 0, else slope z; df = 1 where z > 0, else slope.

    At the kink 0, df is the slope. A slope below 0 or above 1 is a `ValueError`; 0 gives `relu`.
    Error: f 0.5 / 1.5 ulp; df 0.5 / 0.5 ulp. Source: Maas, Hannun and Ng 2013.

    >>> leaky_relu(0.1).f(np.array([-2.0, 3.0]))
    array([-0.2,  3. ])
    """
    slope = finite("slope", slope)
    if not 0 <= slope <= 1:
        raise ValueError(f"slope: expected a number from 0 to 1, got {slope!r}; relu has slope 0")
    if slope == 0:
        return relu  # for here 0 * -inf would be NaN
    return Activation(partial(_leaky_relu, slope), partial(_leaky_relu_prime, slope), d2f.zero)


def _elu(right: float, left: float, z: Array) -> Array:
    a: Array = right * np.maximum(z, 0.0) + left * np.expm1(np.minimum(z, 0.0))
    return a


def _elu_prime(right: float, left: float, z: Array, a: Array) -> Array:
    on_right = np.maximum(np.sign(z), 0.0)
    slope: Array = right * on_right + (1.0 - on_right) * (left * np.exp(np.minimum(z, 0.0)))
    return slope


def elu(alpha: float = 1.0) -> Activation:
    """Elu: f = z where z > 0, else alpha (exp(z) - 1); df = 1 where z > 0, else alpha exp(z).

    So df is alpha at 0, a kink unless alpha is 1. An alpha that is not finite is a `ValueError`.
    Error: f 2.5 / 3.5 ulp; df 2.5 / 4 ulp. Source: Clevert, Unterthiner and Hochreiter 2016.

    >>> elu().f(np.array([-np.inf, 0.0, 3.0]))
    array([-1.,  0.,  3.])
    """
    alpha = finite("alpha", alpha)
    f, df = partial(_elu, 1.0, alpha), partial(_elu_prime, 1.0, alpha)
    return Activation(f, df, partial(d2f.elu, alpha))


_SELU = 1.0507009873554805, 1.7580993408473768  # lambda, lambda alpha
selu = Activation(partial(_elu, *_SELU), partial(_elu_prime, *_SELU), partial(d2f.elu, _SELU[1]))
"""f = lambda elu(z) for lambda = 1.0507009873554805, alpha = 1.6732632423543772; df likewise.
At the kink 0, df is lambda alpha. Where lambda z is beyond the dtype, f overflows to inf. Error:
f 2.5 / 4 ulp; df 2.5 / 4 ulp. Source: Klambauer, Unterthiner, Mayr and Hochreiter 2017."""


def _softplus(z: Array) -> Array:
    return np.maximum(z, np.log1p(np.exp(np.minimum(z, 40.0))))


def _softplus_prime(z: Array, a: Array) -> Array:
    return _sigmoid(z)


softplus = Activation(_softplus, _softplus_prime, d2f.softplus)
"""f = log(1 + exp(z)); df = sigmoid(z).
Error: f 2.5 / 4 ulp; df 3 / 4 ulp. Source: Dugas, Bengio, Belisle, Nadeau and Garcia 2001."""


def _softsign(z: Array) -> Array:
    x: Array = np.minimum(np.abs(z), 1e30)
    a: Array = np.copysign(x / (1.0 + x), z)
    return a


def _softsign_prime(z: Array, a: Array) -> Array:
    q: Array = 1.0 + np.abs(z)
    slope: Array = 1.0 / q / q  # q * q could overflow
    return slope


softsign = Activation(_softsign, _softsign_prime, d2f.softsign)
"""f = z / (1 + |z|); df = 1 / (1 + |z|)^2.
Error: f 2 / 2 ulp; df 3.5 / 3.5 ulp. Source: Bergstra, Desjardins, Lamblin and Bengio 2009."""


def _silu(z: Array) -> Array:
    a: Array = np.maximum(z, -1e4) * _sigmoid(z)  # -inf * 0 would be NaN
    return a


def _silu_prime(z: Array, a: Array) -> Array:
    w: _Floats = np.exp(np.minimum(z, 45.0))
    slope: Array = (w + np.minimum(a, 45.0)) / (1.0 + w)
    return slope


silu = Activation(_silu, _silu_prime, d2f.silu)
"""Silu, or swish: f = z s, where s = sigmoid(z); df = s + f (1 - s), 0 at z = -1.2785.
Error: f 4 / 5 ulp; df 2 / 2 eps. Source: Elfwing, Uchibe and Doya 2018."""


def _mish(z: Array) -> Array:
    w: _Floats = np.exp(np.minimum(z, 22.0))
    n = w * (w + 2.0)
    a: Array = np.maximum(z, -1e4) * (n / (n + 2.0))  # -inf * 0 would be NaN
    return a


def _mish_prime(z: Array, a: Array) -> Array:
    w: _Floats = np.exp(np.minimum(z, 22.0))
    n, b = w * (w + 2.0), 4.0 * np.minimum(a, 22.0)
    slope: Array = (n + (b - b / (w + 2.0))) / (n + 2.0)
    return slope


mish = Activation(_mish, _mish_prime, d2f.mish)
"""f = z t, where t = tanh(softplus(z)) = n / (n + 2), n = w (w + 2), w = exp(z);
df = t + z (1 - t^2) sigmoid(z) = (n + 4 f (w + 1) / (w + 2)) / (n + 2), 0 at z = -1.1924.
Error: f 5 / 6 ulp; df 2 / 2 eps. Source: Misra 2020."""


def _hard_sigmoid(z: Array) -> Array:
    return np.maximum(np.minimum((z + 3.0) / 6.0, 1.0), 0.0)


def _hard_sigmoid_prime(z: Array, a: Array) -> Array:
    inside: _Floats = np.sign(np.maximum(3.0 - np.abs(z), 0.0))
    return inside / 6.0


hard_sigmoid = Activation(_hard_sigmoid, _hard_sigmoid_prime, d2f.zero)
"""f = (z + 3) / 6 clipped to [0, 1]; df = 1/6 where |z| < 3, else 0, also at both kinks.
Error: f 1.5 / 1.5 ulp; df 0.5 / 0.5 ulp. Source: Howard et al. 2019 (Keras 2 has 0.2 z + 0.5)."""
