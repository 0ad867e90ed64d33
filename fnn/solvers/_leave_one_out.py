"""How much each training sample has bent a fit: residuals as if it had been left out."""

from __future__ import annotations

from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.masks import Mask
from fnn._core.numbers import as_floats, check_rate
from fnn.base import Acts, Array, Batch, F, F_co, Params
from fnn.network import forward
from fnn.solvers._cholesky import cholesky, forward_solve
from fnn.solvers._normal_equations import problem

UNDETERMINED = 1e-12
"""A share this small is rounding: of a param's curvature, or of an output that others decide."""


class LeaveOneOut(NamedTuple, Generic[F_co]):
    """Of each sample its ``leverage`` (n,) and its ``residual`` (n, n_out) without itself."""

    leverage: NDArray[np.float64]
    residual: NDArray[F_co]


def leave_one_out(
    acts: Acts,
    params: Params[F],
    data: Batch,
    *,
    penalty: float = 0.0,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> LeaveOneOut[F]:
    """The residuals, output - target, that fits without each one sample would have on it.

    `params` are where `levenberg_marquardt` ended with these arguments, or
    `bayesian_regularization` with this `penalty` in its last state. With J_i the sample's rows of
    the Jacobian and s_i its share of the weights::

        H_i = s_i J_i (A + penalty)^-1 J_i^T        residual_i = (I - H_i)^-1 r_i

    The leverage is the trace of H_i, from 0 to n_out: how much of the sample's own target is in
    the output for it; of weight 0, nothing. The leverages add up to the number of params (to the
    effective one, with a penalty). Nothing is refitted: exact for a network that is linear in its
    params, else the first step of Gauss and Newton towards each refit, whose sum would keep the
    weight of the penalty.
    Sources: Hoaglin and Welsch, "The hat matrix in regression and ANOVA", 1978; Cook, 1977.

    Raises `ValueError` where the data, or those without one sample, do not determine the params,
    as with fewer residuals than params: a penalty makes up for that.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> mean = (Layer(np.zeros((1, 1)), np.array([2.0])),)
    >>> data = Batch(np.zeros((3, 1)), np.array([[1.0], [2.0], [3.0]]))
    >>> leave_one_out((identity,), mean, data, mask=((False, True),)).residual.T
    array([[ 1.5,  0. , -1.5]])
    """
    task = problem(acts, params, data, mask, chunk)
    penalty = check_rate("penalty", penalty)
    matrix = task.normal(params).curvature
    matrix.flat[:: len(matrix) + 1] += penalty
    root = np.sqrt(matrix.diagonal())
    units = np.where(root > 0, root, 1.0)
    # In units in which the diagonal is 1, a pivot is what the other params leave undetermined.
    matrix /= np.outer(units, units)
    factor = cholesky(matrix)
    if factor is None or (np.square(factor.diagonal()) < UNDETERMINED).any():
        raise ValueError(
            f"data: expected data that determine all {len(task.free)} params, got"
            f" {task.y.size} residuals with singular curvature; pass a penalty above 0, or a mask"
        )
    output = forward(acts, params, data.x)
    residual: Array = output - as_floats("data.y", data.y, output.dtype)
    n_out = residual.shape[1]
    leverage, alone = np.zeros(len(residual)), residual.copy()  # of rows of weight 0
    end = 0
    for rows, _ in task.weighted_rows(params):
        part = forward_solve(factor, (rows / units).T).T
        part = part.reshape(len(rows) // n_out, n_out, len(units))
        here = task.counted[end : (end := end + len(part))]
        hat = part @ part.transpose(0, 2, 1)
        left = np.eye(n_out) - hat
        only = np.linalg.eigvalsh(left)[:, 0] < UNDETERMINED
        if only.any():
            raise ValueError(
                "data: expected data that determine all params without any one row, got params"
                f" that only row {here[only.argmax()]} determines; pass a penalty"
                " above 0, or a mask"
            )
        leverage[here] = np.trace(hat, axis1=1, axis2=2)
        alone[here] = np.linalg.solve(left, residual[here, :, None])[..., 0]
    return LeaveOneOut(frozen(leverage), frozen(alone))
