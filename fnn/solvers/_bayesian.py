"""Bayesian regularization: as much weight decay as the data ask for.

With a prior N(0, 1 / alpha) for each param, noise N(0, 1 / beta) on each output, n samples and N
residuals, the posterior density of the params is greatest where ``loss + penalty |params|^2`` is
least, penalty = alpha / (beta n). There the evidence for alpha and beta is greatest where::

    gamma = sum_j e_j / (e_j + penalty)            alpha = gamma / |params|^2
                                                   beta = (N - gamma) / (n loss)

with the loss, and the eigenvalues e_j of A, of `fnn.solvers._normal_equations`. gamma, from 0 to P,
is the number of params that the data determine: the effective ones. Sources: MacKay, "Bayesian
interpolation", 1992; Foresee and Hagan, "Gauss-Newton approximation to Bayesian learning", 1997,
who take one step of Levenberg and Marquardt between one estimate and the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.masks import Mask
from fnn._core.numbers import check_rate
from fnn.base import Acts, Batch, F, F_co, Params
from fnn.solvers._damping import Point, descend, first_point
from fnn.solvers._levenberg import Stop
from fnn.solvers._normal_equations import Problem, problem


class BayesianState(NamedTuple, Generic[F_co]):
    """A point of the descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is the mean over the samples of the squared error; ``alpha`` and ``beta`` are the
    precisions of the prior and of the noise, ``effective`` is the number gamma of effective params;
    ``gradient_norm`` is the norm of the gradient of ``loss + penalty |params|^2`` by the free
    params. ``penalty`` approaches alpha / (beta n) from below: it at most doubles in a step. ``mu``
    is the damping of the next step. ``stop`` is None in all states but the last.
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

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


FIRST = 1e-4
"""The first penalty, as a fraction of A's mean diagonal: small, to learn before decay sets in."""

GROWTH = 2.0
"""The largest factor by which the penalty grows in a step. A bad fit looks like noise: without this
limit, 4 of 16 fits to a sinc in noise of 0.3 ended with no effective param; with it, none did."""


class Evidence(NamedTuple):
    """Estimates of the prior and of the noise: fields of `BayesianState`."""

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
    """Fit params, their weight decay and the noise to `data`; yield the start and every step.

    Scale inputs and targets to about 1, as one prior holds for all params. There may be fewer
    residuals than params, and no samples need be held out: of a network with more params than
    needed, fewer are ``effective``, and it does not fit the noise. Weights count relative to their
    mean, and samples of weight 0 not at all: n is the number of the others.

    The iterator ends with `stop` "gradient", or with "mu", where the state repeats the one before,
    as in `levenberg_marquardt`. Arguments and errors are those of that function. Sources: MacKay,
    "Bayesian interpolation", 1992; Foresee and Hagan, "Gauss-Newton approximation to Bayesian
    learning", 1997.

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
    point, damping = first_point(task, mu, mu_max)

    def states() -> Iterator[BayesianState[F]]:
        now, damped = point, damping
        mean = float(now.normal.curvature.trace()) / max(len(task.free), 1)
        evidence = estimate(task, now, FIRST * mean)
        for number in count():
            norm = now.gradient_norm(evidence.penalty)
            stop: Stop | None = "gradient" if norm <= min_grad else None
            state = BayesianState(
                number, now.params, now.normal.loss, *evidence, norm, damped.mu, stop
            )
            yield state
            if stop is not None:
                return
            after, damped = descend(task, now, damped, evidence.penalty)
            if after is None:
                yield state._replace(mu=damped.mu, stop="mu")
                return
            now = after
            evidence = estimate(task, now, evidence.penalty)

    return states()


def estimate(task: Problem[F], point: Point[F], penalty: float) -> Evidence:
    """The next estimates: gamma from the penalty, then alpha and beta, then the new penalty."""
    e = np.linalg.eigvalsh(point.normal.curvature).clip(0.0)
    gamma = float((e / np.maximum(e + penalty, np.finfo(np.float64).tiny)).sum())
    square, errors = float(point.free @ point.free), point.normal.loss * len(task.x)
    alpha = gamma / square if square > 0 else np.inf
    beta = (task.y.size - gamma) / errors if errors > 0 else np.inf
    if 0 < alpha < np.inf and 0 < beta < np.inf:  # a perfect fit keeps the penalty
        penalty = min(alpha / (beta * len(task.x)), GROWTH * penalty)
    return Evidence(alpha, beta, gamma, penalty)
