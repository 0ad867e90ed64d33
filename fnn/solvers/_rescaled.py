"""Any loss as a function of params in standardized units, for descents that know no units.

With the units of `fnn.solvers._units`, a loss of ``output - target`` alone is unchanged if a shift
is taken from both, and its outputs take the targets' scale. Other losses have outputs with units of
their own, as logits have: for them only the inputs are standardized. The loss is divided by that of
the best constant, in the first case, so that its gradient has no units either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np

from fnn._core.numbers import as_floats, as_numbers, check_finite
from fnn._core.rows import mean_one
from fnn._core.targets import check_targets
from fnn._core.vectors import layered
from fnn.base import Acts, Array, Batch, F, Loss, Params
from fnn.derivatives import hvp
from fnn.network import backprop
from fnn.solvers._cholesky import Matrix
from fnn.solvers._start import better_reading, better_start, squared
from fnn.solvers._units import Standardized, Units, linear_output, units_of
from fnn.tree import ravel


@dataclass(frozen=True, eq=False)
class Rescaled(Generic[F]):
    """A loss on a batch, by a vector of params in standardized units."""

    acts: Acts
    loss: Loss
    units: Units[F]
    batch: Batch
    """Standardized inputs, and targets without their shift."""
    spread: Matrix
    """Factor of each param in standardized units for `batch`."""
    size: float
    """The loss that counts as 1."""
    start: Matrix
    other: Matrix | None
    """A better start, if there is one."""

    def value(self, vector: Matrix) -> tuple[float, Matrix]:
        """The loss in the user's units, and its gradient without units."""
        found, grads = backprop(self.acts, self.loss, self._params(vector), self.batch)
        slope: Matrix = ravel(grads)[0].astype(np.float64) * (self.spread / self.size)
        return found, slope

    def product(self, vector: Matrix, direction: Matrix) -> Matrix:
        """The Hessian times a vector, both without units."""
        params = self._params(vector)
        tangent = layered((direction * self.spread).astype(params[0].w.dtype), params)
        found = hvp(self.acts, self.loss, params, self.batch, tangent)
        bent: Matrix = ravel(found)[0].astype(np.float64) * (self.spread / self.size)
        return bent

    def params(self, vector: Matrix) -> Params[F]:
        """The params in the user's units."""
        return self.units.params(vector)

    def _params(self, vector: Matrix) -> Params[F]:
        return self.units.layers(vector * self.spread)


def rescaled(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> Rescaled[F]:
    """The `Rescaled` loss of a batch that `fnn.backprop` takes, with weights divided by their mean.

    Raises what `fnn.backprop` raises, and `ValueError` for a loss that is not finite.
    """
    check_targets(acts, loss, params, batch, "batch")
    backprop(acts, loss, params, batch)  # for its checks of weights
    if batch.weight is not None and not np.any(batch.weight):
        raise ValueError(
            "batch.weight: expected a weight above 0, got 0 for every target; leave out weights"
            " that are all the same: weight=None"
        )
    batch = mean_one(batch)
    first = backprop(acts, loss, params, batch)[0]
    check_finite_loss(first)
    vector, dtype = ravel(params)[0], params[0].w.dtype
    x = np.atleast_2d(as_numbers("batch.x", batch.x))
    y = _table(batch, params[-1].b.size)
    check_finite("batch.x", x)
    known = ~np.isnan(y)
    share = known.astype(np.float64)
    if batch.weight is not None:
        weight = as_floats("batch.weight", batch.weight, np.dtype(np.float64))
        share *= weight if weight.shape == y.shape else weight.reshape(-1, 1)
    share *= y.shape[1] / max(float(share.sum()), float(np.finfo(np.float64).tiny))
    residual = linear_output(acts) and _of_residuals(loss, y.shape)
    fixed = np.zeros(len(vector), bool)
    units = units_of(params, fixed, x, y, share, linear=residual, each=True)
    spread = np.ones(len(vector))
    w, b = layered(spread, params)[-1]
    w *= units.y_scale
    b *= units.y_scale
    inputs = units.inputs(x).reshape(np.shape(batch.x))
    targets = batch.y
    if residual:
        targets = (y - units.y_shift).astype(dtype).reshape(np.shape(batch.y))
    scaled = Batch(inputs, targets, batch.weight)
    made = Rescaled(acts, loss, units, scaled, spread, 1.0, units.start.astype(np.float64), None)
    filled = np.where(known, units.targets(y), dtype.type(0))
    data = Standardized(acts, units, units.inputs(x), filled, share)
    if residual:
        made = replace(made, size=_size_of_constant(made))
    with np.errstate(over="ignore", invalid="ignore"):
        return replace(made, other=_other(made, data, first, residual=residual))


def _table(batch: Batch, outputs: int) -> Array:
    """The targets as rows; class labels (n,) become one-hot ones."""
    y = as_numbers("batch.y", batch.y)
    if y.ndim < np.ndim(batch.x):
        one_hot: Array = (y.reshape(-1, 1) == np.arange(outputs)).astype(np.float64)
        return one_hot
    return np.atleast_2d(y)


def _of_residuals(loss: Loss, shape: tuple[int, ...]) -> bool:
    """True for a loss of ``output - target`` alone: it is the same if both are moved by 1."""
    output = np.resize([0.5, -1.5, 2.0, 0.25], shape)
    target = np.resize([1.0, 0.5, 0.75], shape)
    try:
        here, there = loss.f(output, target), loss.f(output + 1, target + 1)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return False  # targets that the loss does not take
    return bool(np.allclose(here, there, rtol=1e-9, atol=0.0))


def _size_of_constant(made: Rescaled[F]) -> float:
    """The loss of the best constant output; of one that is off by the scale, if that is 0."""
    zero = np.zeros_like(made.start)
    for shift in (0.0, 1.0):
        layered(zero, made.units.like)[-1].b[:] = shift
        size = made.value(zero)[0]
        if 0.0 < size < math.inf:
            return size
    return 1.0


def _other(
    made: Rescaled[F], data: Standardized[F], first: float, *, residual: bool
) -> Matrix | None:
    """The start to take in the place of the given one, whose loss is `first`, if any."""
    if residual or not linear_output(made.acts):
        found = better_start(data, squared(data, data.units.start))
        return None if found is None else found.astype(np.float64)
    candidates: list[Matrix] = []
    if better_reading(data):
        flat = made.units.given.astype(np.float64)
        last = flat.copy()
        for part in layered(last, made.units.like)[-1]:
            part[:] = 0.0
        candidates = [flat, last]
    return next((start for start in candidates if made.value(start)[0] < first), None)


def check_finite_loss(value: float) -> None:
    """Raise `ValueError` for a first loss that is not finite: no step could be compared with it."""
    if not math.isfinite(value):
        raise ValueError(
            f"params: expected a finite loss to start from, got {value};"
            " start from smaller params, as fnn.init makes them, and scaled data"
        )
