"""The normal equations of a network's squared error, in memory that does not grow with the rows.

Output k of sample i has the residual r_ik = output - target, a share s_ik of all weights, and the
row J_ik of the Jacobian by the params. In float64, whatever the dtype of the params::

    loss = sum_ik s_ik r_ik^2      g = sum_ik s_ik J_ik^T r_ik      A = sum_ik s_ik J_ik^T J_ik
    loss(params + step) = loss + 2 g . step + step . A step         if r is linear in params

With weights w_ik, those of a row or of each output, and 0 where a target is missing,
s_ik = m w_ik / sum(w) for m outputs. So the loss, m times the weighted mean over all numbers, is
that of ``fnn.backprop`` with `fnn.losses.squared_error` and weights of mean 1, and 2 g is its
gradient. All is computed in the units of `fnn.solvers._units`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core import memory
from fnn._core.checks import check_network
from fnn._core.masks import Mask, where
from fnn._core.numbers import check_finite, whole
from fnn._core.rows import as_data
from fnn._core.shapes import check_input, check_target
from fnn._core.targets import check_targets
from fnn._core.vectors import count
from fnn.base import Acts, Array, Batch, F, Params
from fnn.derivatives._linearized import fill_rows, linearize, unit_bars
from fnn.losses import masked_loss, squared_error
from fnn.solvers._cholesky import Matrix
from fnn.solvers._units import Standardized, linear_output, units_of

CHUNK = 2**17
"""Numbers in a chunk of the Jacobian, a megabyte; or P^2 if that is more, so that adding to A costs
little beside the products."""

KNOWN = masked_loss(squared_error)
"""The loss, in which targets may be missing."""

PEAK = 7
"""The most matrices of the size of A that exist at a time: A, its copy and those that factor it."""


class Normal(NamedTuple):
    """The ``loss``, the ``gradient`` g and the ``curvature`` A at some params, as above.

    ``losses`` are the parts of the loss that each output has.
    """

    loss: float
    gradient: Matrix
    curvature: Matrix
    losses: Matrix


@dataclass(frozen=True, eq=False)
class Problem(Standardized[F]):
    """The squared error on some data as a function of the params that are free.

    Data and params are in standardized units.
    """

    kept: NDArray[np.intp]
    """The numbers of these rows in the data, of which rows of weight 0 are left out."""
    free: NDArray[np.intp]
    """The places of the free params in the vector of all."""
    buffer: Matrix
    """Memory for a chunk's rows (chunk, n_out, P), used again and again: the system would hand out
    new memory page by page. P counts the params from the first layer with free ones on."""

    @cached_property
    def root(self) -> NDArray[F]:
        """The roots of the shares, in the dtype of the params."""
        return np.sqrt(self.share).astype(self.y.dtype)

    @property
    def known(self) -> int:
        """The number N of residuals: of targets that are there, and have weight."""
        return int(np.count_nonzero(self.share))

    def user_loss(self, losses: Matrix) -> float:
        """The loss in the user's units, from its parts in standardized ones."""
        with np.errstate(over="ignore"):  # far from a fit, a loss may be too large for a float
            return float((losses * np.square(self.units.residual_scale)).sum())

    def normal(self, vector: NDArray[F]) -> Normal:
        """The normal equations at the params of a vector."""
        size = len(self.free)
        losses, gradient = np.zeros(self.y.shape[1]), np.zeros(size)
        curvature = np.zeros((size, size))
        for rows, residuals in self.weighted_rows(vector):
            losses += np.square(residuals).sum(0)
            flat = rows.reshape(residuals.size, size)
            gradient += residuals.ravel() @ flat
            curvature += flat.T @ flat  # NumPy computes one half of a symmetric product
        return Normal(float(losses.sum()), gradient, curvature, losses)

    def weighted_by(self, factors: Matrix) -> Problem[F]:
        """The problem whose outputs count by these factors more."""
        share: Matrix = np.multiply(self.share, factors, dtype=np.float64)
        return replace(self, share=share)

    @property
    def weights(self) -> Matrix:
        """The weights of mean 1 over the targets that count, (n, n_out); 0 for the others."""
        share: Matrix = self.share
        if not linear_output(self.acts):
            share = np.multiply(share, np.square(self.units.residual_scale), dtype=np.float64)
        weights: Matrix = np.multiply(share, self.known / share.shape[1], dtype=np.float64)
        return weights

    def by_output(self, vector: NDArray[F]) -> tuple[Matrix, Matrix]:
        """The parts of g (n_out, P) and of A (n_out, P, P) that each output has."""
        size, outputs = len(self.free), self.y.shape[1]
        gradients, parts = np.zeros((outputs, size)), np.zeros((outputs, size, size))
        for rows, residuals in self.weighted_rows(vector):
            for k in range(outputs):
                gradients[k] += residuals[:, k] @ rows[:, k]
                parts[k] += rows[:, k].T @ rows[:, k]
        return gradients, parts

    def weighted_rows(self, vector: NDArray[F]) -> Iterator[tuple[Matrix, Matrix]]:
        """For each chunk, J by the free params (chunk, n_out, P) and r, times the root of s.

        All chunks share the memory of the rows: they are valid until the next are asked for.
        """
        params = self.units.layers(vector)
        root, chunk = self.root, len(self.buffer)
        columns = self.free - (len(self.units.start) - self.buffer.shape[-1])
        for i in range(0, len(self.x), chunk):
            part = slice(i, i + chunk)
            at = linearize(self.acts, params, self.x[part])
            roots = root[part]
            rows = self.buffer[: len(roots)]
            fill_rows(at, unit_bars(at) * roots[:, :, None], rows)
            residuals: Matrix = np.multiply(at.output - self.y[part], roots, dtype=np.float64)
            yield rows if len(columns) == rows.shape[2] else rows[:, :, columns], residuals


