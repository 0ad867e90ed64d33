"""The built-in losses, `fnn.base.Loss` pairs, and `softmax` for reading predictions.

``f(output, target)`` sums over the last axis of one sample (k,) or a batch (n, k) and so gives one
number or n of them; ``df(output, target)``, in the output's shape, is the exact derivative of ``f``
by the output, and ``d2f``, in `fnn.losses`, its second. The target has the output's shape
and floating dtype, and the results keep the dtype.
Cross-entropies take logits, and poisson log rates: give the output layer the identity activation.

NaN in gives NaN out. An infinite output gives the limit, and equal infinities count as equal
logits. NumPy warns only where a difference (of two logits, or of output and target), a product or
a sum is beyond the dtype, inf then being the value: a squared error of 1e200, poisson at z > 709.

Accuracies are bounds on the error for one output against mpmath, over the whole dtype (float64 /
float32, x86-64); adding up k of one sign adds at most k / 2 ulp. Where terms cancel they are in
eps, of the loss or slope where that is above 1.

>>> import numpy as np
>>> output, target = np.array([[3.0, -1.0], [0.5, 0.0]]), np.array([[1.0, -1.0], [0.5, 2.0]])
>>> squared_error.f(output, target)
array([4., 4.])
>>> squared_error.df(output, target)
array([[ 4.,  0.],
       [ 0., -4.]])
>>> softmax_cross_entropy.f(np.array([800.0, 0.0, -np.inf]), np.array([0.5, 0.5, 0.0]))
np.float64(400.0)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from fnn._core.numbers import finite
from fnn.base import Array, Loss
from fnn.losses import _curvature as d2f
from fnn.losses._logits import below_top
from fnn.losses._logits import log_softmax as log_softmax
from fnn.losses._logits import softmax as softmax

# These functions also compile with numba, for vectors: see `fnn.losses._logits`.


def summed(term: Callable[[Array, Array], Array], output: Array, target: Array) -> Array:
    """The loss that has one term for each output, ``term(output, target)``."""
    total: Array = term(output, target).sum(-1)
    return total


def _squared_error_term(output: Array, target: Array) -> Array:
    r: Array = output - target
    return r * r


def _squared_error_df(output: Array, target: Array) -> Array:
    r: Array = output - target
    slope: Array = r + r
    return slope


squared_error = Loss(partial(summed, _squared_error_term), _squared_error_df, d2f.squared_error)
"""Squared error: f = sum (a - y)^2, no half and no mean; df = 2 (a - y). Any real target.

Within 2 / 2 ulp, df 0.5 / 0.5. Legendre, Nouvelles methodes pour la determination des orbites des
cometes, 1805."""


def _absolute_error_term(output: Array, target: Array) -> Array:
    term: Array = np.abs(output - target)
    return term


def _absolute_error_df(output: Array, target: Array) -> Array:
    slope: Array = np.sign(output - target)
    return slope


absolute_error = Loss(
    partial(summed, _absolute_error_term), _absolute_error_df, d2f.piecewise_linear
)
"""Absolute error: f = sum |a - y|; df = sign(a - y), 0 at a = y. Any real target.

Within 0.5 / 0.5 ulp, df exact. Laplace, Memoire sur la probabilite des causes par les evenemens,
1774."""


def _huber(delta: float, output: Array, target: Array) -> Array:
    r: Array = np.abs(output - target)
    m: Array = np.minimum(r, delta)
    term: Array = m * (r - 0.5 * m)  # both branches at once, and none overflows unused
    return term


def _huber_df(delta: float, output: Array, target: Array) -> Array:
    slope: Array = np.minimum(np.maximum(output - target, -delta), delta)
    return slope


def huber(delta: float) -> Loss:
    """Huber's loss: f = sum r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2); r = a - y.

    df = r clipped to [-delta, delta], continuous. Any real target. Within 2 / 3 ulp, df 0.5 / 0.5.
    A delta that is not positive and finite is a ValueError. Huber, Robust estimation of a location
    parameter, 1964.

    >>> huber(1.0).f(np.array([0.5, 3.0]), np.array([0.0, 0.0]))
    np.float64(2.625)
    """
    delta = finite("delta", delta)  # a Python float leaves float32 data alone
    if delta <= 0:
        raise ValueError(f"delta: expected a number above 0, got {delta!r}")
    return Loss(
        partial(summed, partial(_huber, delta)),
        partial(_huber_df, delta),
        partial(d2f.huber, delta),
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
    0 at r = 0 (as for `absolute_error`, whose half is q = 1/2). Any real target. Within 2 / 2 ulp,
    df 0.5 / 0.5. A quantile outside (0, 1) is a ValueError. Koenker and Bassett, Regression
    quantiles, 1978.

    >>> pinball(0.9).df(np.array([1.0, 1.0, 1.0]), np.array([2.0, 1.0, 0.0])).round(4)
    array([-0.9,  0. ,  0.1])
    """
    quantile = finite("quantile", quantile)
    if not 0 < quantile < 1:
        raise ValueError(f"quantile: expected a number between 0 and 1, got {quantile!r}")
    f, df = partial(summed, partial(_pinball, quantile)), partial(_pinball_df, quantile)
    return Loss(f, df, d2f.piecewise_linear)


