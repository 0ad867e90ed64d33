"""Losses for classes: hinge, sigmoid_cross_entropy, softmax_cross_entropy, and that of labels.

>>> import numpy as np
>>> softmax_cross_entropy.f(np.array([800.0, 0.0, -np.inf]), np.array([0.5, 0.5, 0.0]))
np.float64(400.0)
"""

from __future__ import annotations

import numpy as np

from fnn._core.targets import check_labels
from fnn.base import Array, Loss, Targets
from fnn.losses._logits import below_top, log_softmax, softmax
from fnn.losses._terms import sum_of, zero_curvature


def _hinge(output: Array, target: Array) -> Array:
    """Hinge loss: f = sum max(0, 1 - y z); df = -y where y z < 1, else 0; H v = 0.

    At y z = 1 df is 0. The target is -1 or +1.
    Error: f 0.5 / 0.5 ulp; df 0 / 0 ulp; d2f 0 / 0 ulp.
    Source: Cortes and Vapnik, Support-vector networks, 1995.
    """
    term: Array = np.maximum(1.0 - target * output, 0.0)
    return term


def _hinge_df(output: Array, target: Array) -> Array:
    """Slope -y where y z < 1, else 0."""
    slope: Array = target * np.sign(np.minimum(target * output - 1.0, 0.0))
    return slope


hinge = Loss(
    sum_of(_hinge),
    _hinge_df,
    zero_curvature,
    targets=Targets(-1.0, 1.0, (-1.0, 1.0), matched=True),
    name="hinge",
)


def _sigmoid_cross_entropy(output: Array, target: Array) -> Array:
    """Binary cross-entropy: f = -sum y log s + (1 - y) log(1 - s), s = sigmoid(z); df = s - y.

    H v = s (1 - s) v. Each target is a probability in [0, 1]; the output layer takes `identity`.
    Error: f 2.5 / 4 ulp; df 3 / 4 ulp where y is 0 or 1, else 1.5 / 1.5 eps; d2f 6 / 7 ulp.
    Source: Cox, The regression analysis of binary sequences, 1958.
    """
    z = np.abs(output)
    against = np.where(output < 0.0, target, 1.0 - target)  # the probability that z speaks against
    cost = np.where(against == 0.0, 0.0, z)  # 0 log 0 is 0
    term: Array = against * cost + np.log1p(np.exp(-z))
    return term


def _sigmoid_cross_entropy_df(output: Array, target: Array) -> Array:
    """Slope s - y, s = sigmoid(z)."""
    up, down = np.exp(np.minimum(output, 0.0)), np.exp(np.minimum(-output, 0.0))  # one of them is 1
    slope: Array = ((1.0 - target) * up - target * down) / (up + down)
    return slope


def _sigmoid_cross_entropy_d2f(output: Array, target: Array, v: Array) -> Array:
    """Hessian times v: s (1 - s) v, s = sigmoid(z)."""
    e = np.exp(-np.abs(output))
    bent: Array = e / (1.0 + e) ** 2 * v  # s (1 - s) loses all digits, as in fnn.activations
    return bent


sigmoid_cross_entropy = Loss(
    sum_of(_sigmoid_cross_entropy),
    _sigmoid_cross_entropy_df,
    _sigmoid_cross_entropy_d2f,
    targets=Targets(0.0, 1.0),
    logits=True,
    name="sigmoid_cross_entropy",
)


def _softmax_cross_entropy(output: Array, target: Array) -> Array:
    """Cross-entropy of logits: f = -sum y log p, p = softmax(z); df = p sum(y) - y.

    H v = sum(y) p * (v - p . v). The targets are the probabilities of the classes (one-hot,
    smoothed or soft); other y >= 0 weigh them. The output layer takes `identity`.
    Error: f 3 / 3 eps and df 3.5 / 3.5 eps for 10 classes, f 7 / 7 eps and df 5 / 5 eps for 100; a
    small f is relatively exact; d2f 0.5 / 0.5 eps of the greatest |v|, times sum(y).
    Source: Good, Rational decisions, 1952.
    """
    cost = -log_softmax(output)
    cost = np.where(target == 0.0, np.minimum(cost, 1.0), cost)  # 0 log 0 is 0
    total: Array = (target * cost).sum(-1)
    return total


