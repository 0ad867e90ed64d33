"""The second derivatives of `fnn.losses`: ``d2f(output, target, v)`` is H v, row by row.

H is the Hessian of a sample's loss by its output, and v, like the result, has the output's shape.
At a kink, where the slope jumps, it is 0, as on both sides. It is NaN where what it depends on is.

Errors are bounds against mpmath over the whole dtype, float64 / float32, in ulp of the exact value,
or in eps of the greatest |v| where terms cancel.
"""

from __future__ import annotations

import numpy as np

from fnn.base import Array
from fnn.losses._logits import softmax


def squared_error(output: Array, target: Array, v: Array) -> Array:
    """H v = 2 v. Exact."""
    twice: Array = v + v
    return twice


def piecewise_linear(output: Array, target: Array, v: Array) -> Array:
    """H v = 0: absolute_error, pinball and hinge have no curvature. Exact."""
    nothing: Array = 0.0 * v
    return nothing


def huber(delta: float, output: Array, target: Array, v: Array) -> Array:
    """H v = v where |a - y| <= delta, else 0. Exact."""
    outside = np.maximum(np.sign(np.abs(output - target) - delta), 0.0)
    bent: Array = (1.0 - outside) * v
    return bent


def poisson(output: Array, target: Array, v: Array) -> Array:
    """H v = exp(z) v. Error: 1.5 / 3 ulp."""
    bent: Array = np.exp(output) * v
    return bent


def sigmoid_cross_entropy(output: Array, target: Array, v: Array) -> Array:
    """H v = s (1 - s) v, s = sigmoid(z). Error: 6 / 7 ulp."""
    e = np.exp(-np.abs(output))
    bent: Array = e / (1.0 + e) ** 2 * v  # s (1 - s) loses all digits, as in fnn.activations
    return bent


def softmax_cross_entropy(output: Array, target: Array, v: Array) -> Array:
    """H v = sum(y) p * (v - p . v), p = softmax(z). Error: 0.5 / 0.5 eps, times sum(y).

    What rounding left of the mean p . v is taken off as well: where p is nearly certain, v - p . v
    is next to nothing, and keeps its digits.
    """
    p = softmax(output)
    apart = v - np.asarray((p * v).sum(-1))[..., None]
    rest = np.asarray((p * apart).sum(-1))[..., None]
    total = np.asarray(target.sum(-1))[..., None]
    bent: Array = total * p * (apart - rest)
    return bent
