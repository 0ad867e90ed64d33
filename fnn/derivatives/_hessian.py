"""The Hessian of the mean loss by the params: its products with vectors, and the whole matrix.

Pearlmutter's R-operator differentiates the whole of backpropagation along a direction (V_l, c_l).
With R{a_0} = 0, forward::

    R{z_l} = R{a_{l-1}} W_l + a_{l-1} V_l + c_l        R{a_l} = f_l' * R{z_l}

and backward, from the slope g_L of the loss by the output and R{g_L} = H R{a_L}, H being the
Hessian of the loss by the output::

    d_l = g_l * f_l'                R{d_l} = R{g_l} * f_l' + g_l * f_l'' * R{z_l}
    g_{l-1} = d_l W_l^T             R{g_{l-1}} = R{d_l} W_l^T + d_l V_l^T
    R{dW_l} = R{a_{l-1}}^T d_l + a_{l-1}^T R{d_l}      R{db_l} = sum of the rows of R{d_l}

Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fnn._core import memory
from fnn._core.arrays import frozen
from fnn._core.checks import check_grads
from fnn._core.trees import joined
from fnn._core.vectors import count, layered
from fnn.base import Acts, Array, Batch, F, Grads, LayerGrad, Loss, Params
from fnn.derivatives._linearized import bends, deltas, enter_batch


def hvp(acts: Acts, loss: Loss, params: Params[F], batch: Batch, vector: Grads[F]) -> Grads[F]:
    """The product of the Hessian of the mean loss and `vector`, without forming the Hessian.

    The loss is that of `fnn.backprop`; `vector` and the result have the shapes of grads. Exact, at
    the cost of about two gradients. As forward over reverse in JAX:
    ``jax.jvp(jax.grad(f), (params,), (vector,))[1]``. The formulas are derived in
    ``docs/calculus.md``. It needs the second derivatives of the pairs, ``d2f``: a pair without one
    is a `ValueError` that names it. Raises `ValueError` or `TypeError` for arguments that do not
    fit together. Source: Pearlmutter, "Fast exact multiplication by the Hessian", 1994.

    By hand: for u = w x + b and the loss (u - y)^2, the Hessian is 2 (x, 1)^T (x, 1).

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> batch = Batch(np.array([3.0]), np.array([6.0]))
    >>> hvp((identity,), squared_error, line, batch, (LayerGrad(np.eye(1), np.zeros(1)),))
    (LayerGrad(w=array([[18.]]), b=array([6.])),)
    """
    multiply = _operator(acts, loss, params, batch, "hvp")
    check_grads("vector", vector, params)
    return multiply(vector)


def hessian(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> NDArray[F]:
    """The Hessian of the mean loss by the params, (P, P), in the order of `fnn.tree.ravel`.

    For small networks: it takes P products `hvp`, which share one forward pass. It is symmetric
    up to rounding. Raises `ValueError` or `TypeError` as `hvp` does, and `ValueError` for a matrix
    of more than half of the free memory.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> hessian((identity,), squared_error, line, Batch(np.array([3.0]), np.array([6.0])))
    array([[18.,  6.],
           [ 6.,  2.]])
    """
    multiply = _operator(acts, loss, params, batch, "hessian")
    size, dtype = count(params), params[0].w.dtype
    remedy = "use hvp, which never forms it"
    matrix = memory.allocate((size, size), dtype, "params", "a Hessian", remedy)
    unit = np.zeros(size, dtype)
    for i in range(size):
        unit[i] = 1
        matrix[i] = joined(multiply(layered(unit, params)))
        unit[i] = 0
    return frozen(matrix)


def _operator(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, reason: str
) -> Callable[[Grads[F]], Grads[F]]:
    """The function ``vector -> H vector``; what does not depend on the vector is computed once.

    `reason` is the function that needs second derivatives, for the error where a pair has none.
    """
    at, loss_at = enter_batch(acts, loss, params, batch)
    d2f = bends(at, reason)
    last = len(params) - 1
    slope: NDArray[F] = np.multiply(loss_at.slope(), loss_at.shares)
    bent: list[Array | None] = []  # g_l * f_l''
    pulled: list[Array] = []  # d_l
    for i, bar, delta in deltas(at, slope):
        bend = d2f[i]
        bent.append(None if bend is None else bar * bend)
        pulled.append(delta)
    bent.reverse()
    pulled.reverse()

    def multiply(vector: Grads[F]) -> Grads[F]:
        moves: list[Array] = []  # R{a_1} to R{a_L}
        bent_moves: list[Array | None] = []
        for i, (v, c) in enumerate(vector):
            z: Array = at.a[i].dot(v)
            z += c
            if i:
                z += moves[-1].dot(params[i].w)
            bend = bent[i]
            bent_moves.append(None if bend is None else bend * z)
            z *= at.slopes[i]
            moves.append(z)
        change: Array = loss_at.bend(moves[-1]) * loss_at.shares  # R{g_L}
        grads = []
        for i in range(last, -1, -1):
            turn = change * at.slopes[i]  # R{d_l}
            bend = bent_moves[i]
            if bend is not None:
                turn += bend
            w: Array = at.a[i].T.dot(turn)
            if i:
                w += moves[i - 1].T.dot(pulled[i])
                change = turn.dot(params[i].w.T)
                change += pulled[i].dot(vector[i].w.T)
            grads.append(LayerGrad(frozen(w), frozen(np.add.reduce(turn, axis=0))))
        return tuple(grads[::-1])

    return multiply
