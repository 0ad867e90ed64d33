"""Textbook networks and gradients from the rows of `activations` and `losses` in this folder.

The complex step needs functions that branch on the real part only: those rows have them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fnn.base import Activation, Acts, Array, Batch, Loss, Params
from tests.support import activations, losses

H = 1e-30
"""The complex step: its square is far below rounding, so nothing is truncated or cancelled."""

ACTIVATIONS: dict[str, tuple[Activation, Callable[[Array], Array]]] = {
    name: (row.pair, row.f) for name, row in activations.ORACLES.items()
}
SLOPES = {name: row.df for name, row in activations.ORACLES.items()}
LOSSES: dict[str, tuple[Loss, Callable[[Array, Array], Array]]] = {
    name: (row.loss, row.f) for name, row in losses.ORACLES.items()
}
LOSS_SLOPES = {name: row.df for name, row in losses.ORACLES.items()}


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
    """The mean of w_i loss_i of a network given as [w_1, b_1, w_2, b_2, ...], maybe complex."""
    a = batch.x
    for f, w, b in zip(fs, arrays[::2], arrays[1::2], strict=True):
        a = f(a @ w + b)
    weight = 1.0 if batch.weight is None else batch.weight
    return complex(np.mean(weight * loss(a, batch.y)))


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
