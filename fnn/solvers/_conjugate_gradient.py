"""Conjugate gradients whose step lengths come from the curvature, with no line search.

A step along p has the length alpha = p . r / (p . H p + lambda |p|^2), where r is minus the
gradient and H p an exact `fnn.derivatives.hvp`. lambda, ``damping`` here, grows where the curvature
along p is not positive or predicts the loss badly. Source: Moller, "A scaled conjugate gradient
algorithm for fast supervised learning", Neural Networks 6, 1993, where H p is a difference of
gradients. Here the unit vector u = p / |p| stands for p: squares of gradients do not overflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.numbers import check_rate
from fnn.base import Acts, Batch, F, F_co, Loss, Params
from fnn.solvers._cholesky import Matrix
from fnn.solvers._rescaled import rescaled
from fnn.tree import freeze, norm

WORST = -99.0
"""The least gain that counts, and that of a loss that is not finite: lambda grows 100-fold."""

MIN_DAMPING = 1e-20
"""The least lambda: next to nothing, but from 0 it could not grow again."""


class DescentState(NamedTuple, Generic[F_co]):
    """A point of a descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is that of `fnn.backprop`, with weights divided by their mean. ``gradient_norm`` is the
    Euclidean norm of its gradient by the params of the network for standardized inputs. Where the
    loss depends on output - target alone, and the last pair is the identity, the targets are
    standardized too and the loss is divided by that of the best constant: no units are left.
    ``stop`` is None in all states but the last, where it says why there is no other.
    """

    number: int
    params: Params[F_co]
    loss: float
    gradient_norm: float
    stop: str | None

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def scaled_conjugate_gradient(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, *, min_grad: float = 1e-7
) -> Iterator[DescentState[F]]:
    """Minimize any loss on a batch by scaled conjugate gradients; yield the start and every step.

    A step costs a gradient and a Hessian-vector product, and its memory is a few vectors: for
    networks too large for `levenberg_marquardt`, and for losses that are not sums of squares. The
    pairs need their second derivatives, ``d2f``. ``stop`` is "gradient" where
    ``gradient_norm <= min_grad``, and "stalled" where rounding hides any decrease of the loss along
    the step, or where the curvature along it is not finite; that state repeats the one before,
    with its number. "unmoved" is the same before any step. A quadratic loss takes at most as many
    steps as there are params.

    Data may be in any units, and params those of `fnn.init`, as for `levenberg_marquardt`.

    Raises what `fnn.backprop` and `fnn.derivatives.hvp` raise, and `ValueError` for params whose
    loss is not finite. Source: Moller, "A scaled conjugate gradient algorithm for fast supervised
    learning", Neural Networks 6, 1993.

    >>> from fnn import init, key
    >>> from fnn.activations import identity, tanh
    >>> from fnn.losses import squared_error
    >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> states = scaled_conjugate_gradient(
    ...     (tanh, identity), squared_error, init(key(0), (1, 5, 1)), Batch(x, np.sin(3 * x)))
    >>> next(state.number for state in states if state.loss < 1e-2) < 100
    True
    """
    min_grad = check_rate("min_grad", min_grad)
    with np.errstate(over="ignore", invalid="ignore"):
        task = rescaled(acts, loss, params, batch)
        task.product(task.start, task.value(task.start)[1])  # raises here if a pair lacks d2f
    given = freeze(params)

    def evaluate(vector: Matrix) -> tuple[float, Matrix]:
        """The loss, and minus its gradient."""
        with np.errstate(over="ignore", invalid="ignore"):  # the step is then rejected
            value, slope = task.value(vector)
            return value, -slope

    def curvature_along(vector: Matrix, p: Matrix) -> tuple[Matrix, float]:
        """The unit vector u along p, and the curvature u . H u."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            u: Matrix = np.divide(p, norm(p), dtype=np.float64)
            return u, float(u @ task.product(vector, u))

    def states() -> Iterator[DescentState[F]]:
        w, current = task.start, given
        value, r = evaluate(w)
        p, damping, size = r, 1e-6, norm(r)
        for number in count():
            stop = "gradient" if size <= min_grad else None
            state = DescentState(number, current, value, size, stop)
            yield state
            if stop is not None:
                return
            if number == 0 and task.other is not None:
                w = task.other
                value, r = evaluate(w)
                p, size, current = r, norm(r), task.params(w)
                continue
            u, curvature = curvature_along(w, p)
            slope = float(u @ r)
            while True:
                damped = curvature + damping
                if damped <= 0:
                    damping = 2 * (damping - damped)
                    damped = curvature + damping
                length = slope / damped
                there = w + length * u
                if not math.isfinite(length) or np.array_equal(there, w):
                    yield state._replace(stop="stalled" if number else "unmoved")
                    return
                after, new_r = evaluate(there)
                fall, new_size = (value - after) / task.size, norm(new_r)
                finite = math.isfinite(fall) and math.isfinite(new_size)
                gain = max(2 * fall / length / slope, WORST) if finite else WORST
                if gain < 0.25:
                    damping += damped * (1 - gain)
                elif gain > 0.75:
                    damping = max(damping / 4, MIN_DAMPING)
                if gain > 0:
                    break
            p = new_r
            if (number + 1) % len(w):
                p = new_r + float(new_r / slope @ (new_r - r)) * u
            w, value, r, size, current = there, after, new_r, new_size, task.params(there)

    return states()
