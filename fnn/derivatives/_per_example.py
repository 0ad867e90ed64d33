"""Each sample's own gradient: whole, its length alone, and clipped sums.

The gradient of sample i by layer l is an outer product, gW_l[i] = a_{l-1}[i] (x) d_l[i], and
gb_l[i] = d_l[i]. So its squared length is the sum over the layers of (|a|^2 + 1) |d|^2, and a
weighted sum of gradients is a_{l-1}^T (s * d_l): neither needs a gradient to be formed.

Weights of the batch have no part in a sample's own gradient: the weighted mean of these gradients
is what `fnn.backprop` gives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fnn._core import memory
from fnn._core.numbers import as_floats, finite
from fnn.base import Acts, Array, Batch, F, Grads, LayerGrad, Loss, Params
from fnn.derivatives._linearized import Linear, deltas, enter_batch, layer_grad
from fnn.tree import leaves


def per_example_gradients(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Grads[F]:
    """The gradient of each sample's loss: grads with a leading axis (batch, ...) in every array.

    As `jax.vmap` of `jax.grad`; for one sample, its gradient. Takes batch x P numbers: a
    `ValueError` refuses more than half of the memory that is free. Raises `ValueError` or
    `TypeError` where something does not fit.

    Source: Goodfellow, "Efficient per-example gradient computations", 2015.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([[3.0], [1.0]]), np.array([[6.0], [3.0]]))
    >>> per_example_gradients((identity,), squared_error, line, batch)[0].b
    array([[ 1.],
           [-1.]])
    """
    at, objective = enter_batch(acts, loss, params, batch)
    remedy = "take chunks of rows, or per_example_norms and clipped_sum, which form none"
    told = at.output.dtype, "batch.x", "a gradient for each row", remedy
    memory.check_room((len(at.output), sum(leaf.size for leaf in leaves(params))), *told)
    grads = []
    for i, _, delta in deltas(at, objective.slope()):
        w = memory.allocate((len(delta), *params[i].w.shape), *told)
        np.multiply(at.a[i][:, :, None], delta[:, None, :], out=w)
        grads.append(LayerGrad(at.restored(w), at.restored(delta)))
    return tuple(grads[::-1])


def per_example_norms(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> NDArray[F]:
    """The Euclidean length of each sample's gradient by all params: (batch,), or ().

    |g_i|^2 = sum over l of (|a_{l-1}|^2 + 1) |d_l|^2: no gradient is formed, and the cost is that
    of a backward pass without its products. It is found in float64, whatever the params' dtype, and
    no square overflows or vanishes. Raises `ValueError` or `TypeError` where something does not
    fit. Source: Goodfellow, "Efficient per-example gradient computations", 2015.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([[3.0], [1.0]]), np.array([[6.0], [3.0]]))
    >>> per_example_norms((identity,), squared_error, line, batch) ** 2
    array([10.,  2.])
    """
    at, objective = enter_batch(acts, loss, params, batch)
    norms = _norms(at, list(deltas(at, objective.slope())))
    return at.restored(norms.astype(at.output.dtype, copy=False))


def clipped_sum(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, max_norm: float
) -> Grads[F]:
    """The sum of the samples' gradients, each scaled down to a length of at most `max_norm`.

    sum over i of s_i g_i, s_i = min(1, max_norm / |g_i|): a backward pass for the lengths and then
    one product a layer, a_{l-1}^T (s * d_l), so that it costs little more than one gradient. With
    ``batch.weight``, row i counts weight_i times after clipping: 0 leaves it out.

    This is the sum that DP-SGD adds noise to; one row changes it by at most `max_norm` times its
    weight. Noise, sampling and the accounting of privacy are the caller's. Raises `ValueError` for
    a `max_norm` that is not above 0, for a gradient that is not finite, and, as `TypeError`, where
    something does not fit. Source: Abadi et al., "Deep learning with differential privacy", 2016.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([[3.0], [1.0]]), np.array([[6.0], [3.0]]))
    >>> clipped_sum((identity,), squared_error, line, batch, 2.5**0.5)
    (LayerGrad(w=array([[0.5]]), b=array([-0.5])),)
    """
    most = finite("max_norm", max_norm)
    if most <= 0:
        raise ValueError(f"max_norm: expected a number above 0, got {max_norm!r}")
    at, objective = enter_batch(acts, loss, params, batch)
    found = list(deltas(at, objective.slope()))
    norms = _norms(at, found)
    good = np.isfinite(norms)
    if not good.all():
        row = int(good.argmin())
        raise ValueError(
            f"batch: expected gradients of finite length, got {norms[row]} in row {row}; leave it"
            " out, or look for values that are not finite in batch and params"
        )
    scale: Array = most / np.maximum(norms, most)  # not in float32, where `most` may be 0 or inf
    if batch.weight is not None:
        scale *= as_floats("batch.weight", batch.weight, scale.dtype).reshape(scale.shape)
    grads = [
        layer_grad(at.a[i], (delta * scale[:, None]).astype(delta.dtype, copy=False))
        for i, _, delta in found
    ]
    return tuple(grads[::-1])


def _norms(at: Linear[F], found: list[tuple[int, NDArray[F], NDArray[F]]]) -> Array:
    """The length of each sample's gradient, in float64 at least."""
    total: Array = np.zeros(len(at.output))
    for i, _, delta in found:
        total = np.hypot(total, np.hypot(_lengths(at.a[i]), 1.0) * _lengths(delta))
    return total


def _lengths(rows: Array) -> Array:
    """The length of each row, in float64 at least: no square of it overflows or vanishes."""
    limits = np.finfo(rows.dtype)
    with np.errstate(over="ignore", under="ignore"):
        squares = np.vecdot(rows, rows)
    wide = np.promote_types(rows.dtype, np.float64)
    lengths: Array = np.sqrt(squares, dtype=wide)
    good = (squares > limits.tiny / limits.eps) & (squares < np.inf)
    if not good.all():  # the others are looked at again, by their largest number
        some = rows[~good].astype(wide)
        largest = np.abs(some).max(axis=1, initial=0.0, keepdims=True)
        unit = np.where((largest > 0) & (largest < np.inf), largest, 1.0)
        lengths[~good] = np.linalg.norm(some / unit, axis=1) * unit[:, 0]
    return lengths