def problem(
    acts: Acts,
    params: Params[F],
    data: Batch,
    mask: Mask | None,
    chunk: int | None,
    *,
    each: bool = False,
) -> Problem[F]:
    """The `Problem` of a network and its data, after checks of both.

    `each` scales every output by its own deviation.
    """
    dtype = check_network(acts, params)
    x, y, share = known_data("data", acts, data, params, dtype)
    kept = np.flatnonzero(share.any(1))
    if len(kept) < len(x):
        x, y, share = x[kept], y[kept], share[kept]
    fixed = where((True,) * len(params) if mask is None else mask).false(params)
    free = np.flatnonzero(~fixed)
    double = np.dtype(np.float64)
    remedy = "use scaled_conjugate_gradient or lbfgs, which take a few vectors, or a mask"
    memory.check_room((PEAK, len(free), len(free)), double, "params", "normal equations", remedy)
    buffer = row_buffer(params, free, len(x), chunk)
    linear = linear_output(acts)
    units = units_of(params, fixed, x, y, share, linear=linear, each=each)
    targets = np.where(share > 0, units.targets(y), dtype.type(0))
    if not linear:
        share = share / np.square(units.residual_scale)
    return Problem(acts, units, units.inputs(x), targets, share, kept, free, buffer)


def row_buffer(params: Params[F], free: NDArray[np.intp], n: int, chunk: int | None) -> Matrix:
    """Memory for the rows of the Jacobian of a chunk of n samples."""
    outputs, columns = params[-1].b.size, count(params) - first_column(params, free)
    rows = max(CHUNK, len(free) ** 2) // max(columns * outputs, 1)
    rows = rows if chunk is None else whole("chunk", chunk, 1)
    shape, double = (max(min(rows, n), 1), outputs, columns), np.dtype(np.float64)
    return memory.allocate(shape, double, "chunk", "rows of a Jacobian", "give a smaller chunk")


def held_out_data(name: str, data: Batch, task: Problem[F]) -> Standardized[F]:
    """Other data in the units of a problem."""
    units, params = task.units, task.units.like
    dtype = units.given.dtype
    x, y, share = known_data(name, task.acts, data, params, dtype)
    if not linear_output(task.acts):
        share = share / np.square(units.residual_scale)
    targets = np.where(share > 0, units.targets(y), dtype.type(0))
    return Standardized(task.acts, units, units.inputs(x), targets, share)


def known_data(
    name: str, acts: Acts, data: Batch, params: Params[F], dtype: np.dtype[F]
) -> tuple[Array, Array, Matrix]:
    """x, y and the shares of data that fit the params; NaN in y has the share 0.

    Raises `ValueError` for other NaN, for infinity, and for data with nothing known.
    """
    x, y, weight = as_data(data, name)
    check_input(f"{name}.x", x, params, dtype)
    check_finite(f"{name}.x", x)
    check_target(y, np.empty((len(x), params[-1].b.size), dtype), f"{name}.y")
    known = ~np.isnan(y)
    check_finite(f"{name}.y", np.where(known, y, 0))
    check_targets(acts, KNOWN, params, data, name)
    weights = known.astype(np.float64)
    if weight is not None:
        wide = weight.astype(np.float64)
        wide = np.where(known, wide if wide.ndim == 2 else wide[:, None], 0.0)
        most = max(float(wide.max()), float(np.finfo(np.float64).tiny))
        weights = np.divide(wide, most, dtype=np.float64)
    total = weights[weights.any(1)].sum()  # the same numbers as without the rows of weight 0
    if not total > 0:
        raise ValueError(
            f"{name}.y: expected a target that is known and has a weight above 0, got none;"
            " give at least one"
        )
    return x, y, weights / total * y.shape[1]


def first_column(params: Params[F], free: NDArray[np.intp]) -> int:
    """The place, in a vector of all params, where the first layer with free ones begins.

    That of the last layer, if none are free.
    """
    column = 0
    for w, b in params[:-1]:
        after = column + w.size + b.size
        if len(free) and free[0] < after:
            break
        column = after
    return column
