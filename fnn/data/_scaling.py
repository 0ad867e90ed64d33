"""Scaling of columns to ranges that networks learn well from, and back."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.checks import check_params
from fnn._core.numbers import as_numbers, check_finite, check_interval, describe, within
from fnn._core.rows import as_table, as_vector
from fnn.base import Array, F, Layer, Params
from fnn.tree import freeze


class Scaling(NamedTuple):
    """The map ``(x - shift) / scale`` of each column, and its inverse ``x * scale + shift``.

    Both take one sample (k,) or rows (n, k), compute in float64, and give the floating dtype of
    the data (float64 for integers). NaN stays NaN. Raises `ValueError` for another width, and for
    a scale that is 0 (give a constant column scale 1) or not finite.

    >>> celsius = Scaling(np.array([32.0]), np.array([1.8]))
    >>> celsius.apply([212.0]), celsius.invert([100.0])
    (array([100.]), array([212.]))
    """

    shift: Array
    scale: Array

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)

    def apply(self, x: ArrayLike) -> Array:
        """Turn raw units into scaled ones: ``(x - shift) / scale``."""
        array, shift, scale = self._fitting(x)
        return _narrowed((array - shift) / scale, array)

    def invert(self, x: ArrayLike) -> Array:
        """Turn scaled units into raw ones: ``invert(apply(x))`` is x, but for rounding."""
        array, shift, scale = self._fitting(x)
        return _narrowed(array * scale + shift, array)

    def _fitting(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        """The checked x, shift and scale."""
        array = as_numbers("x", x)
        shift, scale = _columns("scaling", self)
        k = len(shift)
        if array.ndim not in (1, 2) or array.shape[-1] != k:
            raise ValueError(
                f"x: expected ({k},) or (n, {k}) for a scaling of {k} columns, got {array.shape};"
                " scale the columns that the scaling was made for"
            )
        return array, shift, scale


def standardize(x: ArrayLike) -> tuple[Array, Scaling]:
    """Columns with mean 0 and standard deviation 1, and the `Scaling` that makes them.

    `x` is (n, k) with at least one row. The result has its floating dtype (float64 for integers),
    and the scaling is float64. The standard deviation is that of the population (divided by n, as
    scikit-learn's). A constant column becomes 0 and has scale 1; so does one that varies by
    rounding alone, with a deviation of at most 4 eps of its numbers, of which about 0 is left.
    Otherwise the computed deviation is within
    3 ulp of the true one, the mean within half an ulp and 2 eps of the mean distance from it, even
    where it is 1e15 times the deviation. For data larger than memory, standardize every hundredth
    row and use `Scaling.apply` on the rows as they come.

    Raises `ValueError` for a number that is not finite, by its row and column, and for a column
    whose range is beyond float64. Source (two passes, with a shift): Chan, Golub and LeVeque,
    "Algorithms for computing the sample variance", 1983.

    >>> scaled, scaling = standardize([[1.0, 5.0], [3.0, 5.0]])
    >>> scaled
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> scaling
    Scaling(shift=array([2., 5.]), scale=array([1., 1.]))
    """
    array, least, span = _ranged(x)
    mean = least + span * _centered(array, least, span).mean(axis=0)
    t = _centered(array, mean, span)
    rest = t.mean(axis=0)  # the rounding error of the mean
    deviation = span * np.sqrt(np.square(t, out=t).mean(axis=0) - rest * rest)
    return _scaled(array, mean + span * rest, deviation)


def min_max(x: ArrayLike, low: float = 0.0, high: float = 1.0) -> tuple[Array, Scaling]:
    """Columns that reach from `low` to `high`, and the `Scaling` that makes them.

    A constant column becomes `low` and has scale 1. Shapes, dtypes and errors are those of
    `standardize`; a `low` that is not below `high` is a `ValueError` as well.

    >>> min_max([[1, 5], [3, 5], [2, 5]], -1, 1)[0]
    array([[-1., -1.],
           [ 1., -1.],
           [ 0., -1.]])
    """
    low, high = check_interval(low, high)
    within("high", high, low, math.inf, "()", "low has to be below it")
    array, least, span = _ranged(x, high - low)
    scale = _divisor(span)
    return _scaled(array, least - low * scale, scale)


def absorb(
    params: Params[F], *, inputs: Scaling | None = None, outputs: Scaling | None = None
) -> Params[F]:
    """Params of a network in raw units, from those of a network trained in scaled units.

    ``forward(acts, absorb(params, inputs=s), x)`` is ``forward(acts, params, s.apply(x))``, and
    ``forward(acts, absorb(params, outputs=s), x)`` is ``s.invert(forward(acts, params, x))``, to
    rounding in the dtype of the params. Where a shift is far greater than its scale, the first
    layer subtracts large numbers: about ``shift / scale`` in units of the dtype's eps is lost, so
    keep to `Scaling.apply` there, or to float64.

    With `outputs` the last activation has to be identity, which this function cannot check. Raises
    `ValueError` for a scaling of another width and for results beyond the range of the dtype,
    `TypeError` for other things than params and scalings.

    >>> x, scaling = standardize([[10.0], [30.0]])
    >>> absorb((Layer(np.array([[2.0]]), np.array([1.0])),), inputs=scaling)
    (Layer(w=array([[0.2]]), b=array([-3.])),)
    """
    dtype = check_params(params)
    if inputs is not None:
        w, b = params[0]
        shift, scale = _of_width("inputs", inputs, len(w))
        new_w = w / scale[:, None]
        params = (_layer("inputs", new_w, b - shift.dot(new_w), dtype), *params[1:])
    if outputs is not None:
        w, b = params[-1]
        shift, scale = _of_width("outputs", outputs, len(b))
        params = (*params[:-1], _layer("outputs", w * scale, b * scale + shift, dtype))
    return freeze(params)


def _ranged(x: Any, width: float = 1.0) -> tuple[Array, Array, Array]:
    """The table x, checked, the least number of each column, and its range divided by `width`."""
    array = as_table("x", x)
    if len(array) == 0:
        raise ValueError("x: expected at least one row, got none")
    check_finite("x", array)
    wide = np.result_type(array.dtype, np.float64)
    least, most = array.min(axis=0).astype(wide), array.max(axis=0).astype(wide)
    with np.errstate(over="ignore"):
        span = (most - least) / width
    if not np.isfinite(span).all():
        i = int(np.isfinite(span).argmin())
        raise ValueError(
            f"x: expected a range within {wide} in column {i}, got {least[i]} to {most[i]};"
            " divide the column by a constant first"
        )
    return array, least, span


def _centered(x: Array, center: Array, span: Array) -> Array:
    """Columns moved by `center` and divided by their range: within 1 of 0, so squares are safe."""
    t: Array = np.subtract(x, center, order="F")  # contiguous columns are summed pairwise
    t /= _divisor(span)
    return t


def _divisor(span: Array) -> Array:
    """The ranges, with 1 for constant columns."""
    return np.where(span > 0, span, 1.0)


ROUNDING = 4
"""A column whose scale is within so many eps of its numbers is taken for a constant: 0.1 * 3 / 3
and 0.1 are not the same."""


def _scaled(x: Array, shift: Array, scale: Array) -> tuple[Array, Scaling]:
    """The scaled columns, and their scaling: 1 where a column varies by rounding alone."""
    eps = float(np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).eps)
    size = np.maximum(np.abs(x.min(axis=0)), np.abs(x.max(axis=0))).astype(scale.dtype)
    varies = scale > ROUNDING * eps * size
    scaling = Scaling(frozen(shift), frozen(np.where(varies, scale, 1.0)))
    return scaling.apply(x), scaling


def _narrowed(values: Array, like: Array) -> Array:
    """Values in the dtype of `like` if that is floating, read-only."""
    kept = like.dtype.newbyteorder("=") if like.dtype.kind == "f" else values.dtype
    return frozen(values.astype(kept, copy=False))


def _of_width(name: str, scaling: Scaling, k: int) -> Scaling:
    """The scaling, checked, of k columns."""
    if not isinstance(scaling, Scaling):
        raise TypeError(
            f"{name}: expected a Scaling, got {describe(scaling)}; standardize and min_max make one"
        )
    shift, scale = _columns(name, scaling)
    if len(shift) != k:
        raise ValueError(
            f"{name}: expected a scaling of {k} columns to match params, got one of {len(shift)};"
            " pass the scaling of the data that the network was trained on"
        )
    return Scaling(shift, scale)


def _columns(name: str, scaling: Scaling) -> tuple[Array, Array]:
    """The shift and the scale, checked: finite numbers for each column, no scale of 0."""
    shift = as_vector(f"{name}.shift", scaling.shift)
    scale = as_vector(f"{name}.scale", scaling.scale)
    if shift.shape != scale.shape:
        raise ValueError(
            f"{name}: expected a shift and a scale for each column, got {shift.shape} and"
            f" {scale.shape}; give both the same length"
        )
    if not ((scale != 0) & np.isfinite(scale) & np.isfinite(shift)).all():
        raise ValueError(
            f"{name}: expected finite shifts, and finite scales other than 0, got shift {shift} and"
            f" scale {scale}; give a constant column scale 1"
        )
    return shift, scale


def _layer(name: str, w: Array, b: Array, dtype: np.dtype[F]) -> Layer[F]:
    """A layer in a dtype, whose range it must not exceed."""
    with np.errstate(over="ignore"):
        layer = Layer(frozen(w.astype(dtype)), frozen(b.astype(dtype)))
    if not (np.isfinite(layer.w).all() and np.isfinite(layer.b).all()):
        raise ValueError(
            f"{name}: expected a scaling that params of {dtype} can absorb, got values beyond"
            " its range; convert the params to float64"
        )
    return layer
