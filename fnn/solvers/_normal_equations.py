"""The normal equations of a network's squared error, in memory that does not grow with the rows.

Sample i has residuals r_i = output - target, the fraction s_i of all weights, and rows J_i of the
Jacobian by the params. In float64, whatever the dtype of the params::

    loss = sum_i s_i |r_i|^2        g = sum_i s_i J_i^T r_i        A = sum_i s_i J_i^T J_i
    loss(params + step) = loss + 2 g . step + step . A step      if r is linear in params

So the loss is that of ``fnn.backprop`` with `fnn.losses.squared_error`, and 2 g its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn._core import memory
from fnn._core.checks import check_network
from fnn._core.masks import Mask, where
from fnn._core.numbers import check_finite, whole
from fnn._core.rows import as_data, without_zero_weights
from fnn._core.shapes import check_input, check_target
from fnn._core.targets import check_targets
from fnn._core.vectors import count
from fnn.base import Acts, Array, Batch, F, Params
from fnn.derivatives._linearized import fill_rows, linearize, unit_bars
from fnn.losses import squared_error
from fnn.solvers._cholesky import Matrix
from fnn.tree import ravel

CHUNK = 2**17
"""Numbers in a chunk of the Jacobian, a megabyte; or P^2 if that is more, so that adding to A costs
little beside the products."""

PEAK = 7
"""The most matrices of the size of A that exist at a time: A, its copy and those that factor it."""


class Normal(NamedTuple):
    """The ``loss``, the ``gradient`` g and the ``curvature`` A at some params, as above."""

    loss: float
    gradient: Matrix
    curvature: Matrix


@dataclass(frozen=True, eq=False)
class Problem(Generic[F]):
    """The squared error on some data as a function of the params that are free."""

    acts: Acts
    start: NDArray[F]
    """All params as one vector, where the descent starts."""
    unravel: Callable[[ArrayLike], Params[F]]
    """Makes params of such a vector."""
    x: NDArray[F]
    y: NDArray[F]
    share: Matrix
    """The fraction s_i of all weights, for each row."""
    kept: NDArray[np.intp]
    """The numbers of these rows in the data, of which rows of weight 0 are left out."""
    free: NDArray[np.intp]
    """The places of the free params in the vector of all."""
    buffer: Matrix
    """Memory for a chunk's rows (chunk, n_out, P), used again and again: the system would hand out
    new memory page by page. P counts the params from the first layer with free ones on."""

    def normal(self, params: Params[F]) -> Normal:
        """The normal equations at these params."""
        size = len(self.free)
        loss, gradient, curvature = 0.0, np.zeros(size), np.zeros((size, size))
        for rows, residuals in self.weighted_rows(params):
            loss += float(residuals @ residuals)
            gradient += residuals @ rows
            curvature += rows.T @ rows  # NumPy computes one half of a symmetric product
        return Normal(loss, gradient, curvature)

    def weighted_rows(self, params: Params[F]) -> Iterator[tuple[Matrix, Matrix]]:
        """For each chunk, J by the free params (chunk * n_out, P) and r, times the root of s_i.

        All chunks share the memory of the rows: they are valid until the next are asked for.
        """
        root, chunk = np.sqrt(self.share), len(self.buffer)
        columns = self.free - (len(self.start) - self.buffer.shape[-1])
        for i in range(0, len(self.x), chunk):
            part = slice(i, i + chunk)
            at = linearize(self.acts, params, self.x[part])
            roots = root[part, None].astype(at.output.dtype, copy=False)
            rows = self.buffer[: len(roots)]
            fill_rows(at, unit_bars(at) * roots[:, None], rows)
            residuals: Matrix = np.multiply(at.output - self.y[part], roots, dtype=np.float64)
            flat = rows.reshape(-1, rows.shape[-1])
            yield flat if len(columns) == flat.shape[1] else flat[:, columns], residuals.ravel()


def problem(
    acts: Acts, params: Params[F], data: Batch, mask: Mask | None, chunk: int | None
) -> Problem[F]:
    """The `Problem` of a network and its data, after checks of both."""
    dtype = check_network(acts, params)
    x, y, given = finite_data("data", data, params, dtype)
    check_targets(acts, squared_error, params, data)
    weight: Array = np.ones(len(x)) if given is None else given.astype(np.float64)
    kept = without_zero_weights(np.arange(len(x)), given)
    if len(kept) < len(x):
        x, y, weight = x[kept], y[kept], weight[kept]
    fixed = where((True,) * len(params) if mask is None else mask).false(params)
    free = np.flatnonzero(~fixed)
    double = np.dtype(np.float64)
    remedy = "use scaled_conjugate_gradient or lbfgs, which take a few vectors, or a mask"
    memory.check_room((PEAK, len(free), len(free)), double, "params", "normal equations", remedy)
    columns = count(params) - first_column(params, free)
    numbers = columns * y.shape[1]
    rows = max(CHUNK, len(free) ** 2) // numbers if chunk is None else whole("chunk", chunk, 1)
    shape = min(max(rows, 1), len(x)), y.shape[1], columns
    buffer = memory.allocate(shape, double, "chunk", "rows of a Jacobian", "give a smaller chunk")
    vector, unravel = ravel(params)
    share = weight / weight.sum()
    return Problem(acts, vector, unravel, x, y, share, kept, free, buffer)


def finite_data(name: str, data: Batch, params: Params[F], dtype: np.dtype[F]) -> Batch:
    """Data that fit the params, in their dtype, with at least one row and no NaN or infinity."""
    x, y, weight = as_data(data, name)
    x = check_input(f"{name}.x", x, params, dtype)
    check_finite(f"{name}.x", x)
    y = check_target(y, np.empty((len(x), params[-1].b.size), dtype), f"{name}.y")
    check_finite(f"{name}.y", y)
    return Batch(x, y, weight)


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
