"""Analytic transcriptions of the built-in pairs: the complex step needs functions free of |z|.

Each branches on the real part only, so that Im f(z + ih) / h is f'(z) to rounding, and each is
the textbook form, sharing nothing with fnn. Good for moderate arguments, which is all they get.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fnn import Activation, Loss, activations, losses
from fnn.activations import elu, leaky_relu
from fnn.base import Acts, Array, Batch, Params
from fnn.losses import huber, pinball

H = 1e-30
"""The complex step: its square is far below rounding, so nothing is truncated or cancelled."""


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


ACTIVATIONS: dict[str, tuple[Activation, Callable[[Array], Array]]] = {
    "identity": (activations.identity, lambda z: z),
    "sigmoid": (activations.sigmoid, _sigmoid),
    "tanh": (activations.tanh, np.tanh),
    "relu": (activations.relu, lambda z: np.where(z.real > 0, z, 0)),
    "leaky_relu": (leaky_relu(0.1), lambda z: np.where(z.real > 0, z, 0.1 * z)),
    "elu": (elu(0.7), _elu(0.7)),
    "selu": (activations.selu, _selu),
    "softplus": (activations.softplus, _softplus),
    "softsign": (activations.softsign, lambda z: z / (1 + np.where(z.real > 0, z, -z))),
    "silu": (activations.silu, lambda z: z * _sigmoid(z)),
    "gelu": (activations.gelu, lambda z: z / 2 * (1 + _erf(z / math.sqrt(2)))),
    "gelu_tanh": (
        activations.gelu_tanh,
        lambda z: z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
    ),
    "mish": (activations.mish, lambda z: z * np.tanh(_softplus(z))),
    "hard_sigmoid": (
        activations.hard_sigmoid,
        lambda z: np.where(np.abs(z.real) < 3, z / 6 + 0.5, z.real > 0),
    ),
}


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


SLOPES: dict[str, Callable[[Array], Array]] = {  # f', analytic as well: its complex step is f''
    "identity": lambda z: 1 + 0 * z,
    "sigmoid": lambda z: _sigmoid(z) * (1 - _sigmoid(z)),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: np.where(z.real > 0, 1 + 0 * z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, 1 + 0 * z, 0.1),
    "elu": lambda z: np.where(z.real > 0, 1 + 0 * z, 0.7 * np.exp(z)),
    "selu": lambda z: (
        1.0507009873554804934193349852946
        * np.where(z.real > 0, 1 + 0 * z, 1.6732632423543772848170429916717 * np.exp(z))
    ),
    "softplus": _sigmoid,
    "softsign": _softsign_slope,
    "silu": lambda z: _sigmoid(z) + z * _sigmoid(z) * (1 - _sigmoid(z)),
    "gelu": _gelu_slope,
    "gelu_tanh": _gelu_tanh_slope,
    "mish": _mish_slope,
    "hard_sigmoid": lambda z: np.where(np.abs(z.real) < 3, 1 / 6 + 0 * z, 0),
}


def _huber(o: Array, y: Array) -> Array:
    r = o - y
    size = np.where(r.real > 0, r, -r)
    total: Array = np.where(size.real <= 0.4, r * r / 2, 0.4 * (size - 0.2)).sum(-1)
    return total


def _pinball(o: Array, y: Array) -> Array:
    r = o - y
    total: Array = np.where(r.real > 0, 0.8 * r, -0.2 * r).sum(-1)
    return total


LOSSES: dict[str, tuple[Loss, Callable[[Array, Array], Array]]] = {
    "squared_error": (losses.squared_error, lambda o, y: ((o - y) ** 2).sum(-1)),
    "absolute_error": (
        losses.absolute_error,
        lambda o, y: np.where((o - y).real > 0, o - y, y - o).sum(-1),
    ),
    "huber": (huber(0.4), _huber),
    "sigmoid_cross_entropy": (
        losses.sigmoid_cross_entropy,
        lambda o, y: (_softplus(o) - y * o).sum(-1),
    ),
    "softmax_cross_entropy": (
        losses.softmax_cross_entropy,
        lambda o, y: y.sum(-1) * np.log(np.exp(o).sum(-1)) - (y * o).sum(-1),
    ),
    "poisson": (losses.poisson, lambda o, y: (np.exp(o) - y * o).sum(-1)),
    "pinball": (pinball(0.2), _pinball),
    "hinge": (
        losses.hinge,
        lambda o, y: np.where((y * o).real < 1, 1 - y * o, 0).sum(-1),
    ),
}


def _softmax(o: Array) -> Array:
    e = np.exp(o)
    p: Array = e / e.sum(-1, keepdims=True)
    return p


def _clipped(r: Array, most: float) -> Array:
    return np.where(np.abs(r.real) <= most, r, most * np.sign(r.real))


LOSS_SLOPES: dict[str, Callable[[Array, Array], Array]] = {  # their complex step is H v
    "squared_error": lambda o, y: 2 * (o - y),
    "absolute_error": lambda o, y: np.sign((o - y).real) + 0 * o,
    "huber": lambda o, y: _clipped(o - y, 0.4),
    "sigmoid_cross_entropy": lambda o, y: _sigmoid(o) - y,
    "softmax_cross_entropy": lambda o, y: y.sum(-1, keepdims=True) * _softmax(o) - y,
    "poisson": lambda o, y: np.exp(o) - y,
    "pinball": lambda o, y: np.where((o - y).real > 0, 0.8, -0.2) + 0 * o,
    "hinge": lambda o, y: np.where((y * o).real < 1, -y, 0) + 0 * o,
}


def outputs(names: tuple[str, ...], arrays: list[Array], x: Array) -> Array:
    """The outputs for rows x of the network [w_1, b_1, ...], maybe complex."""
    for name, w, b in zip(names, arrays[::2], arrays[1::2], strict=True):
        x = ACTIVATIONS[name][1](x @ w + b)
    return x


def pulled(names: tuple[str, ...], arrays: list[Array], x: Array, bar: Array) -> list[Array]:
    """Textbook backpropagation of one sample and a cotangent: [dw_1, db_1, ..., dx]."""
    a, zs = [x], []
    for name, w, b in zip(names, arrays[::2], arrays[1::2], strict=True):
        zs.append(a[-1] @ w + b)
        a.append(ACTIVATIONS[name][1](zs[-1]))
    grads: list[Array] = []
    for name, w, given, z in zip(names[::-1], arrays[-2::-2], a[-2::-1], zs[::-1], strict=True):
        delta = bar * SLOPES[name](z)
        grads[:0] = [np.multiply.outer(given, delta), delta]
        bar = w @ delta
    return [*grads, bar]


def mean_loss(
    fs: tuple[Callable[[Array], Array], ...],
    loss: Callable[[Array, Array], Array],
    arrays: list[Array],
    batch: Batch,
) -> complex:
    """The weighted mean loss of a network given as [w_1, b_1, w_2, b_2, ...], maybe complex."""
    a = batch.x
    for f, w, b in zip(fs, arrays[::2], arrays[1::2], strict=True):
        a = f(a @ w + b)
    return complex(np.average(loss(a, batch.y), weights=batch.weight))


def complex_step_gradient(
    names: tuple[str, ...], loss: str, params: Params, batch: Batch
) -> list[Array]:
    """The gradient by [w_1, b_1, ...], entry by entry, from Im L(theta + ih e) / h."""
    fs = tuple(ACTIVATIONS[name][1] for name in names)
    arrays = [array.astype(complex) for layer in params for array in layer]
    grads = []
    for array in arrays:
        grad = np.empty(array.shape)
        for place in np.ndindex(array.shape):
            array[place] += 1j * H
            grad[place] = mean_loss(fs, LOSSES[loss][1], arrays, batch).imag / H
            array[place] -= 1j * H
        grads.append(grad)
    return grads


def acts_named(names: tuple[str, ...]) -> Acts:
    return tuple(ACTIVATIONS[name][0] for name in names)
