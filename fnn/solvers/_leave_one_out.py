"""Leave-one-out residuals: the error at each sample of a fit to all others, without refitting."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.masks import Mask
from fnn._core.numbers import as_floats, check_rate
from fnn.base import Acts, Array, Batch, F, F_co, Params
from fnn.network import forward
from fnn.solvers._bayesian import BayesianState, relative
from fnn.solvers._cholesky import cholesky, forward_solve
from fnn.solvers._normal_equations import problem

UNDETERMINED = 1e-12
"""Fractions below this are rounding: nothing, or only one row, determines a param."""


class LeaveOneOut(NamedTuple, Generic[F_co]):
    """The ``leverage`` (n,) of each sample, and the ``residual`` (n, n_out) of a fit without it."""

    leverage: NDArray[np.float64]
    residual: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def leave_one_out(
    acts: Acts,
    params: Params[F],
    data: Batch,
    *,
    penalty: float | BayesianState[Any] = 0.0,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> LeaveOneOut[F]:
    """Estimate the residual, output - target, of each sample if it were left out of the fit.

    `params` are the last ones of `levenberg_marquardt` with these arguments, or of
    `bayesian_regularization`: then `penalty` is that of its last state, or the state itself, by
    which each output has its own noise. With J_i the rows of the Jacobian of a sample, and D_i the
    roots of the shares of its outputs in the loss, as a diagonal matrix::

        H_i = D_i J_i (A + penalty)^-1 J_i^T D_i        D_i residual_i = (I - H_i)^-1 D_i r_i

    The leverage is the trace of H_i, from 0 to n_out: the derivative of the sample's output by its
    own target; 0 for weight 0. The leverages add up to the number of params (with a penalty, to
    that of the effective ones). Where a target has weight 0, the residual is the plain one, and NaN
    where it is missing. The result is exact for a network that is linear in its params, else the
    first Gauss-Newton step towards each refit, in which the penalty keeps its weight against the
    sum over the samples.
    Sources: Hoaglin and Welsch, "The hat matrix in regression and ANOVA", 1978; Cook, "Detection of
    influential observation in linear regression", 1977.

    `mask` and `chunk` are those of `levenberg_marquardt`. Raises `ValueError` where the data, or
    those without one sample, do not determine the params, as with fewer residuals than params: a
    penalty makes up for that.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> mean = (Layer(np.zeros((1, 1)), np.array([2.0])),)
    >>> data = Batch(np.zeros((3, 1)), np.array([[1.0], [2.0], [3.0]]))
    >>> leave_one_out((identity,), mean, data, mask=((False, True),)).residual.T
    array([[ 1.5,  0. , -1.5]])
    """
    if isinstance(penalty, BayesianState):
        whole = problem(acts, params, data, mask, chunk, each=True)
        task = whole.weighted_by(relative(penalty.betas, whole))
        decay = penalty.penalty
    else:
        task, decay = problem(acts, params, data, mask, chunk), check_rate("penalty", penalty)
    matrix = task.normal(task.units.start).curvature
    matrix.flat[:: len(matrix) + 1] += decay if len(matrix) else 0.0
    size = np.sqrt(matrix.diagonal())
    units = np.where(size > 0, size, 1.0)
    # With a diagonal of 1, a squared pivot is the fraction of a param that no other one replaces.
    matrix /= np.outer(units, units)
    factor = cholesky(matrix)
    if factor is None or (np.square(factor.diagonal()) < UNDETERMINED).any():
        raise ValueError(
            f"data: expected data that determine all {len(task.free)} params, got"
            f" {task.known} residuals with singular curvature; pass a penalty above 0, or a mask"
        )
    output = forward(acts, params, data.x)
    residual: Array = output - as_floats("data.y", data.y, output.dtype)
    leverage, left_out = np.zeros(len(residual)), residual.copy()  # as rows of weight 0 keep them
    end, root = 0, np.sqrt(task.share / task.share.max(1, keepdims=True))
    known = root > 0
    for rows, _ in task.weighted_rows(task.units.start):
        part = forward_solve(
            factor, (rows / units).reshape(rows.shape[0] * rows.shape[1], len(units)).T
        ).T
        part = part.reshape(rows.shape)
        kept = slice(end, (end := end + len(part)))
        here = task.kept[kept]
        hat = part @ part.transpose(0, 2, 1)
        rest = np.eye(hat.shape[1]) - hat
        only = np.linalg.eigvalsh(rest)[:, 0] < UNDETERMINED
        if only.any():
            raise ValueError(
                "data: expected data that determine all params without any one row, got params"
                f" that only row {here[only.argmax()]} determines; pass a penalty"
                " above 0, or a mask"
            )
        leverage[here] = np.trace(hat, axis1=1, axis2=2)
        weighted = np.where(known[kept], root[kept] * residual[here], 0.0)
        solved = np.linalg.solve(rest, weighted[..., None])[..., 0]
        np.divide(solved, root[kept], out=solved, where=known[kept])
        left_out[here] = np.where(known[kept], solved, residual[here])
    return LeaveOneOut(frozen(leverage), frozen(left_out))
