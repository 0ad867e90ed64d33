"""Activations that are linear on the right and fall off exponentially on the left: elu, celu, selu.

>>> import numpy as np
>>> selu.f(np.array([-np.inf, 0.0, 1.0])).round(4)
array([-1.7581,  0.    ,  1.0507])
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import finite, positive
from fnn._core.reprs import documented
from fnn.base import Activation, Array

_Floats: TypeAlias = NDArray[np.floating[Any]]  # mypy takes a quotient of Arrays for Any

# `right` is the slope on the right of 0, `left` the one on its left.


def _elu(right: float, left: float, z: Array) -> Array:
    a: Array = right * np.maximum(z, 0.0) + left * np.expm1(np.minimum(z, 0.0))
    return a


def _elu_df(right: float, left: float, z: Array, a: Array) -> Array:
    on_right = np.maximum(np.sign(z), 0.0)
    slope: Array = right * on_right + (1.0 - on_right) * (left * np.exp(np.minimum(z, 0.0)))
    return slope


def _elu_d2f(left: float, z: Array, a: Array) -> Array:
    on_right = np.maximum(np.sign(z), 0.0)
    bend: Array = (1.0 - on_right) * (left * np.exp(np.minimum(z, 0.0)))
    return bend


def elu(alpha: float = 1.0) -> Activation:
    """Elu: f = z where z > 0, else alpha (exp(z) - 1).

    df = 1 where z > 0, else alpha exp(z), so alpha at 0, which is a kink unless alpha is 1.
    d2f = 0 where z > 0, else alpha exp(z). An alpha that is not finite is a `ValueError`.
    Error: f 2.5 / 3.5 ulp; df 2.5 / 4 ulp; d2f 2.5 / 4 ulp.
    Source: Clevert, Unterthiner and Hochreiter 2016.

    >>> elu().f(np.array([-np.inf, 0.0, 3.0]))
    array([-1.,  0.,  3.])
    """
    alpha = finite("alpha", alpha)
    return Activation(
        documented(partial(_elu, 1.0, alpha), elu.__doc__),
        partial(_elu_df, 1.0, alpha),
        partial(_elu_d2f, alpha),
        reach=(min(-alpha, 0.0), math.inf),
        name=f"elu({alpha})",
    )


def _on_left(alpha: float, z: Array) -> Array:
    """Quotient z / alpha where z < 0, else 0; not beyond where exp is 0, lest it overflow."""
    left: _Floats = np.maximum(np.minimum(z, 0.0), -800.0 * alpha)
    return left / alpha


def _celu(alpha: float, z: Array) -> Array:
    a: Array = np.maximum(z, 0.0) + alpha * np.expm1(_on_left(alpha, z))
    return a


def _celu_df(alpha: float, z: Array, a: Array) -> Array:
    return np.exp(_on_left(alpha, z))


def _celu_d2f(alpha: float, z: Array, a: Array) -> Array:
    on_right = np.maximum(np.sign(z), 0.0)
    bend: Array = (1.0 - on_right) * (np.exp(_on_left(alpha, z)) / alpha)
    return bend


def celu(alpha: float = 1.0) -> Activation:
    """Celu: f = z where z > 0, else alpha (exp(z / alpha) - 1), an elu without a kink.

    df = 1 where z > 0, else exp(z / alpha); d2f = 0 where z > 0, else exp(z / alpha) / alpha. An
    alpha that is not finite and above 0 is a `ValueError`.
    Error: f 3 / 4 ulp; df 1 / 1 eps; d2f 1 / 1 eps. Source: Barron 2017.

    >>> celu(2.0).f(np.array([-np.inf, 0.0, 3.0]))
    array([-2.,  0.,  3.])
    """
    alpha = positive("alpha", alpha)
    return Activation(
        documented(partial(_celu, alpha), celu.__doc__),
        partial(_celu_df, alpha),
        partial(_celu_d2f, alpha),
        reach=(-alpha, math.inf),
        name=f"celu({alpha})",
    )


_SELU = 1.0507009873554805, 1.7580993408473768  # lambda, lambda alpha
_SELU_DOC = """Selu: f = lambda elu(z), lambda = 1.0507009873554805, alpha = 1.6732632423543772.

df and d2f are lambda times those of elu; at the kink 0, df is lambda alpha. Where lambda z is
beyond the dtype, f overflows to inf.
Error: f 2.5 / 4 ulp; df 2.5 / 4 ulp; d2f 2.5 / 4 ulp.
Source: Klambauer, Unterthiner, Mayr and Hochreiter 2017.
"""

selu = Activation(
    documented(partial(_elu, *_SELU), _SELU_DOC),
    partial(_elu_df, *_SELU),
    partial(_elu_d2f, _SELU[1]),
    reach=(-_SELU[1], math.inf),
    name="selu",
)
