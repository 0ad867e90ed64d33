"""Least squares by Levenberg and Marquardt, with MATLAB's stopping rules.

The step is that of `fnn.solvers._damping`. It was chosen by the number of factorizations until the
mean squared error is 1e-4, for 1-10-1 and 4-16-1 (tanh, 500 points, medians of 20 seeds): 130 and
37 with Nielsen's update of mu, 749 and 97 with MATLAB's factors of 10, 472 and 141 with delayed
gratification (Transtrum and Sethna, 2012). Geodesic acceleration nearly halves the first number but
saves no time. With the current diagonal of A instead of the greatest, 6 of 40 runs never got there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.masks import Mask
from fnn._core.numbers import check_rate, whole
from fnn.base import Acts, Batch, F, F_co, Params
from fnn.solvers._damping import descend, first_point, point_at
from fnn.solvers._normal_equations import held_out_data, problem
from fnn.solvers._start import better_start, squared
from fnn.solvers._stops import Stop, ended
from fnn.tree import freeze


class LevenbergState(NamedTuple, Generic[F_co]):
    """A point of the descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is the mean over the samples of the squared error, in the units of the targets squared,
    ``mu`` the damping of the next step, ``validation`` the loss on the validation data if there are
    any. ``gradient_norm`` has no units: it is the Euclidean norm of the gradient, that of the
    penalty included, by the free params, of the network for standardized inputs and targets.
    ``stop`` is None in all states but the last.
    """

    number: int
    params: Params[F_co]
    loss: float
    gradient_norm: float
    mu: float
    validation: float | None
    stop: Stop | None

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


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
    max_steps: int | None = 1000,
    penalty: float = 0.0,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> Iterator[LevenbergState[F]]:
    """Minimize the squared error on `data`; yield the start, and the state after each step.

    The loss is the mean over samples, weighted by ``data.weight``, of sum (output - target)^2, that
    of `fnn.backprop` with `fnn.losses.squared_error`. A weight may be given for each output of each
    row, and targets that are NaN have weight 0: n_out times the weighted mean over the known ones.
    The steps end, with `stop` in MATLAB's words, for the first of these reasons:

    - "goal": ``loss <= goal``, in the units of the targets squared;
    - "gradient": ``gradient_norm <= min_grad``;
    - "validation": the loss on `validation` was not below its least so far `max_fail` times in a
      row; `finish` gives the state where it was least;
    - "steps": there were `max_steps` steps (None: no limit);
    - "mu": no step lowers the loss with a damping of up to `mu_max`, because of rounding. This
      state repeats the one before, with its number and the damping that was too much;
    - "unmoved": the same, before any step was taken;
    - "dead" in the place of the last four: no unit of a hidden layer changes with its input.

    **Units.** Inside, inputs are standardized, and so are the targets, all outputs by one scale
    (`docs/calculus.md`, section 10), so that an offset or a factor in the data changes nothing but
    rounding. `params` of `fnn.init` may be used with data in any units: where the same numbers, for
    standardized inputs, make a much better start, the first step goes there, and it solves the last
    layer too, if its output is the identity and worse than the best constant. What is minimized is
    ``loss / variance + penalty * |p|^2``, with the variance of the targets and the params p of the
    standardized network.

    Two more things differ from MATLAB: a validation loss that equals the least is a failure here,
    and mu multiplies D, the greatest diagonal of the curvature so far, not I, and starts at 0.01.

    A singular curvature is no error: damping makes up for fewer residuals than params, and params
    without effect on the loss do not change. A step to where the loss is not finite is rejected.

    `mask` is that of `fnn.optimizers.masked`: params where it is False keep every bit. `chunk` is
    the number of samples whose Jacobian exists at a time (by default as many as take a megabyte):
    memory is a few P^2 and chunk * n_out * P' numbers, in float64, for P free params and the P'
    params of the first layer with free ones and of all layers after it. An iteration costs about
    n * n_out * P^2 + P^3 / 3 operations.

    Raises `ValueError` for data with no rows, NaN in x or infinity, for shapes that do not fit, for
    columns that vary less around their mean than the dtype resolves, for params whose loss or
    curvature is not finite, or whose loss on `validation` is not, for a `mu` above `mu_max`, and
    where the P^2 would take more than half of the free memory; `TypeError` for arguments of other
    types. Sources: Marquardt, "An algorithm for least-squares estimation of nonlinear parameters",
    1963; Hagan and Menhaj, "Training feedforward networks with the Marquardt algorithm", 1994;
    More, "The Levenberg-Marquardt algorithm", 1978; Nielsen, "Damping parameter in Marquardt's
    method", 1999.

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
    limit = None if max_steps is None else whole("max_steps", max_steps, 0)
    point, damping = first_point(task, mu, mu_max)
    other = better_start(task, point.normal.loss)
    given = freeze(params)
    held_out = None if validation is None else held_out_data("validation", validation, task)

    def validation_loss(vector: NDArray[F]) -> float | None:
        if held_out is None:
            return None
        with np.errstate(over="ignore", invalid="ignore"):  # counts as a failure
            return squared(held_out, vector) * float(task.units.residual_scale[0]) ** 2

    first = validation_loss(task.units.start)
    if first is not None and not math.isfinite(first):
        raise ValueError(
            f"validation: expected data with a finite loss to start from, got {first}; scale them"
            " as the training data"
        )

    def states() -> Iterator[LevenbergState[F]]:
        now, damped, current = point, damping, given
        least, fails = math.inf, 0
        for number in count():
            held = validation_loss(now.whole)
            loss, size = task.user_loss(now.normal.losses), now.gradient_norm(penalty)
            fails = 0 if held is None or held < least else fails + 1
            least = least if held is None else min(least, held)
            stop: Stop | None = None
            if loss <= goal if goal > 0 else now.normal.loss == 0:
                stop = "goal"
            elif size <= min_grad:
                stop = ended(task, now, "gradient")
            elif fails >= max_fail:
                stop = "validation"
            elif number == limit:
                stop = "steps"
            state = LevenbergState(number, current, loss, size, damped.mu, held, stop)
            yield state
            if stop is not None:
                return
            if number == 0 and other is not None:
                now = point_at(task, other)
            else:
                after, damped = descend(task, now, damped, penalty)
                if after is None:
                    stop = ended(task, now, "mu" if number else "unmoved")
                    yield state._replace(mu=damped.mu, stop=stop)
                    return
                now = after
            current = task.units.params(now.whole)

    return states()
