"""Curvature without second derivatives of the network: the Gauss-Newton and Fisher matrices.

With J the Jacobian of one sample's outputs by the params and H the Hessian of its loss by the
outputs, the generalized Gauss-Newton matrix of the mean loss is the mean of J^T H J: the Hessian
less the terms with f''. For a convex loss it has no negative eigenvalue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.checks import check_grads
from fnn.base import Acts, Array, Batch, F, F_co, Grads, Loss, Params
from fnn.derivatives._linearized import (
    Linear,
    LossAt,
    check_stack,
    deltas,
    enter_batch,
    layer_grad,
    pull,
    push,
    unit_bars,
)


class Factors(NamedTuple, Generic[F_co]):
    """The Kronecker factors of one layer: ``a`` (n_in + 1, n_in + 1) and ``g`` (n_out, n_out)."""

    a: NDArray[F_co]
    g: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def gauss_newton_vp(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, vector: Grads[F]
) -> Grads[F]:
    """The product of the mean loss's Gauss-Newton matrix and `vector`: J^T H J v.

    `vector` and the result have the shapes of grads. One `jvp`, the Hessian of the loss by the
    outputs and one pullback cost one and a half gradients. It needs ``loss.d2f`` (a loss without it
    is a `ValueError` that names it) and of the activations only f'. Raises `ValueError` or
    `TypeError` for arguments that do not fit together. Source: Schraudolph, "Fast curvature
    matrix-vector products for second-order gradient descent", 2002.

    Where the loss is the negative log-likelihood of a distribution whose natural parameters are the
    outputs, this is also the *true* Fisher information times v, the curvature of natural gradients:
    for sigmoid_cross_entropy, softmax_cross_entropy, poisson, and squared_error (a Gaussian of
    variance 1/2).

    >>> from fnn import Layer, LayerGrad
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([3.0]), np.array([6.0]))
    >>> one = (LayerGrad(np.eye(1), np.zeros(1)),)
    >>> gauss_newton_vp((identity,), squared_error, line, batch, one)
    (LayerGrad(w=array([[18.]]), b=array([6.])),)
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    check_grads("vector", vector, params)
    bar: NDArray[F] = np.multiply(loss_at.bend(push(at, vector)), loss_at.shares)
    return pull(at, bar)


def fisher_vp(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, vector: Grads[F]
) -> Grads[F]:
    """The product of the *empirical* Fisher matrix and `vector`: the mean of g_i (g_i . v).

    `vector` and the result have the shapes of grads. Weights w_i for each row count it w_i times:
    sum_i w_i g_i (g_i . v) / n; those for each target are in g_i itself, and so count squared. g_i,
    the gradient of sample i's own loss, is never formed: with the deltas d_l of each row,
    g_i . v = s_i = sum over l of (a_{l-1} V_l + c_l) . d_l, and the result is a_{l-1}^T (s * d_l).
    It needs only the first derivatives of loss and activations, and costs one and a half gradients.

    The targets are those of the batch. Where the fit is poor, this does not approximate the true
    Fisher matrix (Kunstner, Balles and Hennig, "Limitations of the empirical Fisher approximation",
    2019). For the true one use `gauss_newton_vp`, for the losses that it names; or give this
    function targets drawn from the model's own distribution, or every possible target with its
    probability, divided by the mean of all, as its weight. Raises `ValueError` or `TypeError` for
    arguments that do not fit together.

    By hand: u = 2 * 3 + 0.5, slope 2 (u - 6) = 1, so g = (3, 1).

    >>> from fnn import Layer, LayerGrad
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([3.0]), np.array([6.0]))
    >>> fisher_vp((identity,), squared_error, line, batch, (LayerGrad(np.eye(1), np.zeros(1)),))
    (LayerGrad(w=array([[9.]]), b=array([3.])),)
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    check_grads("vector", vector, params)
    walk = list(deltas(at, loss_at.slope()))
    dots: Array = np.zeros(len(at.output), at.output.dtype)
    for i, _, delta in walk:
        v, c = vector[i]
        dots += np.vecdot(at.a[i].dot(v) + c, delta)
    scale = dots[:, None] * loss_at.shares
    grads = [layer_grad(at.a[i], delta * scale) for i, _, delta in walk]
    return tuple(grads[::-1])


def diagonal_gauss_newton(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Grads[F]:
    """The diagonal of the mean loss's Gauss-Newton matrix, in the shapes of grads.

    With S_l = du/dz_l (n_out, width) of each row, it is (a_{l-1}^2)^T q_l for w and the sum of the
    rows of q_l for b, where q_l is the diagonal of S_l^T H S_l. It costs n_out backward passes and
    needs ``loss.d2f``. Raises `ValueError` or `TypeError` for arguments that do not fit together,
    and `ValueError` where the free memory is too small. Source: Becker and LeCun, "Improving the
    convergence of back-propagation learning with second order methods", 1989, who approximate S_l.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> diagonal_gauss_newton((identity,), squared_error, line, Batch([3.0], [6.0]))
    (LayerGrad(w=array([[18.]]), b=array([2.])),)
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    grads = []
    for i, s, hs in _bent_units(at, loss_at):
        q = np.einsum("nko,nko->no", s, hs) * loss_at.shares
        grads.append(layer_grad(np.square(at.a[i]), q))
    return tuple(grads[::-1])


