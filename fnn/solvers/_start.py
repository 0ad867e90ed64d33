"""The start of a descent: the given params, unless those are for other units than the data's.

Params that `fnn.init` draws are for inputs and targets of about 1. On data in other units all
hidden units may be saturated, and from there no descent leads anywhere. So two readings of the
params are compared: the numbers as they are, and the same numbers for standardized data. Params
whose loss is hardly below that of the best constant have learned nothing. If the units of the data
are far from 1, the second reading is taken then, or where its hidden layers are much worse, the
first with its last layer solved for, by linear least squares. Otherwise the hidden layers are
compared by the loss that is left once the last layer is solved for. The last layer is solved for,
too, where the loss is far above that of the best constant.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fnn._core.vectors import layered
from fnn.activations import identity
from fnn.base import F
from fnn.network import forward, trace
from fnn.solvers._cholesky import Matrix, cholesky, solve
from fnn.solvers._units import Standardized, linear_output

CHUNK = 2**12
"""Rows at a time."""

RIDGE = 1e-4
"""Fraction of the diagonal of the last layer's equations that is added to it."""

BETTER = 0.5
"""The other reading is taken if it leaves less than this fraction of the loss: of that with the
last layer solved for, and of that of the given params as they are."""

SATURATED = 0.05
"""The fraction of the other reading's slopes below which the given units count as saturated: then
any better loss will do."""

NEAR = 4.0
"""The largest shift or scale, or the inverse of a scale, of data in units of about 1."""

NOTHING = 0.9
"""A loss, as a fraction of that of the best constant, above which params have learned nothing."""

FAR = 10.0
"""A loss, as a multiple of that of the best constant, from which the last layer is solved for."""


def better_start(data: Standardized[F], loss: float) -> NDArray[F] | None:
    """The start to take in the place of the given one, whose squared error is `loss`, if any.

    It is in standardized units. Whatever the units of the data, it is the same but for rounding.
    """
    units = data.units
    fixed = layered(units.fixed, units.like)
    free_first, free_last = (
        not (layer.w.any() or layer.b.any()) for layer in (fixed[0], fixed[-1])
    )
    solvable = linear_output(data.acts) and free_last
    with np.errstate(over="ignore", invalid="ignore"):
        constant = float((data.share * np.square(data.y)).sum())
        useless = FAR * constant
        own, start = solved(data, units.start)
        if len(fixed) > 1 and free_first:
            other, read = solved(data, units.given)
            useful = not solvable or squared(data, units.given) < useless
            if solvable and loss > NOTHING * constant:
                strange = foreign(units.y_shift, units.y_scale)
                if other * BETTER >= own and strange:
                    return start
                if other * BETTER < own and (strange or foreign(units.x_shift, units.x_scale)):
                    return units.given if useful else read
            enough = 1.0 if saturated(data) else BETTER
            if other < enough * min(own, loss):
                return units.given if useful else read
        return start if solvable and own < loss and not loss < useless else None


def foreign(shift: Matrix, scale: Matrix) -> bool:
    """True where a column is far from standardized, so that its units are others than params'."""
    return bool(((np.abs(shift) > NEAR) | (scale > NEAR) | (scale < 1 / NEAR)).any())


def better_reading(data: Standardized[F]) -> bool:
    """True where the numbers of the hidden layers are much better for standardized inputs."""
    if len(data.acts) == 1:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        own, other = (solved(data, at)[0] for at in (data.units.start, data.units.given))
        return other < (1.0 if saturated(data) else BETTER) * own


def saturated(data: Standardized[F]) -> bool:
    """True where the first layer's slopes are next to nothing beside those of the other reading."""
    x = data.x[:: 1 + len(data.x) // CHUNK]
    sizes = []
    for vector in (data.units.start, data.units.given):
        w, b = data.units.layers(vector)[0]
        z = x.dot(w) + b
        slope = data.acts[0].df(z, data.acts[0].f(z.copy()))
        sizes.append(float(np.abs(slope).mean()))
    return sizes[0] < SATURATED * sizes[1]


def squared(data: Standardized[F], vector: NDArray[F]) -> float:
    """The squared error at the params of a vector."""
    params, total = data.units.layers(vector), 0.0
    for i in range(0, len(data.x), CHUNK):
        part = slice(i, i + CHUNK)
        error = forward(data.acts, params, data.x[part]) - data.y[part]
        total += float((data.share[part] * np.square(error)).sum())
    return total


def solved(data: Standardized[F], vector: NDArray[F]) -> tuple[float, NDArray[F]]:
    """The params of a vector with the best last layer of a linear output, and the squared error.

    Infinite where the hidden layers have no finite values.
    """
    params = data.units.layers(vector)
    width, outputs = params[-1].w.shape
    same = bool((data.share == data.share[:, :1]).all())  # one matrix serves all outputs
    columns = [slice(0, outputs)] if same else [slice(k, k + 1) for k in range(outputs)]
    matrices = np.zeros((len(columns), width + 1, width + 1))
    right = np.zeros((width + 1, outputs))
    for i in range(0, len(data.x), CHUNK):
        part = slice(i, i + CHUNK)
        x = data.x[part]
        hidden = trace(data.acts[:-1], params[:-1], x)[-1].a if len(params) > 1 else x
        design = np.column_stack([hidden, np.ones(len(x))]).astype(np.float64, copy=False)
        right += design.T @ (data.share[part] * data.y[part])
        for k in range(len(matrices)):
            matrices[k] += design.T @ (data.share[part, k : k + 1] * design)
    moved = vector.copy()
    w, b = layered(moved, params)[-1]
    for column, matrix in zip(columns, matrices, strict=True):
        diagonal = matrix.diagonal()
        units = np.where(diagonal > 0, diagonal, 1.0)  # 1 for units that are always 0
        factor = cholesky(matrix + RIDGE * np.diag(units))
        if factor is None:
            return math.inf, vector
        theta: Matrix = solve(factor, right[:, column])
        w[:, column], b[column] = theta[:-1], theta[-1]
    return squared(replace(data, acts=(*data.acts[:-1], identity)), moved), moved
