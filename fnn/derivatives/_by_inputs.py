"""Derivatives of the outputs and of the loss by the inputs x.

Every layer is linear but for its f_l, which acts on each unit alone. So with J_l = dz_l/dx,
(n_in, width) for each sample, and E_l = du/da_l, (n_out, width), the second derivative of an output
is a sum of outer products over all units::

    d2u_k / dx dx^T = sum over l of J_l diag(E_l[k] * f_l''(z_l)) J_l^T
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn._core import memory
from fnn.base import Acts, Array, Batch, F, Loss, Params
from fnn.derivatives._linearized import (
    Linear,
    bends,
    check_stack,
    deltas,
    enter,
    enter_batch,
    linearize,
    times,
    unit_bars,
)

REMEDY = "take chunks of rows"


def input_gradient(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> NDArray[F]:
    """The gradient of each sample's own loss by its x, in the shape of x.

    dx = d_1 W_1^T, row by row: no mean is taken, so neither the number of rows nor weights for each
    row change a row's result. Weights for each target belong to the row's own loss. For
    derivatives of the outputs themselves, such as df/dx of a surrogate, use `input_jacobian`.
    Raises `ValueError` or `TypeError` for arguments that do not fit together.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> input_gradient((identity,), squared_error, line, Batch([[3.0], [1.0]], [[6.0], [3.0]]))
    array([[ 2.],
           [-2.]])
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    *_, (_, _, delta) = deltas(at, loss_at.slope())
    return at.restored(delta.dot(params[0].w.T))


def input_jacobian(acts: Acts, params: Params[F], x: ArrayLike) -> NDArray[F]:
    """The derivatives of every output by every input: (batch, n_out, n_in), or (n_out, n_in).

    It is the product of W_l and f_l' over all layers, multiplied from the side of x or of the
    output, whichever has fewer columns. Raises `ValueError` or `TypeError` for arguments that do
    not fit together, and `ValueError` for a result of more than half of the free memory.

    >>> from fnn import Layer
    >>> from fnn.activations import tanh
    >>> input_jacobian((tanh,), (Layer(np.array([[2.0], [-1.0]]), np.zeros(1)),), [0.0, 0.0])
    array([[ 2., -1.]])
    """
    samples = enter("x", acts, params, x)
    n_in, n_out = samples.shape[-1], len(params[-1].b)
    shape = samples.size // n_in, n_out, n_in
    memory.check_room(shape, samples.dtype, "x", "a Jacobian", REMEDY)
    check_stack("x", shape[0], 4 * min(n_in, n_out), params)
    at = linearize(acts, params, samples)
    if n_in < n_out:
        *_, (_, moved) = _moves(at)
        columns: NDArray[F] = np.multiply(moved, at.slopes[-1][:, None])
        return at.restored(columns.swapaxes(1, 2).copy())
    *_, (_, _, delta) = deltas(at, unit_bars(at))
    return at.restored(times(delta, params[0].w.T))


def input_hessian(acts: Acts, params: Params[F], x: ArrayLike) -> NDArray[F]:
    """The second derivatives of every output by the inputs: (batch, n_out, n_in, n_in).

    For one sample (n_out, n_in, n_in). Symmetric up to rounding. With J_l = dz_l/dx (n_in, width)
    and E_l = du/da_l (n_out, width), that of output k is the sum over the layers l of
    J_l diag(E_l[k] * f_l''(z_l)) J_l^T. It needs ``d2f`` of the activations: a pair without it is a
    `ValueError` that names it. Raises `ValueError` or `TypeError` for arguments that do not fit
    together, and `ValueError` for a result of more than half of the free memory.

    >>> from fnn import Activation, Layer
    >>> square = Activation(np.square, lambda z, a: 2 * z, lambda z, a: np.full_like(z, 2))
    >>> input_hessian((square,), (Layer(np.array([[3.0], [1.0]]), np.zeros(1)),), [1.0, 1.0])
    array([[[18.,  6.],
            [ 6.,  2.]]])
    """
    samples = enter("x", acts, params, x)
    n_in, n_out = samples.shape[-1], len(params[-1].b)
    shape = samples.size // n_in, n_out, n_in, n_in
    remedy = f"{REMEDY}, or laplacian, which forms no Hessian"
    full = memory.allocate(shape, samples.dtype, "x", "a Hessian", remedy)
    full[...] = 0
    check_stack("x", shape[0], 3 * n_in + (len(params) + 2) * n_out, params)
    at = linearize(acts, params, samples)
    d2f = bends(at, "input_hessian")
    bars = {i: bar for i, bar, _ in deltas(at, unit_bars(at))}
    for i, moved in _moves(at):
        bend = d2f[i]
        if bend is None:
            continue
        for k in range(n_out):
            bent = moved * (bars[i][:, k] * bend)[:, None]
            full[:, k] += bent @ moved.swapaxes(1, 2)
    return at.restored(full)


def laplacian(acts: Acts, params: Params[F], x: ArrayLike) -> NDArray[F]:
    """The sum of every output's second derivatives by each input: (batch, n_out), or (n_out,).

    Computed from layer to layer, without a Hessian: with L for the Laplacian and J_l = dz_l/dx,
    L z_l = (L a_{l-1}) W_l and L a_l = f_l' * L z_l + f_l'' * (column sums of J_l^2), from
    L a_0 = 0. It needs ``d2f`` of the activations. Raises `ValueError` or `TypeError` for arguments
    that do not fit together, and `ValueError` where the free memory is too small. Source: Li et
    al., "A computational framework for neural network-based variational Monte Carlo with Forward
    Laplacian", 2024.

    >>> from fnn import Activation, Layer
    >>> square = Activation(np.square, lambda z, a: 2 * z, lambda z, a: np.full_like(z, 2))
    >>> laplacian((square,), (Layer(np.array([[3.0], [1.0]]), np.zeros(1)),), [1.0, 1.0])
    array([20.])
    """
    samples = enter("x", acts, params, x)
    check_stack("x", samples.size // samples.shape[-1], 3 * samples.shape[-1], params)
    at = linearize(acts, params, samples)
    d2f = bends(at, "laplacian")
    sums: Array = np.zeros_like(at.a[0])
    for i, moved in _moves(at):
        sums = sums.dot(params[i].w) * at.slopes[i]
        bend = d2f[i]
        if bend is not None:
            sums += bend * np.einsum("nio,nio->no", moved, moved)
    return at.restored(sums)


def _moves(at: Linear[F]) -> Iterator[tuple[int, NDArray[F]]]:
    """Walk forward: (l, dz_l/dx) from the first layer to the last, (n, n_in, width) each."""
    first = at.params[0].w
    moved: NDArray[F] = np.broadcast_to(first, (len(at.output), *first.shape))
    yield 0, moved
    for i in range(1, len(at.params)):
        moved = times(np.multiply(moved, at.slopes[i - 1][:, None]), at.params[i].w)
        yield i, moved
