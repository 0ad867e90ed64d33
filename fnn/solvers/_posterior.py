"""Error bars: intervals that contain a target with a given probability, by MacKay's posterior."""

from __future__ import annotations

from statistics import NormalDist
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.masks import Mask
from fnn._core.numbers import describe, positive, within
from fnn.base import Acts, Array, Batch, F, F_co, Params
from fnn.network import forward
from fnn.solvers._bayesian import BayesianState
from fnn.solvers._cholesky import cholesky, forward_solve
from fnn.solvers._normal_equations import Problem, problem, row_buffer
from fnn.solvers._units import units
from fnn.tree import freeze


class Interval(NamedTuple, Generic[F_co]):
    """The network's ``output``, and the ends ``low`` and ``high`` of the interval around it."""

    output: NDArray[F_co]
    low: NDArray[F_co]
    high: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Posterior(NamedTuple, Generic[F_co]):
    """Knowledge of a Bayesian fit about its params: a tuple of arrays, which `fnn.save` writes.

    ``params`` are the most probable ones, ``noise`` (n_out,) is the standard deviation of each
    output's noise, in its units. ``factor`` (P, P) is the lower triangular L with L L^T the inverse
    covariance of the P params at the places ``free`` of the vector of all, those of the network for
    inputs ``(x - x_shift) / x_scale`` and outputs ``(y - y_shift) / y_scale``.
    """

    params: Params[F_co]
    noise: NDArray[np.float64]
    factor: NDArray[np.float64]
    free: NDArray[np.intp]
    x_shift: NDArray[np.float64]
    x_scale: NDArray[np.float64]
    y_shift: NDArray[np.float64]
    y_scale: NDArray[np.float64]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def posterior(
    acts: Acts,
    state: BayesianState[F],
    data: Batch,
    *,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> Posterior[F]:
    """The Gaussian posterior of the params, for `predict_interval`, which needs no data then.

    `state` is the last one of `bayesian_regularization`, converged, with the same `data` and
    `mask`. The network is taken as linear in its params::

        L L^T = alpha + sum_ik w_ik beta_k J_ik^T J_ik

    with J_ik the row of the Jacobian that output k of sample i has, and weights w_ik of mean 1 over
    the known targets. Raises `ValueError` for betas that are not finite, as those of a perfect fit,
    and for alpha 0 where the data leave params undetermined: there is no proper posterior then.
    Source: MacKay, "Bayesian interpolation", 1992, equation 4.2.

    >>> from fnn import init, key
    >>> from fnn.activations import identity
    >>> from fnn.solvers import bayesian_regularization
    >>> x = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> data = Batch(x, x + np.random.default_rng(0).normal(0, 0.1, x.shape))
    >>> *_, state = bayesian_regularization((identity,), init(key(0), (1, 1)), data)
    >>> posterior((identity,), state, data).noise.round(1)
    array([0.1])
    """
    if not isinstance(state, BayesianState):
        raise TypeError(
            f"state: expected a BayesianState, got {describe(state)};"
            " bayesian_regularization makes them"
        )
    betas = np.array([positive(f"state.betas[{k}]", beta) for k, beta in enumerate(state.betas)])
    task = problem(acts, state.params, data, mask, chunk, each=True)
    if len(betas) != task.y.shape[1]:
        raise ValueError(
            f"state: expected {task.y.shape[1]} betas, one for each output, got {len(betas)};"
            " pass a state of this network"
        )
    standard = betas * np.square(task.units.residual_scale)
    scaled = task.weighted_by(standard).normal(task.units.start)
    matrix = np.multiply(scaled.curvature, task.known / len(betas), dtype=np.float64)
    matrix.flat[:: len(matrix) + 1] += state.alpha if len(matrix) else 0.0
    factor = cholesky(matrix)
    if factor is None:
        raise ValueError(
            f"state: expected a posterior that is proper, got alpha {state.alpha!r} where data"
            " leave params undetermined; fix those by a mask"
        )
    return Posterior(
        freeze(state.params),
        frozen(1.0 / np.sqrt(betas)),
        frozen(factor),
        frozen(task.free),
        frozen(task.units.x_shift),
        frozen(task.units.x_scale),
        frozen(task.units.y_shift),
        frozen(task.units.y_scale),
    )


def predict_interval(
    acts: Acts,
    posterior: Posterior[F],
    x: ArrayLike,
    *,
    level: float = 0.95,
    noise: bool = True,
) -> Interval[F]:
    """The output at `x`, and the interval that contains the target with probability `level`.

    All three arrays have the shape of ``forward(acts, params, x)``. For each output, with J its row
    of the Jacobian at `x`, L of the `Posterior`, and the output's own noise if `noise` is true::

        variance = |L^-1 J|^2 + noise^2

    Without `noise` the interval is that of the function that the noise was added to. Raises
    `TypeError` for anything but a posterior, and `ValueError` for a level outside (0, 1). Source:
    MacKay, "Bayesian interpolation", 1992, equation 4.2.

    >>> from fnn import init, key
    >>> from fnn.activations import identity
    >>> from fnn.solvers import bayesian_regularization, posterior
    >>> x = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> data = Batch(x, x + np.random.default_rng(0).normal(0, 0.1, x.shape))
    >>> *_, state = bayesian_regularization((identity,), init(key(0), (1, 1)), data)
    >>> known = posterior((identity,), state, data)
    >>> output, low, high = predict_interval((identity,), known, x)
    >>> bool(np.mean((low < data.y) & (data.y < high)) > 0.9)
    True
    """
    level = within("level", level, 0.0, 1.0, "()")
    if not isinstance(posterior, Posterior):
        raise TypeError(
            f"posterior: expected a Posterior, got {describe(posterior)};"
            " fnn.solvers.posterior(acts, state, data) makes one"
        )
    output = forward(acts, posterior.params, x)
    spread = np.sqrt(
        _variance(acts, posterior, np.atleast_2d(x)).reshape(output.shape)
        + (np.square(posterior.noise) if noise else 0.0)
    )
    half = (NormalDist().inv_cdf((1 + level) / 2) * spread).astype(output.dtype)
    low: Array = output - half
    high: Array = output + half
    return Interval(output, frozen(low), frozen(high))


def _variance(acts: Acts, posterior: Posterior[F], x: Array) -> NDArray[np.float64]:
    """The variance of each output at rows x, (n, n_out), as the params are not known for sure."""
    scale, free = posterior.y_scale, posterior.free
    fixed = np.zeros(sum(array.size for layer in posterior.params for array in layer), bool)
    x_units, y_units = (posterior.x_shift, posterior.x_scale), (posterior.y_shift, scale)
    here = units(posterior.params, fixed, x_units, y_units, scale)
    rows = here.inputs(x)
    share = np.ones((len(rows), len(scale)))
    buffer = row_buffer(posterior.params, free, len(rows), None)
    none, zeros = np.empty(0, np.intp), np.zeros(share.shape, rows.dtype)
    task = Problem(acts, here, rows, zeros, share, none, free, buffer)
    parts = [np.empty((0, len(scale)))]
    for jacobian, _ in task.weighted_rows(here.start):
        flat = jacobian.reshape(jacobian.shape[0] * len(scale), len(free))
        square = np.square(forward_solve(posterior.factor, flat.T)).sum(0)
        parts.append(square.reshape(-1, len(scale)) * np.square(scale))
    return np.concatenate(parts)
