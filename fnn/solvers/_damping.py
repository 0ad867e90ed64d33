"""A damped step of Gauss and Newton: the next point of a descent, or that there is none.

The step solves ``(A + penalty + mu D) step = -g``, with g and A of `fnn.solvers._normal_equations` and D the
greatest diagonal of A so far (Marquardt, 1963; More, 1978), so that the units of params do not
matter. A step that lowers the objective is taken, and mu follows how well A had foretold by how
much (Nielsen, "Damping parameter in Marquardt's method", 1999). A singular curvature is no error:
mu grows until it is positive definite, and past what is not finite.
"""

from __future__ import annotations

import math
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import positive
from fnn.base import F, F_co, Params
from fnn.solvers._cholesky import Matrix, cholesky, solve
from fnn.solvers._normal_equations import Normal, Problem
from fnn.tree import norm

MIN_MU = 1e-20
"""Far below rounding in the diagonal of A; but from 0, mu could not grow again."""


class Point(NamedTuple, Generic[F_co]):
    """Params, all of them as a vector, the free ones in float64, and the normal equations there."""

    params: Params[F_co]
    every: NDArray[F_co]
    vector: Matrix
    normal: Normal

    @property
    def finite(self) -> bool:
        """Whether one can go on from here: no entry of A is beyond the diagonal."""
        return math.isfinite(self.normal.loss + self.normal.curvature.trace())

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
    """The factor ``mu``, the ``most`` that it may be, and what it multiplies: ``scale``, D."""

    mu: float
    most: float
    scale: Matrix


def start(task: Problem[F], mu: float, mu_max: float) -> tuple[Point[F], Damping]:
    """The first point, and the damping of the first step."""
    mu, mu_max = positive("mu", mu), positive("mu_max", mu_max)
    if mu > mu_max:
        raise ValueError(f"mu: expected at most mu_max, {mu_max!r}, got {mu!r}; raise mu_max")
    first = at(task, task.start)
    if not first.finite:
        raise ValueError(
            "params: expected a finite loss and curvature to start from, got"
            f" {first.normal.loss:.3g} and {first.normal.curvature.max(initial=0.0):.3g}; start"
            " from smaller params, as fnn.init makes them, and scaled data"
        )
    return first, Damping(mu, mu_max, np.zeros(len(task.free)))


def at(task: Problem[F], every: NDArray[F]) -> Point[F]:
    """The point of a vector of all params."""
    params = task.unravel(every)
    with np.errstate(over="ignore", invalid="ignore"):  # such a point is not taken
        normal = task.normal(params)
    return Point(params, every, every[task.free].astype(np.float64), normal)


def descend(
    task: Problem[F], now: Point[F], damping: Damping, penalty: float
) -> tuple[Point[F] | None, Damping]:
    """The next point, None if no step lowers the objective, and the damping to go on with."""
    curvature, before = now.normal.curvature, now.objective(penalty)
    scale = np.maximum(damping.scale, curvature.diagonal())
    units = np.where(scale > 0, scale, 1.0)  # nothing depends on the others, which stay
    gradient = now.gradient(penalty)
    mu, growth = damping.mu, 2.0
    while mu <= damping.most:
        matrix = curvature.copy()
        matrix.flat[:: len(matrix) + 1] += penalty + mu * units
        factor = cholesky(matrix)
        if factor is not None:
            step = -solve(factor, gradient)
            moved = now.every.copy()
            moved[task.free] += step  # the others keep every bit
            after = at(task, moved)
            fall = before - after.objective(penalty)
            if fall > 0 and after.finite:  # NaN is not above 0
                foretold = float(step @ (mu * units * step - gradient))
                gain = 1.0 if fall >= foretold else fall / foretold
                mu *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                return after, Damping(max(mu, MIN_MU), damping.most, scale)
        mu, growth = mu * growth, growth * 2
    return None, Damping(mu, damping.most, scale)
