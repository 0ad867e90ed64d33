"""Each built-in activation written down again: one row has all that tests compare it with.

``f`` and ``df`` are for real and complex arrays of moderate size. They branch on the real part
only, so that Im f(z + ih) / h is f'(z) to rounding. ``exact_f`` and its derivatives are for
numbers of mpmath. All of them are the textbook form and share nothing with fnn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

from fnn import activations
from fnn.activations import celu, elu, leaky_relu
from fnn.base import Activation, Array

Real = Any  # an mpmath number
Float = type[np.float32] | type[np.float64]

SLOPE, ALPHA = 0.3, 1.7
DTYPES = (np.float64, np.float32)
LEAST = {np.float64: 1e-300, np.float32: 1e-30}  # below, relative accuracy is not promised


def _sigmoid(z: Array) -> Array:
    s: Array = 1 / (1 + np.exp(-z))
    return s


def _softplus(z: Array) -> Array:
    value: Array = np.log(1 + np.exp(z))
    return value


def _elu(alpha: float) -> Callable[[Array], Array]:
    return lambda z: np.where(z.real > 0, z, alpha * (np.exp(z) - 1))


def _erf(z: Array) -> Array:
    real = np.array([math.erf(v) for v in z.real.ravel()]).reshape(z.shape)
    if not np.iscomplexobj(z):
        return real
    value: Array = real + 1j * z.imag * 2 / math.sqrt(math.pi) * np.exp(-(z.real**2))
    return value


def _selu(z: Array) -> Array:
    return 1.0507009873554804934193349852946 * _elu(1.6732632423543772848170429916717)(z)


def _softsign_slope(z: Array) -> Array:
    size = np.where(z.real > 0, z, -z)
    slope: Array = 1 / (1 + size) ** 2
    return slope


def _gelu_tanh_slope(z: Array) -> Array:
    u, slope = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3), 1 + 3 * 0.044715 * z * z
    t = np.tanh(u)
    whole: Array = (1 + t) / 2 + z / 2 * (1 - t * t) * math.sqrt(2 / math.pi) * slope
    return whole


def _mish_slope(z: Array) -> Array:
    t = np.tanh(_softplus(z))
    slope: Array = t + z * (1 - t * t) * _sigmoid(z)
    return slope


def _gelu_slope(z: Array) -> Array:
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    slope: Array = (1 + _erf(z / math.sqrt(2))) / 2 + z * density
    return slope


# In mpmath.


def sigmoid(z: Real) -> Real:
    return 1 / (1 + mp.exp(-z))


def sigmoid_slope(z: Real) -> Real:
    return sigmoid(z) * sigmoid(-z)


def softplus(z: Real) -> Real:
    return mp.log1p(mp.exp(z)) if z < 0 else z + mp.log1p(mp.exp(-z))


def cdf(z: Real) -> Real:
    return mp.erfc(-z / mp.sqrt(2)) / 2 if abs(z) < 1e4 else step(z, mp.mpf(0), mp.mpf(1))


def cubic(z: Real) -> Real:
    return mp.sqrt(8 / mp.pi) * (z + mp.mpf("0.044715") * z**3)


def cubic_slope(z: Real) -> Real:
    return mp.sqrt(8 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * z**2)


def step(z: Real, left: Real, right: Real) -> Real:
    return right if z > 0 else left


def selu_scales() -> tuple[Real, Real]:
    """Lambda and alpha, as the paper's authors publish them."""
    return (
        mp.mpf("1.0507009873554804934193349852946"),
        mp.mpf("1.6732632423543772848170429916717"),
    )


def selu(z: Real) -> Real:
    scale, alpha = selu_scales()
    return step(z, scale * alpha * mp.expm1(min(z, 0)), scale * z)


def selu_slope(z: Real) -> Real:
    scale, alpha = selu_scales()
    return step(z, scale * alpha * mp.exp(min(z, 0)), scale)


def sigmoid_bend(z: Real) -> Real:
    return -sigmoid_slope(z) * mp.tanh(z / 2)  # s(-z) - s(z) loses its digits


def gelu_tanh_bend(z: Real) -> Real:
    u, slope = cubic(z), cubic_slope(z)
    cubic_bend = mp.sqrt(8 / mp.pi) * 6 * mp.mpf("0.044715") * z
    return 2 * sigmoid_slope(u) * slope + z * (
        sigmoid_bend(u) * slope**2 + sigmoid_slope(u) * cubic_bend
    )


