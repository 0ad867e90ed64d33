"""Levenberg and Marquardt's least squares: Gauss-Newton steps, damped until they lower the loss.

A step solves ``(A + mu D) step = -g``, with g and A of `fnn.solvers.normal` and D the greatest
diagonal of A so far (Marquardt, 1963; More, 1978), so that the units of params do not matter. A
step that lowers the loss is taken, and mu follows how well A had foretold by how much (Nielsen,
"Damping parameter in Marquardt's method", 1999).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import Generic, Literal, NamedTuple, TypeAlias

import numpy as np

from fnn.base import Acts, Batch, F, F_co, Params
from fnn.losses import squared_error
from fnn.masks import Mask
from fnn.network import mean_loss
from fnn.rules import positive
from fnn.solvers.normal import Normal, Problem, problem
from fnn.solvers.positive import Matrix, cholesky, solve
from fnn.tree import norm
from fnn.values import check_rate, whole

Stop: TypeAlias = Literal["goal", "gradient", "validation", "mu"]
"""Why a solver stopped: the loss, or the gradient, is small enough; the validation loss has not
fallen for too long; or no step lowers the loss, however much it is damped."""


MIN_MU = 1e-20
"""Far below rounding in the diagonal of A; but from 0, mu could not grow again."""


class LevenbergState(NamedTuple, Generic[F_co]):
    """A point of the descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is the mean over the samples of the squared error, ``gradient_norm`` the Euclidean
    norm of its gradient by the free params (with the penalty's, if there is one), ``mu`` the
    damping of the next step, ``validation`` the loss on the validation data if there are any.
    ``stop`` is None but for the last state.
    """

    number: int
    params: Params[F_co]
    loss: float
    gradient_norm: float
    mu: float
    validation: float | None
    stop: Stop | None


class Point(NamedTuple, Generic[F_co]):
    """Params, the vector of the free ones, and the normal equations there."""

    params: Params[F_co]
    vector: Matrix
    normal: Normal

    def objective(self, penalty: float) -> float:
        """What descends: the loss and the penalty."""
        return self.normal.loss + penalty * float(self.vector @ self.vector)

    def gradient(self, penalty: float) -> Matrix:
        """Half the gradient of the objective."""
        return self.normal.gradient + penalty * self.vector

    def gradient_norm(self, penalty: float) -> float:
        """The norm of the gradient of the objective."""
        return 2.0 * norm(self.gradient(penalty))


class Damping(NamedTuple):
    """The factor ``mu``, and what it multiplies: ``scale``, the D above."""

    mu: float
    scale: Matrix


def levenberg_marquardt(
    acts: Acts,
    params: Params[F],
    data: Batch,
    *,
    validation: Batch | None = None,
    goal: float = 0.0,
    min_grad: float = 1e-7,
    mu: float = 1e-2,
    mu_max: float = 1e10,
    max_fail: int = 6,
    penalty: float = 0.0,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> Iterator[LevenbergState[F]]:
    """Descend the squared error on `data`: the start, and the state after each step.

    The loss is the mean over samples, weighted by ``data.weight``, of sum (output - target)^2, as
    of `fnn.backprop` with `fnn.losses.squared_error`; ``penalty * |params|^2`` is added to what
    descends, not to ``loss``. Steps come until, in MATLAB's words and in this order,

    - "goal": ``loss <= goal``;
    - "gradient": ``gradient_norm <= min_grad``;
    - "validation": the loss on `validation` was not below its least so far `max_fail` times in a
      row; ``min(states, key=lambda state: state.validation)`` is the best state;
    - "mu": no step lowers the loss with a damping of up to `mu_max`. So ends a descent at the
      limit of rounding, or where the curvature is singular or not finite: damping makes up for
      fewer residuals than params, and for params that nothing depends on, which stay.

    `mask` is that of `fnn.optimizers.masked`: where it is False, params keep every bit. `chunk` is
    the number of samples whose Jacobian exists at a time (else as many as take a megabyte): memory
    is a few P^2 and chunk * n_out * P, in float64, for P params. An iteration costs about
    n * n_out * P^2 + P^3 / 3 operations.

    Raises `ValueError` for data with no rows, NaN or infinity, for shapes that do not fit, and for
    params whose loss is not finite; `TypeError` for other things than a network and data.

    >>> from fnn import init, key
    >>> from fnn.activations import identity, tanh
    >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> data = Batch(x, np.sin(3 * x))
    >>> *_, last = levenberg_marquardt((tanh, identity), init(key(0), (1, 5, 1)), data, goal=1e-4)
    >>> last.stop, last.number < 100
    ('goal', True)
    """
    task = problem(acts, params, data, mask, chunk)
    goal, min_grad = check_rate("goal", goal), check_rate("min_grad", min_grad)
    penalty, max_fail = check_rate("penalty", penalty), whole("max_fail", max_fail, 1)
    mu, mu_max = positive("mu", mu), positive("mu_max", mu_max)
    point, damping = start(task), Damping(mu, np.zeros(len(task.free)))

    def held_out(params: Params[F]) -> float | None:
        return None if validation is None else mean_loss(acts, squared_error, params, validation)

    held_out(params)  # what does not fit is told now, not in the middle

    def states() -> Iterator[LevenbergState[F]]:
        now, damped = point, damping
        least, fails = math.inf, 0
        for number in count():
            held = held_out(now.params)
            loss, size = now.normal.loss, now.gradient_norm(penalty)
            fails = 0 if held is None or held < least else fails + 1
            least = least if held is None else min(least, held)
            stop: Stop | None = None
            if loss <= goal:
                stop = "goal"
            elif size <= min_grad:
                stop = "gradient"
            elif fails >= max_fail:
                stop = "validation"
            state = LevenbergState(number, now.params, loss, size, damped.mu, held, stop)
            yield state
            if stop is not None:
                return
            after, damped = descend(task, now, damped, penalty, mu_max)
            if after is None:
                yield state._replace(mu=damped.mu, stop="mu")
                return
            now = after

    return states()


def start(task: Problem[F]) -> Point[F]:
    """The first point."""
    first = at(task, task.params)
    if not math.isfinite(first.normal.loss):
        raise ValueError(
            f"params: expected a finite loss to start from, got {first.normal.loss};"
            " start from smaller params, as fnn.init makes them, and scaled data"
        )
    return first


def at(task: Problem[F], params: Params[F]) -> Point[F]:
    """The point of these params."""
    with np.errstate(over="ignore", invalid="ignore"):  # such a point is not taken
        return Point(params, task.vector(params), task.normal(params))


def descend(
    task: Problem[F], now: Point[F], damping: Damping, penalty: float, mu_max: float
) -> tuple[Point[F] | None, Damping]:
    """The next point, None if no step lowers the objective, and the damping to go on with."""
    curvature, before = now.normal.curvature, now.objective(penalty)
    scale = np.maximum(damping.scale, curvature.diagonal())
    units = np.where(scale > 0, scale, 1.0)  # nothing depends on the others, which stay
    gradient = now.gradient(penalty)
    mu, growth = damping.mu, 2.0
    while mu <= mu_max:
        matrix = curvature.copy()
        matrix.flat[:: len(matrix) + 1] += penalty + mu * units
        factor = cholesky(matrix)
        if factor is not None:
            step = -solve(factor, gradient)
            after = at(task, task.moved(now.params, step))
            fall = before - after.objective(penalty)
            if fall > 0:  # NaN is not
                foretold = float(step @ (mu * units * step - gradient))
                gain = 1.0 if fall >= foretold else fall / foretold
                mu *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                return after, Damping(max(mu, MIN_MU), scale)
        mu, growth = mu * growth, growth * 2
    return None, Damping(mu, scale)
