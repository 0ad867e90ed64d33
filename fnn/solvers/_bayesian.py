"""Bayesian regularization: as much weight decay as the data ask for.

In standardized units, with a prior N(0, 1 / alpha) for each param, noise N(0, 1 / beta_k) on output
k, N_k known targets of each of m outputs and N in all, n = N / m, the posterior density of the
params is greatest where ``sum_k c_k loss_k + penalty |params|^2`` is least, for c_k = beta_k / beta
of mean 1 and penalty = alpha / (beta n). There the evidence for alpha and beta_k is greatest where,
for the eigenvalues e_j and eigenvectors v_j of A = sum_k c_k A_k::

    gamma_k = sum_j c_k v_j^T A_k v_j / (e_j + penalty)        gamma = sum_k gamma_k
    alpha   = gamma / |params|^2                               beta_k = (N_k - gamma_k) / (n loss_k)

with the loss and A of `fnn.solvers._normal_equations`, and the parts of each output in them. gamma,
from 0 to P, is the number of params that the data determine: the effective ones. The evidence is::

    log p(y) = sum_k N_k / 2 log(beta_k / 2 pi) - n / 2 sum_k beta_k loss_k - alpha / 2 |params|^2
               - 1 / 2 log det(1 + n / alpha sum_k beta_k A_k)

Sources: MacKay, "Bayesian interpolation", 1992, equations 2.10 and 4.6 to 4.9; Foresee and Hagan,
"Gauss-Newton approximation to Bayesian learning", 1997, who take one step of Levenberg and
Marquardt between one estimate and the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.masks import Mask
from fnn._core.numbers import check_rate, whole
from fnn.base import Acts, Batch, F, F_co, Params
from fnn.solvers._cholesky import Matrix
from fnn.solvers._damping import Point, descend, first_point, point_at
from fnn.solvers._normal_equations import Normal, Problem, problem
from fnn.solvers._start import better_start
from fnn.solvers._stops import Stop, dead, ended
from fnn.tree import freeze


class BayesianState(NamedTuple, Generic[F_co]):
    """A point of the descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is the mean over the samples of the squared error, in the units of the targets squared,
    as 1 / ``beta``, the variance of the noise, is; ``betas`` has beta for each output.
    ``log_evidence`` is the logarithm of the probability density of the targets, in their units,
    under the model: of several fits to the same data, the greatest is the most probable.

    No units have ``alpha``, the precision of the prior, ``effective``, the number gamma of
    effective params, ``penalty``, which approaches alpha / (beta n) from below (it at most doubles
    in a step), and ``gradient_norm``, the norm of the gradient of ``loss + penalty |params|^2`` by
    the free params: they are those of the network for standardized inputs and targets. ``mu`` is
    the damping of the next step. ``stop`` is None in all states but the last.
    """

    number: int
    params: Params[F_co]
    loss: float
    alpha: float
    beta: float
    betas: tuple[float, ...]
    effective: float
    penalty: float
    log_evidence: float
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
    """Estimates of the prior and of the noise, in standardized units.

    ``effective`` are gamma_k, ``ratios`` c_k, ``eigenvalues`` those of sum_k beta_k A_k.
    """

    alpha: float
    betas: Matrix
    effective: Matrix
    penalty: float
    ratios: Matrix
    eigenvalues: Matrix


def bayesian_regularization(
    acts: Acts,
    params: Params[F],
    data: Batch,
    *,
    min_grad: float = 1e-7,
    mu: float = 1e-2,
    mu_max: float = 1e10,
    max_steps: int | None = 1000,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> Iterator[BayesianState[F]]:
    """Fit params, their weight decay and the noise to `data`; yield the start and every step.

    There may be fewer residuals than params, and no samples need be held out: of a network with
    more params than needed, fewer are ``effective``, and it does not fit the noise. Data may be in
    any units: the one prior is that of the params of the network for standardized inputs and
    targets, each output by its own scale. Each output has its own noise. Weights, for each row or
    each output of each row, count relative to their mean: a weight of 2 halves the variance of the
    noise. Targets of weight 0 or NaN count not at all: N is the number of the others.

    The iterator ends with `stop` "gradient", "steps", "mu", "unmoved" or "dead", as
    `levenberg_marquardt` does, whose arguments and errors are these. Sources: MacKay,
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
    task = problem(acts, params, data, mask, chunk, each=True)
    if not task.share.any(0).all():
        k = int(task.share.any(0).argmin())
        raise ValueError(
            f"data.y: expected known targets of every output, got none of output {k}, whose noise"
            " nothing tells; leave out that output"
        )
    min_grad = check_rate("min_grad", min_grad)
    limit = None if max_steps is None else whole("max_steps", max_steps, 0)
    point, damping = first_point(task, mu, mu_max)
    other = better_start(task, point.normal.loss)
    given = freeze(params)

    def states() -> Iterator[BayesianState[F]]:
        now, damped, current = point, damping, given
        model, evidence = task, first_estimate(now)
        lifeless = dead(task, now if other is None else now._replace(whole=other))
        for number in count():
            evidence, now = estimate(task, now, evidence)
            if len(evidence.ratios) > 1:
                model = task.weighted_by(evidence.ratios)
            size = now.gradient_norm(evidence.penalty)
            stop: Stop | None = None
            if size <= min_grad:
                stop = ended(model, now, "gradient", lifeless=lifeless)
            elif number == limit:
                stop = "steps"
            state = state_of(task, now, evidence, number, current)
            yield state._replace(gradient_norm=size, mu=damped.mu, stop=stop)
            if stop is not None:
                return
            if number == 0 and other is not None:
                now = point_at(task, other)
                evidence = first_estimate(now)
            else:
                after, damped = descend(model, now, damped, evidence.penalty)
                if after is None:
                    reason: Stop = "mu" if number else "unmoved"
                    stop = ended(model, now, reason, lifeless=lifeless)
                    yield state._replace(gradient_norm=size, mu=damped.mu, stop=stop)
                    return
                now = after
            current = task.units.params(now.whole)

    return states()


