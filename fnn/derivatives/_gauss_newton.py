"""Curvature without second derivatives of the network: Gauss-Newton, Fisher, and their factors.

With J the Jacobian of one sample's outputs by the params and H the Hessian of its loss by the
outputs, the generalized Gauss-Newton matrix of the mean loss is the mean of J^T H J: the Hessian
less the terms with f''. For a convex loss it has no negative eigenvalue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.checks import check_grads
from fnn.base import Acts, Array, Batch, F, F_co, Grads, Loss, Params
from fnn.derivatives._linearized import (
    Linear,
    Objective,
    check_stack,
    deltas,
    enter_batch,
    layer_grad,
    pull,
    push,
    unit_bars,
)


class Factors(NamedTuple, Generic[F_co]):
    """One layer's Kronecker factors: ``a`` (n_in + 1, n_in + 1) and ``g`` (n_out, n_out)."""

    a: NDArray[F_co]
    g: NDArray[F_co]


def gauss_newton_vp(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, vector: Grads[F]
) -> Grads[F]:
    """The Gauss-Newton matrix of the mean loss times a vector shaped as grads are: J^T H J v.

    One `jvp`, the loss's own Hessian and one pullback: a gradient and a half. It needs ``loss.d2f``
    (a loss without is a `ValueError` that names it), and of the activations only f'. Raises
    `ValueError` or `TypeError` where something does not fit. Source: Schraudolph, "Fast curvature
    matrix-vector products for second-order gradient descent", 2002.

    Where the loss is the negative log-likelihood of a distribution with the outputs as its natural
    parameters, this is also the *true* Fisher information times v, the curvature of natural
    gradients: so it is for sigmoid_cross_entropy, softmax_cross_entropy, poisson, and
    squared_error (a Gaussian of variance 1/2).

    >>> from fnn import Layer, LayerGrad
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([3.0]), np.array([6.0]))
    >>> one = (LayerGrad(np.eye(1), np.zeros(1)),)
    >>> gauss_newton_vp((identity,), squared_error, line, batch, one)
    (LayerGrad(w=array([[18.]]), b=array([6.])),)
    """
    at, objective = enter_batch(acts, loss, params, batch)
    check_grads("vector", vector, params)
    bar: NDArray[F] = np.multiply(objective.bend(push(at, vector)), objective.shares)
    return pull(at, bar)


def fisher_vp(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, vector: Grads[F]
) -> Grads[F]:
    """The *empirical* Fisher matrix times a vector shaped as grads are: mean of g_i (g_i . v).

    g_i is the gradient of sample i's own loss, and never formed: with the deltas d_l of each row,
    g_i . v = s_i = sum over l of (a_{l-1} V_l + c_l) . d_l, and the result is a_{l-1}^T (s * d_l).
    It needs f' alone, of loss and activations, and costs a gradient and a half.

    The targets are those of the batch. At a poor fit that is no approximation of the true Fisher
    matrix (Kunstner, Balles and Hennig, "Limitations of the empirical Fisher approximation", 2019),
    which `gauss_newton_vp` multiplies by for the losses named there; with targets drawn from the
    model's own distribution, or all of them with their probabilities for weights, it is this one.
    Raises `ValueError` or `TypeError` where something does not fit.

    By hand: u = 2 * 3 + 0.5, slope 2 (u - 6) = 1, so g = (3, 1).

    >>> from fnn import Layer, LayerGrad
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([3.0]), np.array([6.0]))
    >>> fisher_vp((identity,), squared_error, line, batch, (LayerGrad(np.eye(1), np.zeros(1)),))
    (LayerGrad(w=array([[9.]]), b=array([3.])),)
    """
    at, objective = enter_batch(acts, loss, params, batch)
    check_grads("vector", vector, params)
    found = list(deltas(at, objective.slope()))
    dots: Array = np.zeros(len(at.output), at.output.dtype)
    for i, _, delta in found:
        v, c = vector[i]
        dots += np.vecdot(at.a[i].dot(v) + c, delta)
    scale = dots[:, None] * objective.shares
    grads = [layer_grad(at.a[i], delta * scale) for i, _, delta in found]
    return tuple(grads[::-1])


def diagonal_gauss_newton(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Grads[F]:
    """The diagonal of the Gauss-Newton matrix of the mean loss, shaped as grads are.

    With S_l = du/dz_l (n_out, width) of each row, it is (a_{l-1}^2)^T q_l for w and the sum of the
    rows of q_l for b, where q_l is the diagonal of S_l^T H S_l. n_out backward passes at once; it
    needs ``loss.d2f``. Raises `ValueError` or `TypeError` where something does not fit. Source:
    Becker and LeCun, "Improving the convergence of back-propagation learning with second order
    methods", 1989, there by an approximation of S_l.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> diagonal_gauss_newton((identity,), squared_error, line, Batch([3.0], [6.0]))
    (LayerGrad(w=array([[18.]]), b=array([2.])),)
    """
    at, objective = enter_batch(acts, loss, params, batch)
    grads = []
    for i, s, hs in _bent_units(at, objective):
        q = np.einsum("nko,nko->no", s, hs) * objective.shares
        grads.append(layer_grad(np.square(at.a[i]), q))
    return tuple(grads[::-1])


def kfac_factors(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> tuple[Factors[F], ...]:
    """Each layer's Kronecker factors of the Gauss-Newton matrix: A_l (x) G_l is nearly its block.

    A_l is the mean of (a, 1)^T (a, 1), a being what the layer is given, and G_l the mean of
    S_l^T H S_l for S_l = du/dz_l (n_out, width): exact, from n_out backward passes at once, where
    K-FAC often samples one. So ``np.kron(A_l, G_l)``, in the order of `fnn.tree.ravel`, is the
    layer's block of the matrix if there is one sample. A step is A^-1 (gW; gb) G^-1, damped.

    It needs ``loss.d2f``. Raises `ValueError` or `TypeError` where something does not fit. Source:
    Martens and Grosse, "Optimizing neural networks with Kronecker-factored approximate curvature",
    2015; for losses that are no likelihoods: Botev, Ritter and Barber, 2017.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> kfac_factors((identity,), squared_error, line, Batch([3.0], [6.0]))
    (Factors(a=array([[9., 3.],
           [3., 1.]]), g=array([[2.]])),)
    """
    at, objective = enter_batch(acts, loss, params, batch)
    shares = np.asarray(objective.shares, at.output.dtype)[..., None]
    factors = []
    for i, s, hs in _bent_units(at, objective):
        ones = np.ones((len(s), 1), s.dtype)
        given = np.concatenate([at.a[i], ones], axis=1)
        width = s.shape[2]
        g = (s * shares).reshape(-1, width).T.dot(hs.reshape(-1, width))
        factors.append(Factors(frozen(given.T.dot(given * shares[..., 0])), frozen(g)))
    return tuple(factors[::-1])


def _bent_units(
    at: Linear[F], objective: Objective[F]
) -> Iterator[tuple[int, NDArray[F], NDArray[F]]]:
    """(l, S_l, H S_l) from the last layer to the first: (n, m, width) each."""
    n, m = at.output.shape
    check_stack("batch.x", n, 6 * m, at.params)  # g_l, S_l and H S_l, H, and two on the way
    units = unit_bars(at)
    hessians = np.stack([objective.bend(units[:, k]) for k in range(m)], axis=1)
    for i, _, s in deltas(at, units):
        yield i, s, np.matmul(hessians, s)
