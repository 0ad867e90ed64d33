"""The damped Gauss-Newton step of `levenberg_marquardt` and `bayesian_regularization`.

The step solves ``(A + penalty + mu D) step = -g``, with g and A of `fnn.solvers._normal_equations`
and D the greatest diagonal of A so far (Marquardt, 1963; More, 1978), so that the units of params
do not matter. A step that lowers the objective is taken. mu falls where A predicted the decrease
well, and grows where it did not (Nielsen, "Damping parameter in Marquardt's method", 1999). A
singular A is no error: mu grows until the matrix is positive definite and the next point finite.
"""

from __future__ import annotations

import math
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import positive
from fnn.base import F, F_co
from fnn.solvers._cholesky import Matrix, cholesky, solve
from fnn.solvers._normal_equations import Normal, Problem
from fnn.tree import norm

MIN_MU = 1e-20
"""The least mu: far below rounding in the diagonal of A, but from 0 it could not grow again."""


FLOOR = 1e-16
"""The least of D, as a fraction of its greatest. Below, rounding alone says how far to go: units
that are dead but for one sample held up the others."""


class Point(NamedTuple, Generic[F_co]):
    """Params in standardized units, joined into one vector, ``whole``, and their normal equations.

    ``free`` are the params that are not fixed by a mask, in float64.
    """

    whole: NDArray[F_co]
    free: Matrix
    normal: Normal

    @property
    def finite(self) -> bool:
        """True for a finite loss and a finite A, no entry of which exceeds its diagonal."""
        return math.isfinite(self.normal.loss + self.normal.curvature.trace())

    def objective(self, penalty: float) -> float:
        """The loss and the penalty together: the function that is minimized."""
        return self.normal.loss + penalty * float(self.free @ self.free)

    def gradient(self, penalty: float) -> Matrix:
        """Half the gradient of the objective."""
        return self.normal.gradient + penalty * self.free

    def gradient_norm(self, penalty: float) -> float:
        """The norm of the gradient of the objective."""
        return 2.0 * norm(self.gradient(penalty))


class Damping(NamedTuple):
    """The factor ``mu``, its limit ``most``, and ``scale``, the diagonal D that it multiplies."""

    mu: float
    most: float
    scale: Matrix


def first_point(task: Problem[F], mu: float, mu_max: float) -> tuple[Point[F], Damping]:
    """The point where the descent starts, checked, and the damping of the first step."""
    mu, mu_max = positive("mu", mu), positive("mu_max", mu_max)
    if mu > mu_max:
        raise ValueError(f"mu: expected at most mu_max, {mu_max!r}, got {mu!r}; raise mu_max")
    first = point_at(task, task.units.start)
    if not first.finite:
        raise ValueError(
            "params: expected a finite loss and curvature to start from, got"
            f" {first.normal.loss:.3g} and {first.normal.curvature.max(initial=0.0):.3g}; start"
            " from smaller params, as fnn.init makes them, and scaled data"
        )
    return first, Damping(mu, mu_max, np.zeros(len(task.free)))


def point_at(task: Problem[F], whole: NDArray[F]) -> Point[F]:
    """The point of a vector of all params, in standardized units."""
    with np.errstate(over="ignore", invalid="ignore"):  # the step is then rejected
        normal = task.normal(whole)
    return Point(whole, whole[task.free].astype(np.float64), normal)


def descend(
    task: Problem[F], now: Point[F], damping: Damping, penalty: float
) -> tuple[Point[F] | None, Damping]:
    """The next point, or None if no step lowers the objective, and the damping after it."""
    curvature, before = now.normal.curvature, now.objective(penalty)
    scale = np.maximum(damping.scale, curvature.diagonal())
    units = np.maximum(scale, FLOOR * scale.max(initial=0.0))
    units = np.where(units > 0, units, 1.0)  # 1 if no param has an effect: their step is 0
    gradient = now.gradient(penalty)
    mu, growth = damping.mu, 2.0
    while mu <= damping.most:
        matrix = curvature.copy()
        matrix.flat[:: len(matrix) + 1] += penalty + mu * units
        factor = cholesky(matrix)
        if factor is not None:
            step = -solve(factor, gradient)
            moved = now.whole.copy()
            moved[task.free] += step  # fixed params keep every bit
            after = point_at(task, moved)
            fall = before - after.objective(penalty)
            if fall > 0 and after.finite:  # NaN is not above 0
                predicted = float(step @ (mu * units * step - gradient))
                gain = 1.0 if fall >= predicted else fall / predicted
                mu *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                return after, Damping(max(mu, MIN_MU), damping.most, scale)
        mu, growth = mu * growth, growth * 2
    return None, Damping(mu, damping.most, scale)
