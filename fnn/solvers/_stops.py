"""The reasons for which second-order solvers stop."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from fnn.base import F
from fnn.derivatives._linearized import linearize
from fnn.solvers._damping import Point
from fnn.solvers._normal_equations import Problem

Stop: TypeAlias = Literal["goal", "gradient", "validation", "steps", "mu", "unmoved", "dead"]
"""The reason why a solver stopped: the loss or its gradient is small enough ("goal", "gradient"),
the validation loss has not fallen for too long, there were `max_steps` steps, or no step lowers the
loss, however damped ("mu"; "unmoved" if there was no step at all). "dead" says that a hidden layer
has no unit left whose output changes with its input: start from other params.
"""

DEAD = 1e-8
"""The greatest slope of units that count as dead."""

FITTED = 1e-12
"""A loss, as a fraction of the variance of the targets, that needs no units that live."""


USELESS = 0.999
"""The fraction of the loss of the best constant from which on a fit is no better than that."""


def ended(task: Problem[F], point: Point[F], reason: Stop, *, lifeless: bool = False) -> Stop:
    """The reason, or "dead" where units that have died stand behind it.

    `lifeless` says that they were dead at the start: then a fit that is no better than the best
    constant has not learned, even if a penalty has brought them back to where all is symmetric.
    """
    constant = float((task.share * np.square(task.y)).sum())
    if lifeless and point.normal.loss >= USELESS * constant > 0:
        return "dead"
    return "dead" if point.normal.loss > FITTED and dead(task, point) else reason


def dead(task: Problem[F], point: Point[F]) -> bool:
    """True if all units of a hidden layer have no slope at any sample, behind params to learn."""
    params = task.units.layers(point.whole)
    if (
        len(params) == 1
        or not len(task.free)
        or task.free[0] >= len(point.whole) - sum(array.size for array in params[-1])
    ):
        return False
    alive = np.zeros(len(params) - 1, bool)
    for i in range(0, len(task.x), len(task.buffer)):
        slopes = linearize(task.acts, params, task.x[i : i + len(task.buffer)]).slopes[:-1]
        alive |= [bool((np.abs(slope) > DEAD).any()) for slope in slopes]
    return not alive.all()