def first_estimate(point: Point[F]) -> Evidence:
    """Assumptions before the first estimate: outputs are equally noisy, the prior is wide."""
    ones, none = np.ones(len(point.normal.losses)), np.zeros(len(point.normal.losses))
    mean = float(point.normal.curvature.trace()) / max(len(point.free), 1)
    return Evidence(np.inf, ones, none, FIRST * mean, ones, none)


def estimate(task: Problem[F], point: Point[F], before: Evidence) -> tuple[Evidence, Point[F]]:
    """The next estimates, and the point with its normal equations weighted by them.

    The penalty gives gamma, that alpha and beta_k, and these the new penalty and c_k.
    """
    total, each, ratios = task.known, np.count_nonzero(task.share, axis=0), before.ratios
    n, penalty, tiny = total / len(each), before.penalty, np.finfo(np.float64).tiny
    losses: Matrix = np.divide(point.normal.losses, ratios, dtype=np.float64)
    curvature = point.normal.curvature
    several = len(each) > 1
    gradients, parts = task.by_output(point.whole) if several else (None, None)
    if parts is None:
        e = np.linalg.eigvalsh(curvature).clip(0.0)
        effective = np.array([(e / np.maximum(e + penalty, tiny)).sum()])
    else:
        e, v = np.linalg.eigh(curvature)
        shares = np.einsum("pj,kpq,qj->kj", v, parts, v, optimize=True)
        rest = np.maximum(e.clip(0.0) + penalty, tiny)
        effective = (ratios[:, None] * shares / rest).sum(1)
    square = float(point.free @ point.free)
    alpha = float(effective.sum()) / square if square > 0 else np.inf
    errors = n * losses
    left = np.maximum(each - effective, 0.0)
    betas = np.divide(left, errors, out=np.full_like(left, np.inf), where=errors > 0)
    if 0 < alpha < np.inf and (betas > 0).all() and (betas < np.inf).all():
        beta = float(each @ betas) / total
        penalty = min(alpha / (beta * n), GROWTH * penalty)  # a perfect fit keeps the penalty
        grown: Matrix = np.clip(betas / beta, ratios / GROWTH, GROWTH * ratios, dtype=np.float64)
        ratios = np.divide(grown * total, float(each @ grown), dtype=np.float64)
    if gradients is not None and parts is not None:
        curvature = np.tensordot(ratios, parts, 1).astype(np.float64, copy=False)
        gradient = np.matmul(ratios, gradients, dtype=np.float64)
        scaled = np.multiply(ratios, losses, dtype=np.float64)
        normal = Normal(float(scaled.sum()), gradient, curvature, scaled)
        point = point._replace(normal=normal)
        e = np.linalg.eigvalsh(np.tensordot(betas, parts, 1)) if (betas < np.inf).all() else e
    elif betas[0] < np.inf:
        e = betas[0] * e
    return Evidence(alpha, betas, effective, penalty, ratios, e), point


def relative(betas: tuple[float, ...], task: Problem[F]) -> Matrix:
    """The ratios c_k of a fit, from its betas in the user's units."""
    each = np.count_nonzero(task.share, axis=0)
    standard = np.array(betas) * np.square(task.units.residual_scale)
    ratios: Matrix = standard * each.sum() / float(each @ standard)
    return ratios


def log_evidence(task: Problem[F], point: Point[F], evidence: Evidence) -> float:
    """The logarithm of the evidence, in the user's units."""
    alpha, betas, each = evidence.alpha, evidence.betas, np.count_nonzero(task.share, axis=0)
    if not (betas < np.inf).all():
        return np.inf
    n, losses = task.known / len(each), point.normal.losses / evidence.ratios
    determinant = float(np.log1p(n / alpha * evidence.eigenvalues.clip(0.0)).sum())
    square = float(point.free @ point.free)
    misfit = n * float(betas @ losses) + (alpha * square if square > 0 else 0.0)
    with np.errstate(divide="ignore"):
        noise = float(each @ (np.log(betas / (2 * np.pi)) - 2 * np.log(task.units.residual_scale)))
    weights = task.weights[task.weights > 0]
    return (noise + float(np.log(weights).sum()) - misfit - determinant) / 2


def state_of(
    task: Problem[F], point: Point[F], evidence: Evidence, number: int, params: Params[F]
) -> BayesianState[F]:
    """The state of a point, in the user's units."""
    losses: Matrix = np.divide(point.normal.losses, evidence.ratios, dtype=np.float64)
    loss, effective = task.user_loss(losses), float(evidence.effective.sum())
    n = task.known / len(losses)
    beta = (task.known - effective) / (n * loss) if loss > 0 else np.inf
    betas = evidence.betas / np.square(task.units.residual_scale)
    found = log_evidence(task, point, evidence)
    return BayesianState(
        number,
        params,
        loss,
        evidence.alpha,
        beta,
        tuple(betas.tolist()),
        effective,
        evidence.penalty,
        found,
        0.0,
        0.0,
        None,
    )
