"""Error bars: intervals that contain a target with a given probability, by MacKay's posterior."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.masks import Mask
from fnn._core.numbers import describe, positive, within
from fnn.base import Acts, Array, Batch, F, F_co
from fnn.network import forward
from fnn.solvers._bayesian import BayesianState
from fnn.solvers._cholesky import cholesky, forward_solve
from fnn.solvers._normal_equations import problem


class Interval(NamedTuple, Generic[F_co]):
    """The network's ``output``, and the ends ``low`` and ``high`` of the interval around it."""

    output: NDArray[F_co]
    low: NDArray[F_co]
    high: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def predict_interval(
    acts: Acts,
    state: BayesianState[F],
    data: Batch,
    x: ArrayLike,
    *,
    level: float = 0.95,
    noise: bool = True,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> Interval[F]:
    """The output at `x`, and the interval that contains the target with probability `level`.

    All three arrays have the shape of ``forward(acts, params, x)``. `state` is the last one of
    `bayesian_regularization`, converged, with the same `data` and `mask`. The posterior of the
    params is taken as Gaussian and the network as linear in them: for each output, with J its row
    of the Jacobian at `x`, and the noise 1 / beta if `noise` is true::

        variance = J (beta n A + alpha)^-1 J^T + 1 / beta

    Without `noise` the interval is that of the function that the noise was added to. Raises
    `ValueError` for a level outside (0, 1), and for alpha 0 where the data leave params
    undetermined: there is no proper posterior then. Source: MacKay, "Bayesian interpolation", 1992,
    equation 4.2.

    >>> from fnn import init, key
    >>> from fnn.activations import identity
    >>> from fnn.solvers import bayesian_regularization
    >>> x = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> data = Batch(x, x + np.random.default_rng(0).normal(0, 0.1, x.shape))
    >>> *_, state = bayesian_regularization((identity,), init(key(0), (1, 1)), data)
    >>> output, low, high = predict_interval((identity,), state, data, x)
    >>> bool(np.mean((low < data.y) & (data.y < high)) > 0.9)
    True
    """
    level = within("level", level, 0.0, 1.0, "()")
    if not isinstance(state, BayesianState):
        raise TypeError(
            f"state: expected a BayesianState, got {describe(state)};"
            " bayesian_regularization makes them"
        )
    beta = positive("state.beta", state.beta)
    task = problem(acts, state.params, data, mask, chunk)
    output = forward(acts, state.params, x)
    matrix = task.normal(state.params).curvature
    matrix.flat[:: len(matrix) + 1] += state.penalty
    factor = cholesky(matrix)
    if factor is None:
        raise ValueError(
            f"state: expected a posterior that is proper, got alpha {state.alpha!r} where data"
            " leave params undetermined; fix those by a mask"
        )
    new = np.atleast_2d(np.asarray(x, output.dtype))
    no_targets = np.zeros((len(new), task.y.shape[1]), output.dtype)
    queries = replace(task, x=new, y=no_targets, share=np.ones(len(new)))
    variances = [
        np.square(forward_solve(factor, rows.T)).sum(0)
        for rows, _ in queries.weighted_rows(state.params)
    ]
    # beta times the variance of each output
    spread = np.concatenate([np.empty(0), *variances]).reshape(output.shape) / len(task.x)
    if noise:
        spread = spread + 1.0
    width = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(spread / beta)
    half = width.astype(output.dtype)
    low: Array = output - half
    high: Array = output + half
    return Interval(output, frozen(low), frozen(high))
