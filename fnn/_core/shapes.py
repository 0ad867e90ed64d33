"""Checks of shapes: samples, targets, weights and the values of pairs. Nothing is broadcast.

Each check costs a fraction of a microsecond when all is well; only a failed one looks closer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import NDArray

from fnn._core.numbers import as_floats, as_numbers
from fnn._core.targets import check_labels, wrong_shape
from fnn.base import Array, F, Params, Targets


def check_input(name: str, x: Any, params: Params[F], dtype: np.dtype[F]) -> NDArray[F]:
    """Return one sample (n_in,) or rows of samples (batch, n_in) that fit these params."""
    array: NDArray[F] = x if type(x) is ndarray and x.dtype is dtype else as_floats(name, x, dtype)
    width, shape = params[0].w.shape[0], array.shape
    if len(shape) in (1, 2) and shape[-1] == width:
        return array
    remedy = "each row is one sample"
    if array.ndim == 1 and width == 1:
        remedy = "one column of samples is x.reshape(-1, 1)"
    elif array.ndim == 2 and array.shape[0] == width:
        remedy = "each row is one sample, so pass the transpose x.T"
    raise ValueError(
        f"{name}: expected ({width},) or (batch, {width}) to match params[0].w with {width} rows,"
        f" got {array.shape}; {remedy}"
    )


def check_target(
    y: Any, output: NDArray[F], name: str = "batch.y", targets: Targets | None = None
) -> Array:
    """Return targets of exactly the shape of the output, in its dtype.

    Where a loss declares `targets` that are class labels, they are integers, one for each sample.
    """
    if targets is not None and targets.labels:
        labels = as_numbers(name, y)
        if labels.shape != output.shape[:-1]:
            raise wrong_shape(name, labels.shape, output.shape[:-1], targets)
        return check_labels(name, labels, output.shape[-1])
    array = as_floats(name, y, output.dtype)
    if array.shape == output.shape:
        return array
    raise wrong_shape(name, array.shape, output.shape, targets)


def check_weight(
    weight: Any,
    rows: tuple[int, ...],
    targets: tuple[int, ...],
    dtype: np.dtype[F],
    name: str = "batch.weight",
) -> NDArray[F]:
    """Return weights, one for each sample or each target: finite numbers of at least 0.

    `rows` is the batch shape, (n,) or (), and `targets` the shape of y. All weights may be 0.
    """
    array = as_floats(name, weight, dtype)
    if array.shape not in (rows, targets):
        each = "" if rows == targets else f" or {targets}, one for each target,"
        raise ValueError(
            f"{name}: expected {rows}, one number for each sample,{each} got {array.shape};"
            f" {_weight_remedy(array.shape, rows, targets)}"
        )
    if not ((array >= 0) & (array < np.inf)).all():
        raise _weight_error(name, array, rows)
    return array


def _weight_remedy(shape: tuple[int, ...], rows: tuple[int, ...], targets: tuple[int, ...]) -> str:
    """How to give weights of a wrong shape a right one."""
    size = math.prod(shape)
    if len(shape) == 2 and shape == targets[::-1]:
        return "transpose it: weight.T"
    for fitting in (rows, targets):
        if size == math.prod(fitting):
            return f"reshape it: weight.reshape({fitting})"
    if size == 1:
        return f"repeat it for each sample: np.full({rows}, weight)"
    return "give one number for each sample"


def _weight_error(name: str, array: NDArray[Any], rows: tuple[int, ...]) -> ValueError:
    """The error for the first weight that is negative or not finite."""
    good = (array >= 0) & (array < np.inf)
    place = np.unravel_index(int(good.argmin()), array.shape)
    axes = ("row", "column")[1 - len(rows) : 1 - len(rows) + array.ndim]
    where = ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=True))
    return ValueError(
        f"{name}: expected finite numbers of at least 0, got {array[place]}"
        f"{' in ' if where else ''}{where}; 0 leaves out what does not count"
    )


def check_elementwise(name: str, i: int, values: Any, z: NDArray[F]) -> NDArray[F]:
    """Return the result of acts[i] for z, which has the shape of z and gets its dtype."""
    try:
        if values.shape == z.shape and values.dtype is z.dtype:
            array: NDArray[F] = values
            return array
    except AttributeError:
        pass  # a number, a list or another dtype, and looked at below
    name = f"acts[{i}].{name}"
    array = as_floats(name, values, z.dtype)
    if array.shape != z.shape:
        raise ValueError(
            f"{name}: expected an array {z.shape} like its argument, got {array.shape};"
            " activation pairs act on each element"
        )
    return array


def check_losses(losses: Any, slopes: Any, output: NDArray[F]) -> tuple[NDArray[F], NDArray[F]]:
    """Return the results of a loss pair: a number for each sample, a slope for each output."""
    shape, dtype = output.shape, output.dtype
    try:
        if (
            losses.shape == shape[:-1]
            and slopes.shape == shape
            and losses.dtype is slopes.dtype is dtype
        ):
            return losses, slopes
    except AttributeError:
        pass  # not such arrays, and looked at below
    losses = as_floats("loss.f", losses, output.dtype)
    if losses.shape != output.shape[:-1]:
        raise ValueError(
            f"loss.f: expected {output.shape[:-1]}, one number for each sample, got"
            f" {losses.shape}; sum over the last axis"
        )
    return losses, check_like_output("loss.df", slopes, output)


def check_like_output(name: str, value: Any, output: NDArray[F]) -> NDArray[F]:
    """Return an array of the output's shape, in its dtype."""
    array = as_floats(name, value, output.dtype)
    if array.shape != output.shape:
        raise ValueError(
            f"{name}: expected {output.shape} like the output, got {array.shape};"
            " give one number for each output"
        )
    return array


def row_share(output: NDArray[F]) -> float:
    """Return the share of each row in the mean: 1 / n; that of a sample on its own is 1."""
    rows = output.shape[:-1]
    if rows == (0,):
        raise ValueError("batch.x: expected at least one row, got an empty batch")
    return 1.0 / rows[0] if rows else 1.0