def _hinge_term(output: Array, target: Array) -> Array:
    term: Array = np.maximum(1.0 - target * output, 0.0)
    return term


def _hinge_df(output: Array, target: Array) -> Array:
    slope: Array = target * np.sign(np.minimum(target * output - 1.0, 0.0))
    return slope


hinge = Loss(partial(summed, _hinge_term), _hinge_df, d2f.piecewise_linear)
"""Hinge loss: f = sum max(0, 1 - y z); df = -y where y z < 1, else 0 (at y z = 1 too).

The target is -1 or +1. Within 0.5 / 0.5 ulp, df exact. Cortes and Vapnik, Support-vector networks,
1995."""


def _poisson_term(output: Array, target: Array) -> Array:
    z = np.minimum(output, 1e4)  # exp is inf long before, and inf - inf is nan
    term: Array = np.exp(output) - target * np.where(target == 0.0, 0.0, z)  # 0 log 0 is 0
    return term


def _poisson_df(output: Array, target: Array) -> Array:
    return np.exp(output) - target


poisson = Loss(partial(summed, _poisson_term), _poisson_df, d2f.poisson)
"""Poisson loss of a log rate z: f = sum exp(z) - y z, less the constant log y!; df = exp(z) - y.

The target is a count, y >= 0. Within 1.5 / 3.5 eps of the larger part, df 1.5 / 3. Nelder and
Wedderburn, Generalized linear models, 1972."""


def _sigmoid_cross_entropy_term(output: Array, target: Array) -> Array:
    z = np.abs(output)
    against = np.where(output < 0.0, target, 1.0 - target)  # the probability that z speaks against
    cost = np.where(against == 0.0, 0.0, z)  # 0 log 0 is 0
    term: Array = against * cost + np.log1p(np.exp(-z))
    return term


def _sigmoid_cross_entropy_df(output: Array, target: Array) -> Array:
    up, down = np.exp(np.minimum(output, 0.0)), np.exp(np.minimum(-output, 0.0))  # one of them is 1
    slope: Array = ((1.0 - target) * up - target * down) / (up + down)
    return slope


sigmoid_cross_entropy = Loss(
    partial(summed, _sigmoid_cross_entropy_term),
    _sigmoid_cross_entropy_df,
    d2f.sigmoid_cross_entropy,
)
"""Binary cross-entropy: f = -sum y log s + (1 - y) log(1 - s), s = sigmoid(z); df = s - y.

Each target is a probability in [0, 1]. Within 2.5 / 4 ulp; df 3 / 4 ulp where y is 0 or 1, else
1.5 / 1.5 eps. Cox, The regression analysis of binary sequences, 1958."""


def _softmax_cross_entropy(output: Array, target: Array) -> Array:
    cost = -log_softmax(output)
    cost = np.where(target == 0.0, np.minimum(cost, 1.0), cost)  # 0 log 0 is 0
    total: Array = (target * cost).sum(-1)
    return total


def _softmax_cross_entropy_df(output: Array, target: Array) -> Array:
    e = np.exp(below_top(output))
    scale: Array = np.asarray(target.sum(-1) / e.sum(-1))[..., None]
    return e * scale - target


softmax_cross_entropy = Loss(
    _softmax_cross_entropy, _softmax_cross_entropy_df, d2f.softmax_cross_entropy
)
"""Cross-entropy of logits: f = -sum y log p, p = softmax(z); df = p sum(y) - y.

Targets are the probabilities of the classes (one-hot, smoothed or soft); other y >= 0 weigh them.
Within 3 / 3 eps for 10 classes, 7 / 7 for 100, relatively exact for a small loss too; df 3.5 / 3.5
and 5 / 5 eps. Good, Rational decisions, 1952."""