def mish_bend(z: Real) -> Real:
    t, steep = mp.tanh(softplus(z)), mp.sech(softplus(z)) ** 2
    return 2 * steep * sigmoid(z) + z * (steep * sigmoid_slope(z) - 2 * t * steep * sigmoid(z) ** 2)


class Oracle(NamedTuple):
    """A pair and what it should be."""

    pair: Activation
    f: Callable[[Array], Array]
    df: Callable[[Array], Array]
    exact_f: Callable[[Real], Real]
    exact_df: Callable[[Real], Real]
    exact_d2f: Callable[[Real], Real]
    limits: tuple[float, float, float, float]
    """f and df at -inf, and at inf."""


ORACLES: dict[str, Oracle] = {
    "identity": Oracle(
        activations.identity,
        f=lambda z: z,
        df=lambda z: 1 + 0 * z,
        exact_f=lambda z: z,
        exact_df=lambda z: mp.mpf(1),
        exact_d2f=lambda z: mp.mpf(0),
        limits=(-np.inf, 1, np.inf, 1),
    ),
    "sigmoid": Oracle(
        activations.sigmoid,
        f=_sigmoid,
        df=lambda z: _sigmoid(z) * (1 - _sigmoid(z)),
        exact_f=sigmoid,
        exact_df=sigmoid_slope,
        exact_d2f=sigmoid_bend,
        limits=(0, 0, 1, 0),
    ),
    "tanh": Oracle(
        activations.tanh,
        f=np.tanh,
        df=lambda z: 1 - np.tanh(z) ** 2,
        exact_f=mp.tanh,
        exact_df=lambda z: mp.sech(z) ** 2,
        exact_d2f=lambda z: -2 * mp.tanh(z) * mp.sech(z) ** 2,
        limits=(-1, 0, 1, 0),
    ),
    "relu": Oracle(
        activations.relu,
        f=lambda z: np.where(z.real > 0, z, 0),
        df=lambda z: np.where(z.real > 0, 1 + 0 * z, 0),
        exact_f=lambda z: max(z, mp.mpf(0)),
        exact_df=lambda z: step(z, 0, 1),
        exact_d2f=lambda z: mp.mpf(0),
        limits=(0, 0, np.inf, 1),
    ),
    "leaky_relu": Oracle(
        leaky_relu(SLOPE),
        f=lambda z: np.where(z.real > 0, z, SLOPE * z),
        df=lambda z: np.where(z.real > 0, 1 + 0 * z, SLOPE),
        exact_f=lambda z: step(z, SLOPE * z, z),
        exact_df=lambda z: step(z, SLOPE, 1),
        exact_d2f=lambda z: mp.mpf(0),
        limits=(-np.inf, SLOPE, np.inf, 1),
    ),
    "elu": Oracle(
        elu(ALPHA),
        f=_elu(ALPHA),
        df=lambda z: np.where(z.real > 0, 1 + 0 * z, ALPHA * np.exp(z)),
        exact_f=lambda z: step(z, ALPHA * mp.expm1(min(z, 0)), z),
        exact_df=lambda z: step(z, ALPHA * mp.exp(min(z, 0)), 1),
        exact_d2f=lambda z: step(z, ALPHA * mp.exp(min(z, 0)), mp.mpf(0)),
        limits=(-ALPHA, 0, np.inf, 1),
    ),
    "selu": Oracle(
        activations.selu,
        f=_selu,
        df=lambda z: (
            1.0507009873554804934193349852946
            * np.where(z.real > 0, 1 + 0 * z, 1.6732632423543772848170429916717 * np.exp(z))
        ),
        exact_f=selu,
        exact_df=selu_slope,
        exact_d2f=lambda z: step(z, mp.fprod(selu_scales()) * mp.exp(min(z, 0)), mp.mpf(0)),
        limits=(-1.7580993408473768, 0, np.inf, 1.0507009873554805),
    ),
    "softplus": Oracle(
        activations.softplus,
        f=_softplus,
        df=_sigmoid,
        exact_f=softplus,
        exact_df=sigmoid,
        exact_d2f=sigmoid_slope,
        limits=(0, 0, np.inf, 1),
    ),
    "softsign": Oracle(
        activations.softsign,
        f=lambda z: z / (1 + np.where(z.real > 0, z, -z)),
        df=_softsign_slope,
        exact_f=lambda z: z / (1 + abs(z)),
        exact_df=lambda z: 1 / (1 + abs(z)) ** 2,
        exact_d2f=lambda z: -2 * mp.sign(z) / (1 + abs(z)) ** 3,
        limits=(-1, 0, 1, 0),
    ),
    "silu": Oracle(
        activations.silu,
        f=lambda z: z * _sigmoid(z),
        df=lambda z: _sigmoid(z) + z * _sigmoid(z) * (1 - _sigmoid(z)),
        exact_f=lambda z: z * sigmoid(z),
        exact_df=lambda z: sigmoid(z) + z * sigmoid_slope(z),
        exact_d2f=lambda z: 2 * sigmoid_slope(z) + z * sigmoid_bend(z),
        limits=(0, 0, np.inf, 1),
    ),
    "gelu": Oracle(
        activations.gelu,
        f=lambda z: z / 2 * (1 + _erf(z / math.sqrt(2))),
        df=_gelu_slope,
        exact_f=lambda z: z * cdf(z),
        exact_df=lambda z: cdf(z) + z * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi),
        exact_d2f=lambda z: (2 - z * z) * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi),
        limits=(0, 0, np.inf, 1),
    ),
    "gelu_tanh": Oracle(
        activations.gelu_tanh,
        f=lambda z: z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
        df=_gelu_tanh_slope,
        exact_f=lambda z: z * sigmoid(cubic(z)),
        exact_df=lambda z: sigmoid(cubic(z)) + z * sigmoid_slope(cubic(z)) * cubic_slope(z),
        exact_d2f=gelu_tanh_bend,
        limits=(0, 0, np.inf, 1),
    ),
    "mish": Oracle(
        activations.mish,
        f=lambda z: z * np.tanh(_softplus(z)),
        df=_mish_slope,
        exact_f=lambda z: z * mp.tanh(softplus(z)),
        exact_df=lambda z: mp.tanh(softplus(z)) + z * mp.sech(softplus(z)) ** 2 * sigmoid(z),
        exact_d2f=mish_bend,
        limits=(0, 0, np.inf, 1),
    ),
    "hard_sigmoid": Oracle(
        activations.hard_sigmoid,
        f=lambda z: np.where(np.abs(z.real) < 3, z / 6 + 0.5, z.real > 0),
        df=lambda z: np.where(np.abs(z.real) < 3, 1 / 6 + 0 * z, 0),
        exact_f=lambda z: min(max((z + 3) / 6, mp.mpf(0)), mp.mpf(1)),
        exact_df=lambda z: mp.mpf(1) / 6 if abs(z) < 3 else mp.mpf(0),
        exact_d2f=lambda z: mp.mpf(0),
        limits=(0, 0, 1, 0),
    ),
    "relu6": Oracle(
        activations.relu6,
        f=lambda z: np.where(z.real > 6, 6, np.where(z.real > 0, z, 0)),
        df=lambda z: np.where((z.real > 0) & (z.real <= 6), 1 + 0 * z, 0),
        exact_f=lambda z: min(max(z, mp.mpf(0)), mp.mpf(6)),
        exact_df=lambda z: mp.mpf(0 < z <= 6),
        exact_d2f=lambda z: mp.mpf(0),
        limits=(0, 0, 6, 0),
    ),
    "hard_tanh": Oracle(
        activations.hard_tanh,
        f=lambda z: np.where(np.abs(z.real) < 1, z, np.sign(z.real)),
        df=lambda z: np.where((z.real > -1) & (z.real <= 1), 1 + 0 * z, 0),
        exact_f=lambda z: min(max(z, mp.mpf(-1)), mp.mpf(1)),
        exact_df=lambda z: mp.mpf(-1 < z <= 1),
        exact_d2f=lambda z: mp.mpf(0),
        limits=(-1, 0, 1, 0),
    ),
    "hard_swish": Oracle(
        activations.hard_swish,
        f=lambda z: np.where(np.abs(z.real) < 3, z * (z + 3) / 6, np.where(z.real > 0, z, 0)),
        df=lambda z: np.where(
            (z.real > -3) & (z.real <= 3), z / 3 + 0.5, np.where(z.real > 0, 1, 0)
        ),
        exact_f=lambda z: z * min(max((z + 3) / 6, mp.mpf(0)), mp.mpf(1)),
        exact_df=lambda z: (2 * z + 3) / 6 if -3 < z <= 3 else step(z, mp.mpf(0), mp.mpf(1)),
        exact_d2f=lambda z: mp.mpf(1) / 3 if -3 < z <= 3 else mp.mpf(0),
        limits=(0, 0, np.inf, 1),
    ),
    "log_sigmoid": Oracle(
        activations.log_sigmoid,
        f=lambda z: -_softplus(-z),
        df=lambda z: _sigmoid(-z),
        exact_f=lambda z: -softplus(-z),
        exact_df=lambda z: sigmoid(-z),
        exact_d2f=lambda z: -sigmoid_slope(z),
        limits=(-np.inf, 1, 0, 0),
    ),
    "celu": Oracle(
        celu(ALPHA),
        f=lambda z: np.where(z.real > 0, z, ALPHA * (np.exp(z / ALPHA) - 1)),
        df=lambda z: np.where(z.real > 0, 1 + 0 * z, np.exp(z / ALPHA)),
        exact_f=lambda z: step(z, ALPHA * mp.expm1(min(z, 0) / ALPHA), z),
        exact_df=lambda z: step(z, mp.exp(min(z, 0) / ALPHA), 1),
        exact_d2f=lambda z: step(z, mp.exp(min(z, 0) / ALPHA) / ALPHA, mp.mpf(0)),
        limits=(-ALPHA, 0, np.inf, 1),
    ),
}


