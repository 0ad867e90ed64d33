"""Each built-in loss written down again: one row has all that tests compare it with.

``f`` and ``df`` are for real and complex arrays of moderate size. They branch on the real part
only, so that Im f(o + ih) / h is f'(o) to rounding. A `Case` is the loss of one output in mpmath.
All of them are the textbook form and share nothing with fnn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

from fnn import losses
from fnn.base import Array, Loss
from fnn.losses import huber, pinball
from tests.support.activations import sigmoid_slope, softplus

Real = Any  # an mpmath number
Float = np.float32 | np.float64

DELTA, QUANTILE = 1.35, 0.9
Q = mp.mpf(QUANTILE)
REALS = (0.0, 1.0, -1.0, 0.1, 1 / 3, -7.0, 1e6, 1e18)


def _sigmoid(z: Array) -> Array:
    s: Array = 1 / (1 + np.exp(-z))
    return s


def _softplus(z: Array) -> Array:
    value: Array = np.log(1 + np.exp(z))
    return value


def _huber(o: Array, y: Array) -> Array:
    r = o - y
    size = np.where(r.real > 0, r, -r)
    total: Array = np.where(size.real <= DELTA, r * r / 2, DELTA * (size - DELTA / 2)).sum(-1)
    return total


def _pinball(o: Array, y: Array) -> Array:
    r = o - y
    total: Array = np.where(r.real > 0, (1 - QUANTILE) * r, -QUANTILE * r).sum(-1)
    return total


def _softmax(o: Array) -> Array:
    e = np.exp(o)
    p: Array = e / e.sum(-1, keepdims=True)
    return p


def _clipped(r: Array, most: float) -> Array:
    return np.where(np.abs(r.real) <= most, r, most * np.sign(r.real))


def _shares(y: Array) -> Array:
    whole: Array = np.abs(y) / np.abs(y).sum(-1, keepdims=True)
    return whole


def huber_of(r: Real) -> Real:
    d = mp.mpf(DELTA)
    return r**2 / 2 if abs(r) <= d else d * (abs(r) - d / 2)


class Case(NamedTuple):
    """A loss of one output in mpmath, the targets to try, and the accuracy that is promised."""

    f: Callable[[Real, Real], Real]
    df: Callable[[Real, Real], Real]
    targets: tuple[float, ...]
    bound: tuple[float, float]  # of f in float64, float32
    bound_df: tuple[float, float]
    part: Callable[[Real, Real], Real] | None = None  # eps of this, in the place of ulp
    part_df: Callable[[Real, Real], Real] | None = None


class Oracle(NamedTuple):
    """A pair and what it should be."""

    loss: Loss
    f: Callable[[Array, Array], Array]
    df: Callable[[Array, Array], Array]
    targets: Callable[[Array], Array] = np.copy
    """Targets that the loss is meant for, from normal numbers."""
    case: Case | None = None
    soft: Case | None = None
    """Another case, of targets that ask for another accuracy."""
    exact_d2f: Callable[[Real, Real], Real] | None = None


ORACLES: dict[str, Oracle] = {
    "squared_error": Oracle(
        losses.squared_error,
        f=lambda o, y: ((o - y) ** 2).sum(-1),
        df=lambda o, y: 2 * (o - y),
        case=Case(
            lambda z, y: (z - y) ** 2,
            lambda z, y: 2 * (z - y),
            REALS,
            (2, 2),
            (0.5, 0.5),
        ),
        exact_d2f=lambda z, y: mp.mpf(2),
    ),
    "absolute_error": Oracle(
        losses.absolute_error,
        f=lambda o, y: np.where((o - y).real > 0, o - y, y - o).sum(-1),
        df=lambda o, y: np.sign((o - y).real) + 0 * o,
        case=Case(
            lambda z, y: abs(z - y),
            lambda z, y: mp.sign(z - y),
            REALS,
            (0.5, 0.5),
            (0, 0),
        ),
        exact_d2f=lambda z, y: mp.mpf(0),
    ),
    "huber": Oracle(
        huber(DELTA),
        f=_huber,
        df=lambda o, y: _clipped(o - y, DELTA),
        case=Case(
            lambda z, y: huber_of(z - y),
            lambda z, y: max(-mp.mpf(DELTA), min(mp.mpf(DELTA), z - y)),
            REALS,
            (2, 3),
            (0.5, 0.5),
        ),
        exact_d2f=lambda z, y: mp.mpf(int(abs(z - y) <= mp.mpf(DELTA))),
    ),
    "sigmoid_cross_entropy": Oracle(
        losses.sigmoid_cross_entropy,
        f=lambda o, y: (_softplus(o) - y * o).sum(-1),
        df=lambda o, y: _sigmoid(o) - y,
        targets=_shares,
        case=Case(
            lambda z, y: (1 - y) * softplus(z) + y * softplus(-z),
            lambda z, y: 1 / (1 + mp.exp(-z)) if y == 0 else -1 / (1 + mp.exp(z)),
            (0.0, 1.0),
            (2.5, 4),
            (3, 4),
        ),
        soft=Case(
            lambda z, y: (1 - y) * softplus(z) + y * softplus(-z),
            lambda z, y: 1 / (1 + mp.exp(-z)) - y,
            (1e-30, 1e-10, 1e-3, 0.1, 0.25, 0.5, 0.7, 0.99, 1 - 2.0**-24),
            (2.5, 4),
            (1.5, 1.5),
            part_df=lambda z, y: mp.mpf(1),
        ),
        exact_d2f=lambda z, y: sigmoid_slope(z),
    ),
    "softmax_cross_entropy": Oracle(
        losses.softmax_cross_entropy,
        f=lambda o, y: y.sum(-1) * np.log(np.exp(o).sum(-1)) - (y * o).sum(-1),
        df=lambda o, y: y.sum(-1, keepdims=True) * _softmax(o) - y,
        targets=_shares,
    ),
    "poisson": Oracle(
        losses.poisson,
        f=lambda o, y: (np.exp(o) - y * o).sum(-1),
        df=lambda o, y: np.exp(o) - y,
        targets=lambda y: np.round(np.abs(y) * 2),
        case=Case(
            lambda z, y: mp.exp(z) - y * z,
            lambda z, y: mp.exp(z) - y,
            (0.0, 1.0, 2.0, 7.0, 100.0, 1e4),
            (1.5, 3.5),
            (1.5, 3),
            lambda z, y: max(mp.exp(z), abs(y * z)),
            lambda z, y: max(mp.exp(z), y),
        ),
        exact_d2f=lambda z, y: mp.exp(z),
    ),
    "pinball": Oracle(
        pinball(QUANTILE),
        f=_pinball,
        df=lambda o, y: np.where((o - y).real > 0, 1 - QUANTILE, -QUANTILE) + 0 * o,
        case=Case(
            lambda z, y: max(Q * (y - z), (Q - 1) * (y - z)),
            lambda z, y: mp.mpf(0) if z == y else 1 - Q if z > y else -Q,
            REALS,
            (2, 2),
            (0.5, 0.5),
        ),
        exact_d2f=lambda z, y: mp.mpf(0),
    ),
    "hinge": Oracle(
        losses.hinge,
        f=lambda o, y: np.where((y * o).real < 1, 1 - y * o, 0).sum(-1),
        df=lambda o, y: np.where((y * o).real < 1, -y, 0) + 0 * o,
        targets=np.sign,
        case=Case(
            lambda z, y: max(0, 1 - y * z),
            lambda z, y: -y if y * z < 1 else mp.mpf(0),
            (-1.0, 1.0),
            (0.5, 0.5),
            (0, 0),
        ),
        exact_d2f=lambda z, y: mp.mpf(0),
    ),
}


def true_log_softmax(z: list[Real]) -> list[Real]:
    top = z.index(max(z))
    others = mp.fsum(mp.exp(zi - z[top]) for i, zi in enumerate(z) if i != top)
    return [zi - z[top] - mp.log1p(others) for zi in z]


def logits(dtype: type[Float], classes: int) -> Array:
    """Rows close together and far apart, with ties and near ties at the top, and all tied."""
    rng = np.random.default_rng(classes)
    scales = np.repeat([0.01, 1, 8, 40, 300, 1e4], 2)
    z: Array = (rng.normal(size=(12, classes)) * scales[:, None]).astype(dtype)
    z[2, :2] = z[2].max() + 1
    z[4, 0] = z[4].max()
    z[4, 1] = np.nextafter(z[4, 0], dtype(-9))
    z[5] = 0.1
    return z
