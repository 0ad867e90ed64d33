"""Conjugate gradients whose step lengths come from the curvature, with no line search.

A step goes along p by alpha = p . r / (p . H p + lambda |p|^2), where r is minus the gradient and
H p an exact `fnn.derivatives.hvp`. lambda, a scale of trust, is raised where the curvature along p
is not positive, or foretells the loss badly. Source: Moller, "A scaled conjugate gradient algorithm
for fast supervised learning", Neural Networks 6, 1993 (there H p is a difference of gradients).
Here all is by the unit vector u = p / |p|, so that squares of large gradients do not overflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple

import numpy as np

from fnn._core.numbers import check_rate
from fnn.base import Acts, Batch, F, F_co, Loss, Params
from fnn.derivatives import hvp
from fnn.network import backprop
from fnn.solvers._cholesky import Matrix
from fnn.tree import freeze, norm, ravel

WORST = -99.0
"""A gain this bad, or a loss that is not finite, raises lambda by 100 times the curvature."""

MIN_TRUST = 1e-20
"""So little that steps of 1e20 slopes are trusted: from 0, lambda could not grow again."""


class DescentState(NamedTuple, Generic[F_co]):
    """A point of a descent: its ``number``, 0 for the start, and its ``params``.

    ``loss`` is that of `fnn.backprop`, ``gradient_norm`` the Euclidean norm of its gradient.
    ``stop`` is None but for the last state: there it says why there is no other.
    """

    number: int
    params: Params[F_co]
    loss: float
    gradient_norm: float
    stop: str | None


def scaled_conjugate_gradient(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, *, min_grad: float = 1e-7
) -> Iterator[DescentState[F]]:
    """Descend any loss on a batch: the start, and the state after each step.

    A step costs a gradient and a Hessian-vector product, and its memory is a few vectors: for
    networks too large for `levenberg_marquardt`, and for losses that are not sums of squares. The
    pairs need their second derivatives, ``d2f``. ``stop`` is "gradient" where
    ``gradient_norm <= min_grad``, and "stalled" where no step along p lowers the loss, at the limit
    of rounding, or where the curvature along p is not finite; that state repeats the one before,
    with its number. On a quadratic loss the minimum takes as many steps as params, or fewer.

    Raises what `fnn.backprop` and `fnn.derivatives.hvp` raise, and `ValueError` for params whose
    loss is not finite. Source: Moller, 1993 (at the top of this module).

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
        value, grads = backprop(acts, loss, params, batch)
        hvp(acts, loss, params, batch, grads)  # what it needs and lacks is told now
    check_start(value)
    params = freeze(params)
    flat, as_params = ravel(params)
    as_grads = ravel(grads)[1]

    def descent(vector: Matrix) -> tuple[float, Matrix]:
        """The loss, and minus its gradient."""
        with np.errstate(over="ignore", invalid="ignore"):  # such a point is not taken
            value, grads = backprop(acts, loss, as_params(vector), batch)
            return value, -ravel(grads)[0].astype(np.float64)

    def ahead(vector: Matrix, p: Matrix) -> tuple[Matrix, float]:
        """The unit vector u along p, and the curvature u . H u."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            u: Matrix = np.divide(p, norm(p), dtype=np.float64)
            product = hvp(acts, loss, as_params(vector), batch, as_grads(u))
            return u, float(u @ ravel(product)[0])

    def states() -> Iterator[DescentState[F]]:
        w = flat.astype(np.float64)
        value, r = descent(w)
        p, trust, size = r, 1e-6, norm(r)
        for number in count():
            stop = "gradient" if size <= min_grad else None
            state = DescentState(number, as_params(w), value, size, stop)
            yield state
            if stop is not None:
                return
            u, bend = ahead(w, p)
            slope = float(u @ r)
            while True:
                stiff = bend + trust
                if stiff <= 0:
                    trust = 2 * (trust - stiff)
                    stiff = bend + trust
                length = slope / stiff
                there = w + length * u
                if not math.isfinite(length) or np.array_equal(there, w):
                    yield state._replace(stop="stalled")
                    return
                after, new_r = descent(there)
                fall, new_size = value - after, norm(new_r)
                sound = math.isfinite(fall) and math.isfinite(new_size)
                gain = max(2 * fall / length / slope, WORST) if sound else WORST
                if gain < 0.25:
                    trust += stiff * (1 - gain)
                elif gain > 0.75:
                    trust = max(trust / 4, MIN_TRUST)
                if gain > 0:
                    break
            p = new_r
            if (number + 1) % len(w):
                p = new_r + float(new_r / slope @ (new_r - r)) * u
            w, value, r, size = there, after, new_r, new_size

    return states()


def check_start(value: float) -> None:
    """A loss that there can be a descent from."""
    if not math.isfinite(value):
        raise ValueError(
            f"params: expected a finite loss to start from, got {value};"
            " start from smaller params, as fnn.init makes them, and scaled data"
        )