def kfac_factors(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> tuple[Factors[F], ...]:
    """Kronecker factors of the Gauss-Newton matrix: ``np.kron(a, g)`` is nearly a layer's block.

    ``a`` (n_in + 1, n_in + 1) is the mean of (a, 1)^T (a, 1) over the inputs a of the layer, and
    ``g`` (n_out, n_out) the mean of S_l^T H S_l for S_l = du/dz_l: exact, by n_out backward passes,
    where K-FAC often samples one. Weights are in both: ``a`` is a weighted mean, of which their
    scale falls out, and ``g`` is the sum of w_i S_l^T H S_l, divided by n. For one sample
    ``np.kron(a, g)``, in the order of `fnn.tree.ravel`, is the layer's block of the matrix. A
    damped step is a^-1 (gW; gb) g^-1.

    It needs ``loss.d2f``. Raises `ValueError` or `TypeError` for arguments that do not fit
    together, and `ValueError` where the free memory is too small. Source: Martens and Grosse,
    "Optimizing neural networks with Kronecker-factored approximate curvature", 2015; for losses
    that are not likelihoods: Botev, Ritter and Barber, "Practical Gauss-Newton optimisation for
    deep learning", 2017.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> kfac_factors((identity,), squared_error, line, Batch([3.0], [6.0]))
    (Factors(a=array([[9., 3.],
           [3., 1.]]), g=array([[2.]])),)
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    shares = np.asarray(loss_at.shares, at.output.dtype)[..., None]
    fractions = _fractions(batch.weight, at)
    factors = []
    for i, s, hs in _bent_units(at, loss_at):
        ones = np.ones((len(s), 1), s.dtype)
        given = np.concatenate([at.a[i], ones], axis=1)
        width = s.shape[2]
        g = (s * shares).reshape(-1, width).T.dot(hs.reshape(-1, width))
        factors.append(Factors(frozen(given.T.dot(given * fractions)), frozen(g)))
    return tuple(factors[::-1])


def _fractions(weight: Any, at: Linear[F]) -> NDArray[F] | float:
    """Each row's fraction of all weights, as a column, or 1 / n; weights for each target add up."""
    if weight is None:
        return 1.0 / len(at.output)
    mass = np.asarray(weight, at.output.dtype).reshape(len(at.output), -1).sum(axis=1)
    column: NDArray[F] = mass[:, None] / max(mass.sum(), np.finfo(mass.dtype).tiny)
    return column


def _bent_units(at: Linear[F], loss_at: LossAt[F]) -> Iterator[tuple[int, NDArray[F], NDArray[F]]]:
    """Walk backward: (l, S_l, H S_l) from the last layer to the first, (n, m, width) each."""
    n, m = at.output.shape
    check_stack("batch.x", n, 6 * m, at.params)  # g_l, S_l, H S_l, H and two temporaries
    units = unit_bars(at)
    hessians = np.stack([loss_at.bend(units[:, k]) for k in range(m)], axis=1)
    for i, _, s in deltas(at, units):
        yield i, s, np.matmul(hessians, s)
