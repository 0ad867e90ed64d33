"""The door: what users pass becomes arrays of one dtype, or an error that names the remedy.

Each check costs a fraction of a microsecond when all is well; only a failed one looks closer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.base import Activation, Acts, Array, Batch, F, Grads, Layer, LayerGrad, Loss, Optimizer, Params


def as_numbers(name: str, value: Any) -> Array:
    """`value` as an array of bools, integers or floats; no copy where it is one already."""
    if type(value) is not np.ndarray:
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{name}: expected plain numbers, got a masked array, whose mask would be lost;"
                " fill it or drop the masked rows"
            )
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"{name}: expected rows of equal length, got {type(value).__name__} ({error})"
            ) from None
    if value.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected real numbers, got dtype {value.dtype};"
            f" convert it, as by np.asarray({name.rpartition('.')[2]}, dtype=float)"
        )
    array: Array = value
    return array


def as_floats(name: str, value: Any, dtype: np.dtype[F]) -> NDArray[F]:
    """`value` as an array of the params' dtype; no copy where it is one already."""
    if type(value) is np.ndarray and value.dtype == dtype:
        return value
    return as_numbers(name, value).astype(dtype, copy=False)


def check_params(params: Params[F]) -> np.dtype[F]:
    """The dtype of params whose layers fit together."""
    try:
        first = params[0].w
        dtype, width = first.dtype, first.shape[0]
        for w, b in params:
            n_in, n_out = w.shape
            if n_in != width or b.shape != (n_out,) or w.dtype != dtype or b.dtype != dtype:
                break
            width = n_out
        else:
            if dtype.kind == "f":
                return dtype
    except (AttributeError, IndexError, TypeError, ValueError):
        pass  # explained below
    raise _params_error(params)


def _params_error(params: Any) -> Exception:
    if not isinstance(params, tuple) or not params or isinstance(params, Layer | LayerGrad):
        return TypeError(
            f"params: expected a tuple of Layer(w, b), got {_kind(params)};"
            " fnn.init makes one, and Layer(w, b) alone is written (Layer(w, b),)"
        )
    width = None
    for i, layer in enumerate(params):
        name = f"params[{i}]"
        if not isinstance(layer, tuple) or len(layer) != 2:
            return TypeError(f"{name}: expected a Layer(w, b), got {_kind(layer)}")
        w, b = layer
        for part, array, rank in (("w", w, 2), ("b", b, 1)):
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                return TypeError(
                    f"{name}.{part}: expected an array of floats, got {_kind(array)};"
                    " convert it by np.asarray(..., dtype=float)"
                )
            if array.ndim != rank:
                return ValueError(
                    f"{name}.{part}: expected {rank} dimension{'s' * (rank > 1)},"
                    f" got shape {array.shape}; w is (n_in, n_out) and b is (n_out,)"
                )
            if array.dtype != params[0][0].dtype:
                return TypeError(
                    f"{name}.{part}: expected {params[0][0].dtype} like params[0].w,"
                    f" got {array.dtype}; convert all params to one dtype"
                )
        if width is not None and w.shape[0] != width:
            return ValueError(
                f"{name}.w: expected {width} rows to match params[{i - 1}] with {width} outputs,"
                f" got {w.shape}"
            )
        if b.shape != w.shape[1:]:
            return ValueError(
                f"{name}.b: expected {w.shape[1:]} to match {name}.w {w.shape}, got {b.shape}"
            )
        width = w.shape[1]
    return TypeError(f"params: expected a tuple of Layer(w, b), got {_kind(params)}")


def check_acts(acts: Acts) -> None:
    """A tuple of activation pairs."""
    if not isinstance(acts, tuple) or isinstance(acts, Activation):
        raise TypeError(
            f"acts: expected a tuple of Activation pairs, got {_kind(acts)};"
            " one pair alone is written (pair,)"
        )
    for i, act in enumerate(acts):
        if not isinstance(act, Activation):
            raise TypeError(
                f"acts[{i}]: expected an Activation(f, df) pair, got {_kind(act)};"
                " fnn.activations has pairs, and Activation(f, df) makes one"
            )


def check_network(acts: Acts, params: Params[F]) -> np.dtype[F]:
    """The dtype of a network whose layers fit together, with one activation pair each."""
    dtype = check_params(params)
    check_acts(acts)
    if len(acts) != len(params):
        raise ValueError(
            f"acts: expected {len(params)} pairs, one for each layer of params, got {len(acts)}"
        )
    return dtype


def check_loss(loss: Loss) -> None:
    """A loss pair, not a function or an activation pair."""
    if not isinstance(loss, Loss):
        raise TypeError(f"loss: expected a Loss(f, df) pair, got {_kind(loss)}; as fnn.losses has")


def check_batch(batch: Batch) -> None:
    """A Batch, not the array of its samples."""
    if not isinstance(batch, Batch):
        raise TypeError(f"batch: expected a Batch(x, y), got {_kind(batch)}")


