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
from fnn._core.targets import check_targets
from fnn.base import Acts, Batch, F, F_co, Loss, Params
from fnn.derivatives import hvp
from fnn.network import backprop
from fnn.solvers._cholesky import Matrix
from fnn.tree import freeze, norm, ravel

WORST = -99.0
"""The least gain that counts, and that of a loss that is not finite: lambda grows 100-fold."""

MIN_DAMPING = 1e-20
"""The least lambda: next to nothing, but from 0 it could not grow again."""


class DescentState(NamedTuple, Generic[F_co]):
    """A point of a descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is that of `fnn.backprop`, ``gradient_norm`` the Euclidean norm of its gradient.
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
    with its number. A quadratic loss takes at most as many steps as there are params.

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
    check_targets(acts, loss, params, batch, "batch")
    with np.errstate(over="ignore", invalid="ignore"):
        first_loss, first_grads = backprop(acts, loss, params, batch)
        hvp(acts, loss, params, batch, first_grads)  # raises here if a pair lacks d2f
    check_finite_loss(first_loss)
    params = freeze(params)
    flat, as_params = ravel(params)
    as_grads = ravel(first_grads)[1]

    def evaluate(vector: Matrix) -> tuple[float, Matrix]:
        """The loss, and minus its gradient."""
        with np.errstate(over="ignore", invalid="ignore"):  # the step is then rejected
            value, grads = backprop(acts, loss, as_params(vector), batch)
            return value, -ravel(grads)[0].astype(np.float64)

    def curvature_along(vector: Matrix, p: Matrix) -> tuple[Matrix, float]:
        """The unit vector u along p, and the curvature u . H u."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            u: Matrix = np.divide(p, norm(p), dtype=np.float64)
            product = hvp(acts, loss, as_params(vector), batch, as_grads(u))
            return u, float(u @ ravel(product)[0])

    def states() -> Iterator[DescentState[F]]:
        w = flat.astype(np.float64)
        value, r = evaluate(w)
        p, damping, size = r, 1e-6, norm(r)
        for number in count():
            stop = "gradient" if size <= min_grad else None
            state = DescentState(number, as_params(w), value, size, stop)
            yield state
            if stop is not None:
                return
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
                    yield state._replace(stop="stalled")
                    return
                after, new_r = evaluate(there)
                fall, new_size = value - after, norm(new_r)
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
            w, value, r, size = there, after, new_r, new_size

    return states()


def check_finite_loss(value: float) -> None:
    """Raise `ValueError` for a first loss that is not finite: no step could be compared with it."""
    if not math.isfinite(value):
        raise ValueError(
            f"params: expected a finite loss to start from, got {value};"
            " start from smaller params, as fnn.init makes them, and scaled data"
        )
