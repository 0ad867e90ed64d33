"""Derivatives of the outputs by the params: along one direction, and by every single number."""

from __future__ import annotations

from numpy.typing import ArrayLike, NDArray

from fnn._core import memory
from fnn._core.checks import check_grads
from fnn._core.numbers import as_floats
from fnn._core.vectors import count
from fnn.base import Acts, F, Grads, Params
from fnn.derivatives._linearized import enter, fill_rows, linearize, push, unit_bars


def jvp(
    acts: Acts,
    params: Params[F],
    x: ArrayLike,
    tangent: Grads[F],
    x_tangent: ArrayLike | None = None,
) -> tuple[NDArray[F], NDArray[F]]:
    """The output, and its derivative along the direction `tangent` of the params: J v.

    `tangent` has the shapes of grads; `x_tangent`, in the shape of x, moves x at the same time.
    Both results have the output's shape. It is the counterpart of `fnn.vjp`, whose pullback
    multiplies by J^T: for every C, ``sum(C * jvp(...)[1])`` is the inner product of ``pullback(C)``
    and the tangents. As `jax.jvp`. It costs two forward passes.

    Formula (a dot marks the change): z._l = a._{l-1} W_l + a_{l-1} V_l + c_l, a._l = f_l' * z._l.
    Raises `ValueError` or `TypeError` for arguments that do not fit together. Source: Wengert, "A
    simple automatic derivative evaluation program", 1964.

    >>> import numpy as np
    >>> from fnn import Layer, LayerGrad
    >>> from fnn.activations import identity
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> jvp((identity,), line, [3.0], (LayerGrad(np.array([[10.0]]), np.array([1.0])),))
    (array([6.5]), array([31.]))
    """
    samples = enter("x", acts, params, x)
    check_grads("tangent", tangent, params)
    moved = None
    if x_tangent is not None:
        moved = as_floats("x_tangent", x_tangent, samples.dtype)
        if moved.shape != samples.shape:
            raise ValueError(f"x_tangent: expected {samples.shape} like x, got {moved.shape}")
        moved = moved.reshape(-1, samples.shape[-1])
    at = linearize(acts, params, samples)
    return at.restored(at.output), at.restored(push(at, tangent, moved))


def jacobian(acts: Acts, params: Params[F], x: ArrayLike) -> NDArray[F]:
    """The derivatives of every output by every param: (batch, n_out, P), or (n_out, P).

    The P columns are in the order of `fnn.tree.ravel`: w, then b, layer by layer. Row k of a sample
    is the gradient of its output k: dW_l = a_{l-1} (x) d_l, db_l = d_l, where d_L = f_L' * e_k and
    d_{l-1} = (d_l W_l^T) * f_{l-1}'. It costs n_out backward passes, made at once, and the filling
    of the array.

    Raises `ValueError` or `TypeError` for arguments that do not fit together. A result of more than
    half of the free memory is a `ValueError` before anything is computed: take chunks of rows and
    add up what you need, such as J^T J, or use `gauss_newton_vp`, which forms no Jacobian.

    >>> import numpy as np
    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> line = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> jacobian((identity,), line, [[3.0], [4.0]])
    array([[[3., 1.]],
    <BLANKLINE>
           [[4., 1.]]])
    """
    samples = enter("x", acts, params, x)
    rows, n_out = samples.size // samples.shape[-1], len(params[-1].b)
    full = memory.allocate(
        (rows, n_out, count(params)),
        samples.dtype,
        "x",
        "a Jacobian",
        "take chunks of rows and add up J^T J, or use gauss_newton_vp",
    )
    at = linearize(acts, params, samples)
    fill_rows(at, unit_bars(at), full)
    return at.restored(full)
