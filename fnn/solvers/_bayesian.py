"""Bayesian regularization: as much weight decay as the data ask for, and error bars.

With a prior N(0, 1 / alpha) for each param, noise N(0, 1 / beta) on each output, n samples, N
residuals, and A and loss of `fnn.solvers._normal_equations`, the params of greatest posterior density have the
least ``loss + penalty |params|^2``, penalty = alpha / (beta n). Given them, the evidence for
alpha and beta is greatest where::

    gamma = sum_j e_j / (e_j + penalty)            e: the eigenvalues of A
    alpha = gamma / |params|^2                     beta = (N - gamma) / (n loss)

gamma, from 0 to P, is the number of params that the data determine: the effective ones. Sources:
MacKay, "Bayesian interpolation", 1992; Foresee and Hagan, "Gauss-Newton approximation to Bayesian
learning", 1997, who take a step of Levenberg and Marquardt between one estimate and the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple

import numpy as np

from fnn._core.masks import Mask
from fnn._core.numbers import check_rate
from fnn.base import Acts, Batch, F, F_co, Params
from fnn.solvers._damping import Point, descend, start
from fnn.solvers._levenberg import Stop
from fnn.solvers._normal_equations import Problem, problem


class BayesianState(NamedTuple, Generic[F_co]):
    """A point of the descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is the mean over the samples of the squared error; ``alpha`` and ``beta`` are the
    precisions of the prior and of the noise, ``effective`` the number gamma of effective params;
    ``gradient_norm`` is the norm of the gradient of ``loss + penalty |params|^2`` by the free
    params. ``penalty`` comes to be alpha / (beta n), from below: it at most doubles in a step.
    ``mu`` is the damping of the next step. ``stop`` is None but for the last state.
    """

    number: int
    params: Params[F_co]
    loss: float
    alpha: float
    beta: float
    effective: float
    penalty: float
    gradient_norm: float
    mu: float
    stop: Stop | None


FIRST = 1e-4
"""The first penalty, as a part of A's mean diagonal: a network learns before it decays."""

GROWTH = 2.0
"""How much the penalty may grow in a step. While the fit is bad, all is taken for noise: without a
limit, 4 of 16 fits to a sinc in noise of 0.3 ended with no effective param; with it, none did."""


class Evidence(NamedTuple):
    """What the data say about prior and noise, as in `BayesianState`."""

    alpha: float
    beta: float
    effective: float
    penalty: float


def bayesian_regularization(
    acts: Acts,
    params: Params[F],
    data: Batch,
    *,
    min_grad: float = 1e-7,
    mu: float = 1e-2,
    mu_max: float = 1e10,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> Iterator[BayesianState[F]]:
    """Fit params, their decay and the noise to `data`: the start, and the state after each step.

    Inputs and targets should be scaled to about 1, as one prior holds for all params. No samples
    need be kept back: a network with more params than needed has ``effective`` ones to spare and
    does not fit the noise. Weights are taken relative to their mean, and samples of weight 0 are as
    if they were not there: n is the number of the others. Fewer residuals than params are what this
    is for.

    The iterator ends with `stop` "gradient", or with "mu", and then, as `levenberg_marquardt` does,
    repeats its last point. Raises `ValueError` and `TypeError` for these arguments as that does.
    Sources: MacKay, 1992; Foresee and Hagan, 1997 (at the top of this module).

    >>> from fnn import init, key
    >>> from fnn.activations import identity, tanh
    >>> x = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, x.shape)
    >>> data = Batch(x, np.sin(3 * x) + noise)
    >>> *_, last = bayesian_regularization((tanh, identity), init(key(0), (1, 20, 1)), data)
    >>> last.effective < 12, round(last.beta ** -0.5, 1)     # of 61 params; the noise
    (True, 0.1)
    """
    task = problem(acts, params, data, mask, chunk)
    min_grad = check_rate("min_grad", min_grad)
    point, damping = start(task, mu, mu_max)

    def states() -> Iterator[BayesianState[F]]:
        now, damped = point, damping
        mean = float(now.normal.curvature.trace()) / max(len(task.free), 1)
        known = estimate(task, now, FIRST * mean)
        for number in count():
            norm = now.gradient_norm(known.penalty)
            stop: Stop | None = "gradient" if norm <= min_grad else None
            state = BayesianState(
                number, now.params, now.normal.loss, *known, norm, damped.mu, stop
            )
            yield state
            if stop is not None:
                return
            after, damped = descend(task, now, damped, known.penalty)
            if after is None:
                yield state._replace(mu=damped.mu, stop="mu")
                return
            now = after
            known = estimate(task, now, known.penalty)

    return states()


def estimate(task: Problem[F], point: Point[F], penalty: float) -> Evidence:
    """Gamma by the penalty so far, then alpha and beta, then the next penalty."""
    e = np.linalg.eigvalsh(point.normal.curvature).clip(0.0)
    gamma = float((e / np.maximum(e + penalty, np.finfo(np.float64).tiny)).sum())
    square, errors = float(point.vector @ point.vector), point.normal.loss * len(task.x)
    alpha = gamma / square if square > 0 else np.inf
    beta = (task.y.size - gamma) / errors if errors > 0 else np.inf
    if 0 < alpha < np.inf and 0 < beta < np.inf:  # else a perfect fit leaves it open
        penalty = min(alpha / (beta * len(task.x)), GROWTH * penalty)
    return Evidence(alpha, beta, gamma, penalty)
