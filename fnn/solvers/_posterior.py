"""How sure a network is of its outputs, by the posterior of its params."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn._core.arrays import frozen
from fnn._core.masks import Mask
from fnn._core.numbers import describe, finite, positive
from fnn.base import Acts, Array, Batch, F, F_co
from fnn.network import forward
from fnn.solvers._bayesian import BayesianState
from fnn.solvers._cholesky import cholesky, forward_solve
from fnn.solvers._normal_equations import problem


class Interval(NamedTuple, Generic[F_co]):
    """The network's ``output``, and the ends of the interval around it, ``low`` and ``high``."""

    output: NDArray[F_co]
    low: NDArray[F_co]
    high: NDArray[F_co]


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
    """Where the target at `x` lies with probability `level`, in the shapes of ``forward``.

    `state`, `data`, `mask` are those of `bayesian_regularization`, whose last state should have
    converged. The posterior of the params is taken as Gaussian and the network as linear in them:
    for each output, with J its row of the Jacobian at `x`::

        variance = J (beta n A + alpha)^-1 J^T  [+ 1 / beta, the noise, if `noise`]

    Without `noise` it is the interval of the noiseless function. Raises `ValueError` for a level
    outside (0, 1) and where the data determine too little for the posterior to be one: alpha 0.
    Source: MacKay, "Bayesian interpolation", 1992, equation 4.2.

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
    level = finite("level", level)
    if not 0 < level < 1:
        raise ValueError(f"level: expected a number between 0 and 1, got {level!r}")
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
    places = replace(
        task, x=new, y=np.zeros((len(new), task.y.shape[1]), output.dtype), share=np.ones(len(new))
    )
    variances = [
        np.square(forward_solve(factor, rows.T)).sum(0)
        for rows, _ in places.weighted_rows(state.params)
    ]
    spread = np.concatenate([np.empty(0), *variances]).reshape(output.shape) / len(task.x) + noise
    width = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(spread / beta)
    half = width.astype(output.dtype)
    low: Array = output - half
    high: Array = output + half
    return Interval(output, frozen(low), frozen(high))