# Kinks, zeros of f', where the formulas change over and where exp ends in either dtype.
PLACES = [
    1,
    1.5,
    6,
    0.7518,
    0.7525,
    1.1924,
    1.2785,
    3,
    8,
    16.6,
    17.4,
    22,
    30,
    36.7,
    37.5,
    38.6,
    39,
    40,
]
PLACES += [12.9, 13.3, 14.4, 21.5, 87.3, 88.7, 103.9, 354.9, 372.5, 708.4, 709.8, 745.1, 1e3, 1e4]
PLACES += [1, 1.5, 6]


def adversarial(dtype: Float, count: int) -> Array:
    """Zero, subnormals, the ends of the range, PLACES and what is next to them, of either sign."""
    info, rng = np.finfo(dtype), np.random.default_rng(11)
    ends = np.array([info.smallest_subnormal, info.tiny, 1e-30, 1e30, info.max], dtype)
    places = np.array(PLACES, dtype)
    logs = np.exp(rng.uniform(np.log(info.tiny), np.log(info.max), count))
    logs = np.concatenate([logs, 10 ** rng.uniform(-9, 4, 2 * count)])
    widths = [rng.uniform(0, width, 2 * count) for width in (1, 6, 40, 110, 750)]
    sizes: Array = np.concatenate([[0], ends, logs.astype(dtype), *widths], dtype=dtype)
    near = [np.nextafter(places, dtype(0)), places, np.nextafter(places, dtype(np.inf))]
    sizes = np.concatenate([sizes, *near])
    grid: Array = np.unique(np.concatenate([sizes, -sizes]))
    return grid


def exact(formula: Callable[[Real], Real], z: Array) -> list[Real]:
    return [formula(mp.mpf(float(v))) for v in z]


def errors(values: Array, truths: list[Real], unit: str) -> Array:
    """In units of the last place or of eps; nothing is said where the truth overflows."""
    info, least = np.finfo(values.dtype), LEAST[values.dtype.type]
    found = np.zeros(len(truths))
    for i, (value, truth) in enumerate(zip(values, truths, strict=True)):
        if abs(truth) > float(info.max):
            assert value == mp.sign(truth) * np.inf
            continue
        size = max(float(abs(truth)), least if unit == "ulp" else 1.0)
        if unit == "ulp":
            size = 2.0 ** (math.frexp(size)[1] - 1)
        found[i] = float(abs(mp.mpf(float(value)) - truth) / (size * float(info.eps)))
    return found