def _softmax_cross_entropy_df(output: Array, target: Array) -> Array:
    """Slope p sum(y) - y, p = softmax(z)."""
    e = np.exp(below_top(output))
    scale: Array = np.asarray(target.sum(-1) / e.sum(-1))[..., None]
    return e * scale - target


def _softmax_cross_entropy_d2f(output: Array, target: Array, v: Array) -> Array:
    """Hessian times v: sum(y) p * (v - p . v), p = softmax(z)."""
    bent: Array = np.asarray(target.sum(-1))[..., None] * _softmax_curvature(output, v)
    return bent


def _softmax_curvature(output: Array, v: Array) -> Array:
    """The product p * (v - p . v), p = softmax(z).

    What rounding left of the mean p . v is taken off as well: where p is nearly certain, v - p . v
    is next to nothing, and keeps its digits.
    """
    p = softmax(output)
    apart = v - np.asarray((p * v).sum(-1))[..., None]
    rest = np.asarray((p * apart).sum(-1))[..., None]
    bent: Array = p * (apart - rest)
    return bent


softmax_cross_entropy = Loss(
    _softmax_cross_entropy,
    _softmax_cross_entropy_df,
    _softmax_cross_entropy_d2f,
    targets=Targets(0.0, least_outputs=2),
    logits=True,
    name="softmax_cross_entropy",
)


def _with_integer_labels(output: Array, target: Array) -> Array:
    """Cross-entropy of logits and class labels: f = -log p_y, p = softmax(z); df = p - e_y.

    e_y is 1 for the class y, else 0; H v = p * (v - p . v). The targets are whole numbers from 0 to
    k - 1, of any dtype, (n,) for outputs (n, k): no row of zeros and a one is formed, which saves
    memory and time where classes are many. Others are a `ValueError` that names the row. The output
    layer takes `identity`. It is `softmax_cross_entropy` of ``one_hot(y, k)``, as optax's function
    of this name.
    Error: f 3 / 3 eps and df 3.5 / 3.5 eps for 10 classes, f 7 / 7 eps and df 5 / 5 eps for 100; a
    small f is relatively exact; d2f 0.5 / 0.5 eps of the greatest |v|.
    Source: Good, Rational decisions, 1952.
    """
    z, at = _rows_and_labels(output, target)
    top = np.arange(len(z)), z.argmax(-1)
    below = _below(z, z[top][:, None])
    e = np.exp(below)
    e[top] = 0.0  # all but one at the top: log1p keeps a small f exact
    total: Array = np.log1p(np.add.reduce(e, -1)) - below[at]
    return total.reshape(output.shape[:-1])


def _with_integer_labels_df(output: Array, target: Array) -> Array:
    """Slope p - e_y, p = softmax(z)."""
    z, at = _rows_and_labels(output, target)
    slope: Array = np.exp(_below(z, np.maximum.reduce(z, -1)[:, None]))
    slope /= np.add.reduce(slope, -1)[:, None]
    slope[at] -= 1.0
    return slope.reshape(output.shape)


def _with_integer_labels_d2f(output: Array, target: Array, v: Array) -> Array:
    """Hessian times v: p * (v - p . v), p = softmax(z)."""
    check_labels("target", target, output.shape[-1])
    return _softmax_curvature(output, v)


def _rows_and_labels(output: Array, target: Array) -> tuple[Array, tuple[Array, Array]]:
    """Rows of outputs and the places of their labels, which are seen to be classes of them."""
    k = output.shape[-1]
    labels = check_labels("target", target, k).reshape(-1)
    rows = output.reshape(-1, k)
    return rows, (np.arange(len(rows)), labels)


def _below(z: Array, top: Array) -> Array:
    """The result of `below_top`, given the maximum of each row."""
    if np.isfinite(top).all():
        below: Array = z - top
        return below
    return below_top(z)


softmax_cross_entropy_with_integer_labels = Loss(
    _with_integer_labels,
    _with_integer_labels_df,
    _with_integer_labels_d2f,
    targets=Targets(0.0, labels=True, least_outputs=2),
    logits=True,
    name="softmax_cross_entropy_with_integer_labels",
)
