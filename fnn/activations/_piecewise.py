"""Activations of straight pieces, of which f'' is 0, and hard_swish, which has a curved one.

>>> import numpy as np
>>> relu.f(np.array([-2.0, 0.0, 3.0]))
array([0., 0., 3.])
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import within
from fnn._core.reprs import documented
from fnn.base import Activation, Array

_Floats: TypeAlias = NDArray[np.floating[Any]]  # mypy takes a quotient of Arrays for Any


def zero_second_derivative(z: Array, a: Array) -> Array:
    """Second derivative of a piecewise linear function: 0, at kinks too, and NaN for NaN."""
    return np.minimum(np.maximum(z, 0.0), 0.0)


def _identity(z: Array) -> Array:
    """Identity: f = z, uncopied; df = 1; d2f = 0.

    Error: f 0 / 0 ulp; df 0 / 0 ulp; d2f 0 / 0 ulp. Source: Widrow and Hoff 1960.
    """
    return z


def _identity_df(z: Array, a: Array) -> Array:
    """Slope 1."""
    return np.minimum(np.maximum(z, 1.0), 1.0)  # as fast as ones_like, and NaN stays NaN


identity = Activation(
    _identity, _identity_df, zero_second_derivative, reach=(-math.inf, math.inf), name="identity"
)


def _relu(z: Array) -> Array:
    """Rectified linear unit: f = max(z, 0); df = 1 where z > 0, else 0; d2f = 0.

    At the kink 0, df is 0.
    Error: f 0 / 0 ulp; df 0 / 0 ulp; d2f 0 / 0 ulp. Source: Nair and Hinton 2010.
    """
    return np.maximum(z, 0.0)


def _relu_df(z: Array, a: Array) -> Array:
    """Slope 1 where z > 0, else 0."""
    return np.sign(a)


relu = Activation(_relu, _relu_df, zero_second_derivative, reach=(0.0, math.inf), name="relu")


def _leaky_relu(slope: float, z: Array) -> Array:
    return np.maximum(z, slope * z)


def _leaky_relu_df(slope: float, z: Array, a: Array) -> Array:
    return np.maximum(np.sign(z), slope)


def leaky_relu(slope: float = 0.01) -> Activation:
    """Leaky relu: f = z where z > 0, else slope z; df = 1 where z > 0, else slope; d2f = 0.

    At the kink 0, df is the slope. A slope below 0 or above 1 is a `ValueError`; 0 gives `relu`.
    Error: f 0.5 / 1.5 ulp; df 0.5 / 0.5 ulp; d2f 0 / 0 ulp. Source: Maas, Hannun and Ng 2013.

    >>> leaky_relu(0.1).f(np.array([-2.0, 3.0]))
    array([-0.2,  3. ])
    """
    slope = within("slope", slope, 0, 1, remedy="relu has slope 0")
    if slope == 0:
        return relu  # for here 0 * -inf would be NaN
    return Activation(
        documented(partial(_leaky_relu, slope), leaky_relu.__doc__),
        partial(_leaky_relu_df, slope),
        zero_second_derivative,
        reach=(-math.inf, math.inf),
        name=f"leaky_relu({slope})",
    )


def _relu6(z: Array) -> Array:
    """Relu up to 6: f = min(max(z, 0), 6); df = 1 where 0 < z <= 6, else 0; d2f = 0.

    At the kinks 0 and 6, df is 0 and 1.
    Error: f 0 / 0 ulp; df 0 / 0 ulp; d2f 0 / 0 ulp. Source: Krizhevsky 2010.
    """
    return np.minimum(np.maximum(z, 0.0), 6.0)


def _relu6_df(z: Array, a: Array) -> Array:
    """Slope 1 where 0 < z <= 6, else 0."""
    slope: Array = beyond(z, 0.0) - beyond(z, 6.0)
    return slope


def beyond(z: Array, place: float) -> Array:
    """Step 1 where z > place, else 0, and NaN for NaN."""
    step: Array = np.maximum(np.sign(z - place), 0.0)
    return step


relu6 = Activation(_relu6, _relu6_df, zero_second_derivative, reach=(0.0, 6.0), name="relu6")


def _hard_tanh(z: Array) -> Array:
    """Hard tanh: f = z clipped to [-1, 1]; df = 1 where -1 < z <= 1, else 0; d2f = 0.

    At the kinks -1 and 1, df is 0 and 1.
    Error: f 0 / 0 ulp; df 0 / 0 ulp; d2f 0 / 0 ulp. Source: Collobert 2004.
    """
    return np.minimum(np.maximum(z, -1.0), 1.0)


def _hard_tanh_df(z: Array, a: Array) -> Array:
    """Slope 1 where -1 < z <= 1, else 0."""
    return beyond(z, -1.0) - beyond(z, 1.0)


hard_tanh = Activation(
    _hard_tanh, _hard_tanh_df, zero_second_derivative, reach=(-1.0, 1.0), name="hard_tanh"
)


def _hard_swish(z: Array) -> Array:
    """Hard swish: f = z times the hard sigmoid of z, which is 0 up to -3 and z from 3 on.

    df = (2 z + 3) / 6 where -3 < z <= 3, else 0 or 1; it is 0 at z = -1.5, and 0 and 1.5 at the
    kinks -3 and 3. d2f = 1/3 where -3 < z <= 3, else 0.
    Error: f 2 / 2 ulp; df 2 / 2 ulp; d2f 0.5 / 0.5 ulp. Source: Howard et al. 2019.
    """
    a: Array = np.maximum(z, -3.0) * (np.minimum(np.maximum(z + 3.0, 0.0), 6.0) / 6.0)
    return a


def _hard_swish_df(z: Array, a: Array) -> Array:
    """Slope (2 z + 3) / 6 where -3 < z <= 3, else 0 or 1."""
    on_right = beyond(z, 3.0)
    y: _Floats = np.minimum(np.maximum(z, -3.0), 3.0)
    slope: Array = (beyond(z, -3.0) - on_right) * ((2.0 * y + 3.0) / 6.0) + on_right
    return slope


def _hard_swish_d2f(z: Array, a: Array) -> Array:
    """Second derivative 1/3 where -3 < z <= 3, else 0."""
    inside: _Floats = beyond(z, -3.0) - beyond(z, 3.0)
    return inside / 3.0


hard_swish = Activation(
    _hard_swish, _hard_swish_df, _hard_swish_d2f, reach=(-0.375, math.inf), name="hard_swish"
)


def _hard_sigmoid(z: Array) -> Array:
    """Hard sigmoid: f = (z + 3) / 6 clipped to [0, 1]; df = 1/6 where |z| < 3, else 0; d2f = 0.

    At both kinks, df is 0. Keras 2 has 0.2 z + 0.5 instead.
    Error: f 1.5 / 1.5 ulp; df 0.5 / 0.5 ulp; d2f 0 / 0 ulp. Source: Howard et al. 2019.
    """
    return np.maximum(np.minimum((z + 3.0) / 6.0, 1.0), 0.0)


def _hard_sigmoid_df(z: Array, a: Array) -> Array:
    """Slope 1/6 where |z| < 3, else 0."""
    inside: _Floats = np.sign(np.maximum(3.0 - np.abs(z), 0.0))
    return inside / 6.0


hard_sigmoid = Activation(
    _hard_sigmoid, _hard_sigmoid_df, zero_second_derivative, reach=(0.0, 1.0), name="hard_sigmoid"
)