def check_grads(name: str, grads: Grads[Any], params: Params[Any]) -> None:
    """Grads, or updates, of the shapes of the params."""
    try:
        for (w, b), (dw, db) in zip(params, grads, strict=True):
            if w.shape != dw.shape or b.shape != db.shape or w.dtype is not dw.dtype:
                break  # dtypes may still be equal: `is not` is fast, the closer look decides
        else:
            return
    except (AttributeError, TypeError, ValueError):
        pass  # explained below
    check_params(params)
    if not isinstance(grads, tuple) or isinstance(grads, Layer | LayerGrad):
        raise TypeError(f"{name}: expected a tuple of LayerGrad(w, b), got {_kind(grads)}")
    if len(grads) != len(params):
        raise ValueError(f"{name}: expected {len(params)} layers like params, got {len(grads)}")
    for i, (layer, grad) in enumerate(zip(params, grads, strict=True)):
        if not isinstance(grad, tuple) or len(grad) != 2:
            raise TypeError(f"{name}[{i}]: expected a LayerGrad(w, b), got {_kind(grad)}")
        for part, value, slope in zip("wb", layer, grad, strict=True):
            if np.shape(slope) != value.shape:
                raise ValueError(
                    f"{name}[{i}].{part}: expected {value.shape} like params[{i}].{part},"
                    f" got {_kind(slope)}; pass what backprop returned for these params"
                )
            if np.asarray(slope).dtype != value.dtype:
                raise TypeError(
                    f"{name}[{i}].{part}: expected {value.dtype} like params[{i}].{part},"
                    f" got {_kind(slope)}; scale by Python floats, which keep the dtype"
                )


def check_elementwise(name: str, i: int, values: Any, z: NDArray[F]) -> NDArray[F]:
    """What acts[i] made of z: of its shape and, converted, its dtype."""
    try:
        if values.shape == z.shape and values.dtype == z.dtype:
            array: NDArray[F] = values
            return array
    except AttributeError:
        pass  # a number or a list, and looked at below
    name = f"acts[{i}].{name}"
    array = as_floats(name, values, z.dtype)
    if array.shape != z.shape:
        raise ValueError(
            f"{name}: expected an array {z.shape} like its argument, got {array.shape};"
            " activation pairs act on each element"
        )
    return array


def check_losses(losses: Any, slopes: Any, output: NDArray[F]) -> tuple[NDArray[F], NDArray[F]]:
    """What a loss pair made of the output: a number for each sample, a slope for each output."""
    shape, dtype = output.shape, output.dtype
    try:
        if (
            losses.shape == shape[:-1]
            and slopes.shape == shape
            and losses.dtype == slopes.dtype == dtype
        ):
            return losses, slopes
    except AttributeError:
        pass  # not arrays, and looked at below
    losses = as_floats("loss.f", losses, output.dtype)
    if losses.shape != output.shape[:-1]:
        raise ValueError(
            f"loss.f: expected {output.shape[:-1]}, one number for each sample, got"
            f" {losses.shape}; sum over the last axis"
        )
    slopes = as_floats("loss.df", slopes, output.dtype)
    if slopes.shape != output.shape:
        raise ValueError(f"loss.df: expected {output.shape} like the output, got {slopes.shape}")
    return losses, slopes


def check_optimizer(optimizer: Optimizer[Any]) -> None:
    """An optimizer made by its rate, as sgd(0.1)."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer: expected an Optimizer(init, update), got {_kind(optimizer)};"
            " as fnn.optimizers.sgd(0.1)"
        )


def check_input(name: str, x: Any, params: Params[F], dtype: np.dtype[F]) -> NDArray[F]:
    """One sample (n_in,) or rows of samples (batch, n_in) for these params."""
    array = as_floats(name, x, dtype)
    width = params[0].w.shape[0]
    if array.shape[-1:] == (width,) and array.ndim <= 2:
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


def check_target(y: Any, output: NDArray[F]) -> NDArray[F]:
    """Targets of the very shape of the output: nothing is ever broadcast."""
    array = as_floats("batch.y", y, output.dtype)
    if array.shape == output.shape:
        return array
    remedy = "give one target for each output"
    if array.size == output.size:
        remedy = f"reshape it: y.reshape{output.shape}"
    elif array.shape == output.shape[:-1]:
        remedy = f"class labels become targets by fnn.one_hot(y, {output.shape[-1]})"
    raise ValueError(
        f"batch.y: expected {output.shape} like the network's output, got {array.shape}; {remedy}"
    )


def check_weight(weight: Any, shape: tuple[int, ...], dtype: np.dtype[F]) -> NDArray[F]:
    """Weights of the samples: one each, none negative, not all zero."""
    array = as_floats("batch.weight", weight, dtype)
    if array.shape != shape:
        raise ValueError(
            f"batch.weight: expected {shape}, one number for each sample, got {array.shape}"
        )
    total = float(array.sum())
    if not (total > 0 and math.isfinite(total) and float(array.min()) >= 0):
        raise ValueError(
            "batch.weight: expected finite weights of at least 0 with a positive sum,"
            f" got minimum {array.min()} and sum {total}; leave out samples that do not count"
        )
    return array


def check_rate(name: str, rate: Any) -> float:
    """A finite step size of at least 0, as a Python float: it must not promote float32."""
    if type(rate) is float and 0.0 <= rate < math.inf:
        return rate
    if isinstance(rate, str | bytes | complex) or np.ndim(rate) != 0:
        raise TypeError(f"{name}: expected a number, got {_kind(rate)}")
    number = float(rate)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{name}: expected a finite number of at least 0, got {rate!r}")
    return number


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    if isinstance(value, type) or not callable(value):
        return f"{type(value).__name__} {value!r}"[:80]
    return f"the function {getattr(value, '__name__', value)}"
