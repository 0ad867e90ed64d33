"""Losses for numbers: squared_error, absolute_error, huber, pinball, and poisson for counts.

>>> import numpy as np
>>> output, target = np.array([[3.0, -1.0], [0.5, 0.0]]), np.array([[1.0, -1.0], [0.5, 2.0]])
>>> squared_error.f(output, target)
array([4., 4.])
>>> squared_error.df(output, target)
array([[ 4.,  0.],
       [ 0., -4.]])
"""

from __future__ import annotations

from functools import partial

import numpy as np

from fnn._core.numbers import positive, within
from fnn.base import Array, Loss, Targets
from fnn.losses._terms import sum_of, zero_curvature

_OF_ANY_SIZE = Targets(matched=True)
"""Any real numbers that the last pair can reach."""


def _squared_error(output: Array, target: Array) -> Array:
    """Squared error: f = sum (a - y)^2, no half and no mean; df = 2 (a - y); H v = 2 v.

    The target is any real number. Error: f 2 / 2 ulp; df 0.5 / 0.5 ulp; d2f 0 / 0 ulp.
    Source: Legendre, Nouvelles methodes pour la determination des orbites des cometes, 1805.
    """
    r: Array = output - target
    return r * r


def _squared_error_df(output: Array, target: Array) -> Array:
    """Slope 2 (a - y)."""
    r: Array = output - target
    slope: Array = r + r
    return slope


def _squared_error_d2f(output: Array, target: Array, v: Array) -> Array:
    """Hessian times v: 2 v."""
    twice: Array = v + v
    return twice


squared_error = Loss(
    sum_of(_squared_error),
    _squared_error_df,
    _squared_error_d2f,
    targets=_OF_ANY_SIZE,
    name="squared_error",
)


def _absolute_error(output: Array, target: Array) -> Array:
    """Absolute error: f = sum |a - y|; df = sign(a - y), 0 at a = y; H v = 0.

    The target is any real number. Error: f 0.5 / 0.5 ulp; df 0 / 0 ulp; d2f 0 / 0 ulp.
    Source: Laplace, Memoire sur la probabilite des causes par les evenemens, 1774.
    """
    term: Array = np.abs(output - target)
    return term


def _absolute_error_df(output: Array, target: Array) -> Array:
    """Slope sign(a - y)."""
    slope: Array = np.sign(output - target)
    return slope


absolute_error = Loss(
    sum_of(_absolute_error),
    _absolute_error_df,
    zero_curvature,
    targets=_OF_ANY_SIZE,
    name="absolute_error",
)


def _huber(delta: float, output: Array, target: Array) -> Array:
    r: Array = np.abs(output - target)
    m: Array = np.minimum(r, delta)
    term: Array = m * (r - 0.5 * m)  # both branches at once, and none overflows unused
    return term


def _huber_df(delta: float, output: Array, target: Array) -> Array:
    slope: Array = np.minimum(np.maximum(output - target, -delta), delta)
    return slope


def _huber_d2f(delta: float, output: Array, target: Array, v: Array) -> Array:
    outside = np.maximum(np.sign(np.abs(output - target) - delta), 0.0)
    bent: Array = (1.0 - outside) * v
    return bent


def huber(delta: float) -> Loss:
    """Huber's loss: f = sum r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2); r = a - y.

    df = r clipped to [-delta, delta], continuous; H v = v where |r| <= delta, else 0. The target
    is any real number. Error: f 2 / 3 ulp; df 0.5 / 0.5 ulp; d2f 0 / 0 ulp. A delta that is not
    positive and finite is a `ValueError`.
    Source: Huber, Robust estimation of a location parameter, 1964.

    >>> huber(1.0).f(np.array([0.5, 3.0]), np.array([0.0, 0.0]))
    np.float64(2.625)
    """
    delta = positive("delta", delta)  # a Python float leaves float32 data alone
    return Loss(
        sum_of(partial(_huber, delta), huber.__doc__),
        partial(_huber_df, delta),
        partial(_huber_d2f, delta),
        targets=_OF_ANY_SIZE,
        name=f"huber({delta})",
    )


def _pinball(quantile: float, output: Array, target: Array) -> Array:
    r: Array = output - target
    return np.maximum((1.0 - quantile) * r, -quantile * r)


def _pinball_df(quantile: float, output: Array, target: Array) -> Array:
    sign = np.sign(output - target)
    slope: Array = np.minimum(np.maximum(sign, -quantile), 1.0 - quantile)
    return slope


def pinball(quantile: float) -> Loss:
    """Quantile loss, least when the output is that quantile of the target's distribution.

    f = sum (1 - q) r where r >= 0, else -q r; r = a - y. df = 1 - q above the target, -q below it,
    0 at r = 0 (as for `absolute_error`, whose half is q = 1/2); H v = 0. The target is any real
    number. Error: f 2 / 2 ulp; df 0.5 / 0.5 ulp; d2f 0 / 0 ulp. A quantile outside (0, 1) is a
    `ValueError`. Source: Koenker and Bassett, Regression quantiles, 1978.

    >>> pinball(0.9).df(np.array([1.0, 1.0, 1.0]), np.array([2.0, 1.0, 0.0])).round(4)
    array([-0.9,  0. ,  0.1])
    """
    quantile = within("quantile", quantile, 0, 1, "()")
    return Loss(
        sum_of(partial(_pinball, quantile), pinball.__doc__),
        partial(_pinball_df, quantile),
        zero_curvature,
        targets=_OF_ANY_SIZE,
        name=f"pinball({quantile})",
    )


def _poisson(output: Array, target: Array) -> Array:
    """Poisson loss of a log rate z: f = sum exp(z) - y z; df = exp(z) - y; H v = exp(z) v.

    The constant log y! is left out. The target is a count, y >= 0; the output layer takes
    `identity`. Error: f 1.5 / 3.5 eps of the larger part; df 1.5 / 3 eps of the larger part;
    d2f 1.5 / 3 ulp. Source: Nelder and Wedderburn, Generalized linear models, 1972.
    """
    z = np.minimum(output, 1e4)  # exp is inf long before, and inf - inf is nan
    term: Array = np.exp(output) - target * np.where(target == 0.0, 0.0, z)  # 0 log 0 is 0
    return term


def _poisson_df(output: Array, target: Array) -> Array:
    """Slope exp(z) - y."""
    return np.exp(output) - target


def _poisson_d2f(output: Array, target: Array, v: Array) -> Array:
    """Hessian times v: exp(z) v."""
    bent: Array = np.exp(output) * v
    return bent


poisson = Loss(
    sum_of(_poisson), _poisson_df, _poisson_d2f, targets=Targets(0.0), logits=True, name="poisson"
)
