"""Activations of straight pieces: identity, relu, leaky_relu, hard_sigmoid, of which f'' is 0.

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
