"""The gradient of each sample's own loss by the params: whole, its length, and clipped sums.

The gradient of sample i by layer l is an outer product, gW_l[i] = a_{l-1}[i] (x) d_l[i], and
gb_l[i] = d_l[i]. So its squared length is the sum over the layers of (|a|^2 + 1) |d|^2, and a
weighted sum of gradients is a_{l-1}^T (s * d_l): neither needs a gradient to be formed.

A weight for each row says how often the row counts, and does not change its own gradient:
`fnn.backprop` gives ``sum_i w_i g_i / n`` of these gradients. A weight for each target belongs to
the row's own loss, ``sum_k w_ik term_k``, and so to its own gradient: `fnn.backprop` gives their
plain mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fnn._core import memory
from fnn._core.norms import row_norms
from fnn._core.numbers import as_floats, positive
from fnn._core.vectors import count
from fnn.base import Acts, Array, Batch, F, Grads, LayerGrad, Loss, Params
from fnn.derivatives._linearized import Linear, deltas, enter_batch, layer_grad


def per_example_gradients(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Grads[F]:
    """The gradient of each sample's loss: grads with a leading axis (batch, ...) in every array.

    For one sample, its gradient. Weights for each row change nothing, those for each target belong
    to the loss. As `jax.vmap` of `jax.grad`. Raises `ValueError` or `TypeError`
    for arguments that do not fit together, and `ValueError` for gradients of more than half of the
    free memory: they are batch x P numbers. Source: Goodfellow, "Efficient per-example gradient
    computations", 2015.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([[3.0], [1.0]]), np.array([[6.0], [3.0]]))
    >>> per_example_gradients((identity,), squared_error, line, batch)[0].b
    array([[ 1.],
           [-1.]])
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    remedy = "take chunks of rows, or per_example_norms and clipped_sum, which form none"
    dtype, name, content = at.output.dtype, "batch.x", "a gradient for each row"
    memory.check_room((len(at.output), count(params)), dtype, name, content, remedy)
    grads = []
    for i, _, delta in deltas(at, loss_at.slope()):
        shape = (len(delta), *params[i].w.shape)
        w = memory.allocate(shape, dtype, name, content, remedy)
        np.multiply(at.a[i][:, :, None], delta[:, None, :], out=w)
        grads.append(LayerGrad(at.restored(w), at.restored(delta)))
    return tuple(grads[::-1])


def per_example_norms(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> NDArray[F]:
    """The Euclidean length of each sample's gradient by all params: (batch,), or ().

    |g_i|^2 = sum over l of (|a_{l-1}|^2 + 1) |d_l|^2: no gradient is formed, so that it costs less
    than one. It is computed in float64 whatever the dtype of the params, which the result has, and
    no square overflows or vanishes. Raises `ValueError` or `TypeError` for arguments that do not
    fit together. Source: Goodfellow, "Efficient per-example gradient computations", 2015.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([[3.0], [1.0]]), np.array([[6.0], [3.0]]))
    >>> per_example_norms((identity,), squared_error, line, batch) ** 2
    array([10.,  2.])
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    norms = _norms(at, list(deltas(at, loss_at.slope())))
    return at.restored(norms.astype(at.output.dtype, copy=False))


def clipped_sum(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, max_norm: float
) -> Grads[F]:
    """The sum of the samples' gradients, each scaled down to a length of at most `max_norm`.

    sum over i of s_i g_i, s_i = min(1, max_norm / |g_i|). After a backward pass for the lengths it
    takes one product for each layer, a_{l-1}^T (s * d_l), and costs little more than one gradient.
    With weights for each row, row i is multiplied by its own after clipping; 0 leaves it out.
    Weights for each target belong to the samples' losses, and so act before clipping.

    DP-SGD adds noise to this sum; one row changes it by at most `max_norm` times its weight. Noise,
    sampling and the accounting of privacy are the caller's. Raises `ValueError` for a `max_norm`
    that is not above 0 and for a gradient that is not finite, and `ValueError` or `TypeError` for
    arguments that do not fit together. Source: Abadi et al., "Deep learning with differential
    privacy", 2016.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([[3.0], [1.0]]), np.array([[6.0], [3.0]]))
    >>> clipped_sum((identity,), squared_error, line, batch, 2.5**0.5)
    (LayerGrad(w=array([[0.5]]), b=array([-0.5])),)
    """
    most = positive("max_norm", max_norm)
    at, loss_at = enter_batch(acts, loss, params, batch)
    walk = list(deltas(at, loss_at.slope()))
    norms = _norms(at, walk)
    good = np.isfinite(norms)
    if not good.all():
        row = int(good.argmin())
        raise ValueError(
            f"batch: expected gradients of finite length, got {norms[row]} in row {row}; leave it"
            " out, or look for values that are not finite in batch and params"
        )
    scale: Array = most / np.maximum(norms, most)  # float64: in float32 `most` may be 0 or inf
    if batch.weight is not None and np.ndim(batch.weight) == len(at.leading):
        scale *= as_floats("batch.weight", batch.weight, scale.dtype).reshape(scale.shape)
    grads = [
        layer_grad(at.a[i], (delta * scale[:, None]).astype(delta.dtype, copy=False))
        for i, _, delta in walk
    ]
    return tuple(grads[::-1])


def _norms(at: Linear[F], walk: list[tuple[int, NDArray[F], NDArray[F]]]) -> Array:
    """The length of each sample's gradient, in float64 at least, from its `deltas`."""
    total: Array = np.zeros(len(at.output))
    for i, _, delta in walk:
        total = np.hypot(total, np.hypot(row_norms(at.a[i]), 1.0) * row_norms(delta))
    return total
