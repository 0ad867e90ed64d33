"""The built-in activations in mpmath, points where errors show, and errors in units of rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

from fnn import activations
from fnn.activations import elu, leaky_relu
from fnn.base import Activation, Array

Real = Any  # an mpmath number
Float = type[np.float32] | type[np.float64]

SLOPE, ALPHA = 0.3, 1.7
DTYPES = (np.float64, np.float32)
LEAST = {np.float64: 1e-300, np.float32: 1e-30}  # below, relative accuracy is not promised

# Each f, written down again from its definition, and its derivative by hand.


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


class Truth(NamedTuple):
    """A pair and what it should be."""

    pair: Activation
    f: Callable[[Real], Real]
    df: Callable[[Real], Real]


TRUTHS = {
    "identity": Truth(activations.identity, lambda z: z, lambda z: mp.mpf(1)),
    "sigmoid": Truth(activations.sigmoid, sigmoid, sigmoid_slope),
    "tanh": Truth(activations.tanh, mp.tanh, lambda z: mp.sech(z) ** 2),
    "relu": Truth(activations.relu, lambda z: max(z, mp.mpf(0)), lambda z: step(z, 0, 1)),
    "leaky_relu": Truth(
        leaky_relu(SLOPE), lambda z: step(z, SLOPE * z, z), lambda z: step(z, SLOPE, 1)
    ),
    "elu": Truth(
        elu(ALPHA),
        lambda z: step(z, ALPHA * mp.expm1(min(z, 0)), z),
        lambda z: step(z, ALPHA * mp.exp(min(z, 0)), 1),
    ),
    "selu": Truth(activations.selu, selu, selu_slope),
    "softplus": Truth(activations.softplus, softplus, sigmoid),
    "softsign": Truth(
        activations.softsign, lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2
    ),
    "silu": Truth(
        activations.silu,
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) + z * sigmoid_slope(z),
    ),
    "gelu": Truth(
        activations.gelu,
        lambda z: z * cdf(z),
        lambda z: cdf(z) + z * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi),
    ),
    "gelu_tanh": Truth(
        activations.gelu_tanh,
        lambda z: z * sigmoid(cubic(z)),
        lambda z: sigmoid(cubic(z)) + z * sigmoid_slope(cubic(z)) * cubic_slope(z),
    ),
    "mish": Truth(
        activations.mish,
        lambda z: z * mp.tanh(softplus(z)),
        lambda z: mp.tanh(softplus(z)) + z * mp.sech(softplus(z)) ** 2 * sigmoid(z),
    ),
    "hard_sigmoid": Truth(
        activations.hard_sigmoid,
        lambda z: min(max((z + 3) / 6, mp.mpf(0)), mp.mpf(1)),
        lambda z: mp.mpf(1) / 6 if abs(z) < 3 else mp.mpf(0),
    ),
}


# Kinks, zeros of f', where the formulas change over and where exp ends in either dtype.
PLACES = [0.7518, 0.7525, 1.1924, 1.2785, 3, 8, 16.6, 17.4, 22, 30, 36.7, 37.5, 38.6, 39, 40]
PLACES += [12.9, 13.3, 14.4, 21.5, 87.3, 88.7, 103.9, 354.9, 372.5, 708.4, 709.8, 745.1, 1e3, 1e4]


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
