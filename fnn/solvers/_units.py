"""The user's units, and those that solvers compute in: standardized inputs and targets.

With shifts m and scales s of the columns of x and y, the standardized network is the same function
in other params, those that carry a prime::

    (x - m_x) / s_x W_1' + b_1' = x W_1 + b_1       W_1' = s_x W_1      b_1' = b_1 + m_x W_1
    s_y (a W_L' + b_L') + m_y = a W_L + b_L         W_L' = W_L / s_y    b_L' = (b_L - m_y) / s_y

the second for a last pair that is the identity. Solvers walk in the primed params and yield the
others, so that a factor or an offset in x or y changes nothing but rounding: eps * m_x / s_x of the
pre-activations, eps * m_y / s_y of the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.vectors import layered
from fnn.activations import identity
from fnn.base import Acts, Array, F, Layer, Params
from fnn.solvers._cholesky import Matrix
from fnn.tree import freeze, ravel

RESOLVED = 1e-3
"""The largest eps * shift / scale: the share of a column's deviation that is lost by rounding."""


@dataclass(frozen=True, eq=False)
class Units(Generic[F]):
    """Shifts and scales of the columns, and the two ways between the params."""

    given: NDArray[F]
    """All params as one vector, in the user's units, as they came."""
    start: NDArray[F]
    """All params as one vector, for standardized data."""
    like: Params[F]
    """Params of these shapes."""
    fixed: NDArray[np.bool_]
    """True for params that keep every bit."""
    x_shift: Matrix
    x_scale: Matrix
    y_shift: Matrix
    y_scale: Matrix
    """1 for a last pair that is not linear: its params do not take the scale."""
    residual_scale: Matrix
    """Size of an error of 1 in standardized units in the user's units, for each output."""

    def layers(self, vector: Array) -> Params[F]:
        """The vector as layers in the dtype of the params: read-only, and views if it is theirs."""
        flat = frozen(vector.astype(self.given.dtype, copy=False).view())
        return tuple(Layer(w, b) for w, b in layered(flat, self.like))

    def params(self, vector: Array) -> Params[F]:
        """The params in the user's units of primed ones.

        Those that are fixed, and those that have not moved, keep every bit.
        """
        outer = vector.astype(np.float64)
        kept = vector == self.start
        layers, first = layered(outer, self.like), layered(kept, self.like)[0]
        (w, b), (v, c) = layers[0], layers[-1]
        v *= self.y_scale
        c *= self.y_scale
        c += self.y_shift
        w /= self.x_scale[:, None]
        b -= self.x_shift @ w
        if self.x_shift.any():
            first.b[:] &= first.w.all(0)
        return self.layers(np.where(self.fixed | kept, self.given, outer))

    def inputs(self, x: Array) -> NDArray[F]:
        """Standardized inputs, in the dtype of the params."""
        return ((x - self.x_shift) / self.x_scale).astype(self.given.dtype)

    def targets(self, y: Array) -> NDArray[F]:
        """Standardized targets, in the dtype of the params."""
        return ((y - self.y_shift) / self.y_scale).astype(self.given.dtype)


@dataclass(frozen=True, eq=False)
class Standardized(Generic[F]):
    """A network and its data in standardized units."""

    acts: Acts
    units: Units[F]
    x: NDArray[F]
    y: NDArray[F]
    """0 where a target is missing."""
    share: Matrix
    """The share of each target in the loss, (n, n_out)."""


def linear_output(acts: Acts) -> bool:
    """True where the last pair is the identity, so that the last layer takes shift and scale."""
    return acts[-1].f is identity.f


def units_of(
    params: Params[F],
    fixed: NDArray[np.bool_],
    x: Array,
    y: Array,
    share: Matrix,
    *,
    linear: bool,
    each: bool,
) -> Units[F]:
    """The `Units` of some data, whose entries of y count by `share` (n, n_out).

    `each` scales every output by its own deviation, else all by one, so that the ratios between
    their squared errors stay what they are.
    """
    dtype = params[0].w.dtype
    rows = share.sum(1)
    x_shift, x_scale = moments("data.x", x, np.broadcast_to(rows[:, None], x.shape), dtype)
    y_shift, y_scale = moments("data.y", y, share, dtype)
    if not each:
        mass = share.sum(0)
        largest = y_scale.max()
        mean = np.average(np.square(y_scale / largest), weights=mass)
        y_scale = np.full_like(y_scale, largest * np.sqrt(mean))
    # A bias that is fixed cannot take the shift of a weight that moves.
    w, b = layered(fixed, params)[0]
    x_shift = np.where((b & ~w).any(1), 0.0, x_shift)
    residual_scale = y_scale
    if not linear:
        y_shift, y_scale = np.zeros_like(y_shift), np.ones_like(y_scale)
    return units(params, fixed, (x_shift, x_scale), (y_shift, y_scale), residual_scale)


def units(
    params: Params[F],
    fixed: NDArray[np.bool_],
    x: tuple[Matrix, Matrix],
    y: tuple[Matrix, Matrix],
    residual_scale: Matrix,
) -> Units[F]:
    """The `Units` of these shifts and scales."""
    given = ravel(params)[0]
    inner = given.astype(np.float64)
    layers = layered(inner, params)
    (w, b), (v, c) = layers[0], layers[-1]
    b += x[0] @ w
    w *= x[1][:, None]
    v /= y[1]
    c -= y[0]
    c /= y[1]
    start = inner.astype(given.dtype)
    return Units(given, start, freeze(params), fixed, *x, *y, residual_scale)


def moments(name: str, values: Array, share: Matrix, dtype: np.dtype[F]) -> tuple[Matrix, Matrix]:
    """The weighted mean and deviation of each column; a constant one has its size for a scale.

    Raises `ValueError` for columns that vary by no more than the dtype resolves.
    """
    counts = share > 0
    known = np.where(counts, values, 0.0).astype(np.float64)
    total = np.maximum(share.sum(0), np.finfo(np.float64).tiny)
    size = np.abs(known).max(0)
    unit = np.where(size > 0, size, 1.0)
    mean = (share / total * (known / unit)).sum(0) * unit
    away = np.where(counts, known - mean, 0.0)
    span = np.abs(away).max(0)
    most = np.where(span > 0, span, 1.0)
    scale = most * np.sqrt((share / total * np.square(away / most)).sum(0))
    least = np.where(counts, known, np.inf).min(0)
    constant = least >= np.where(counts, known, -np.inf).max(0)
    mean = np.where(constant & np.isfinite(least), least, mean)  # but for rounding it is that
    lost = ~constant & (float(np.finfo(dtype).eps) * np.abs(mean) > RESOLVED * scale)
    if lost.any():
        i = int(lost.argmax())
        raise ValueError(
            f"{name}: expected columns that {dtype} resolves, got column {i} with deviation"
            f" {scale[i]:.3g} around {mean[i]:.9g}; subtract {mean[i]:.9g} from it, in float64"
        )
    return mean, np.where(constant, unit, scale)
