"""A network's parts fit together: params, pairs, batches, gradients and optimizers.

Each check costs a fraction of a microsecond when all is well; only a failed one looks closer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray, ufunc

from fnn._core.numbers import FLOATS, describe, is_plain
from fnn.base import Activation, Acts, Batch, F, Grads, Layer, Loss, Optimizer, Params

_PAIRS = "fnn.activations has pairs, and Activation(f, df) makes one"
_LOSSES = "fnn.losses has pairs, and Loss(f, df) makes one"


def check_params(params: Params[F]) -> np.dtype[F]:
    """Return the dtype of params whose layers fit together; refuse others."""
    try:
        first = params[0].w
        dtype, width = first.dtype, first.shape[0]
        for w, b in params:
            n_in, n_out = w.shape
            if (
                n_in != width
                or b.shape != (n_out,)
                or w.dtype is not dtype  # they may still be equal, or of a fitting subclass:
                or b.dtype is not dtype  # identity is fast, and the closer look decides
                or type(w) is not ndarray
                or type(b) is not ndarray
            ):
                break
            width = n_out
        else:
            if dtype in FLOATS and type(params) is tuple and type(params[0]) is Layer:
                return dtype
    except (AttributeError, LookupError, TypeError, ValueError):
        pass  # explained below
    error = _params_error(params)
    if error is not None:
        raise error
    return params[0].w.dtype


def _params_error(params: Any) -> Exception | None:
    if hasattr(params, "params"):  # a State, or what a fit or a solver gave
        return TypeError(
            f"params: expected a tuple of Layer(w, b), got {describe(params)};"
            f" pass its params: {type(params).__name__.lower()}.params"
        )
    if type(params) is not tuple or not params:
        return TypeError(
            f"params: expected a tuple of Layer(w, b), got {describe(params)}; fnn.init makes one,"
            " tuple(layers) turns a list into one, and Layer(w, b) alone is written (Layer(w, b),)"
        )
    width = None
    for i, layer in enumerate(params):
        name = f"params[{i}]"
        if not isinstance(layer, Layer):
            return TypeError(
                f"{name}: expected a Layer(w, b), got {describe(layer)};"
                " make one by Layer(w, b), and pass params before grads"
            )
        w, b = layer
        for part, array, rank in (("w", w, 2), ("b", b, 1)):
            if not is_plain(array) or array.dtype not in FLOATS:
                return TypeError(
                    f"{name}.{part}: expected an array of floats in this machine's byte order,"
                    f" got {describe(array)}; convert it by np.asarray(..., dtype=float)"
                )
            if array.ndim != rank:
                return ValueError(
                    f"{name}.{part}: expected {rank} dimension{'s' if rank > 1 else ''},"
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
    return None


def check_acts(acts: Acts) -> None:
    """Refuse anything but a tuple of activation pairs."""
    if type(acts) is not tuple:
        raise TypeError(
            f"acts: expected a tuple of Activation pairs, got {describe(acts)};"
            " tuple(acts) turns a list into one, and one pair alone is written (pair,)"
        )
    for act in acts:
        if type(act) is not Activation or type(act.df) is ufunc:
            break
    else:
        return
    check_pairs(acts)


def check_pairs(acts: Acts) -> None:
    """Refuse other things than pairs, and ufuncs that cannot be their functions."""
    for i, act in enumerate(acts):
        if not isinstance(act, Activation):
            raise TypeError(
                f"acts[{i}]: expected an Activation(f, df) pair, got {describe(act)};"
                f" {uncalled(act, 'Activation') or _PAIRS}"
            )
        check_inputs(f"acts[{i}].f", act.f, "z")
        check_inputs(f"acts[{i}].df", act.df, "z", "a")


def check_inputs(name: str, function: Any, *inputs: str) -> None:
    """Refuse a ufunc of another number of inputs: it takes what comes after them for its output."""
    if isinstance(function, ufunc) and function.nin != len(inputs):
        called = f"np.{function.__name__}"
        remedy = f"write lambda {', '.join(inputs)}: {called}({', '.join(inputs[: function.nin])})"
        if function.nin > len(inputs):
            remedy = f"write a function of {inputs[0]} alone, as lambda z: np.maximum(z, 0.0)"
        raise TypeError(
            f"{name}: expected a function of {' and '.join(inputs)}, got the ufunc {called}, of"
            f" {function.nin} input{'s' * (function.nin > 1)} and then its output; {remedy}"
        )


def check_network(acts: Acts, params: Params[F]) -> np.dtype[F]:
    """Return the dtype of a network whose layers fit together, with one activation pair each."""
    dtype = check_params(params)
    check_acts(acts)
    if len(acts) != len(params):
        raise ValueError(
            f"acts: expected {len(params)} pairs, one for each layer of params, got {len(acts)};"
            " a layer without a nonlinearity takes fnn.activations.identity"
        )
    if dtype is HALF:
        _check_half(acts)
    return dtype


HALF = np.dtype(np.float16)
"""Its exp ends at 11, where those of float32 and float64 reach 88 and 709."""


def _check_half(acts: Acts) -> None:
    """Refuse pairs that are NaN where float16 is a number, as most with an exp in them are."""
    z = np.array([-60000.0, -300.0, -20.0, -12.0, 0.0, 12.0, 20.0, 300.0, 60000.0], HALF)
    z.setflags(write=False)
    for i, act in enumerate(acts):
        with np.errstate(all="ignore"):
            a = act.f(z)
            wrong = np.isnan(a) | np.isnan(act.df(z, a))
        if wrong.any():
            raise TypeError(
                f"acts[{i}]: expected a pair that float16 can compute, got {describe(act)}, which"
                f" is nan at {z[int(np.argmax(wrong))]}; take params of float32, as by"
                " fnn.init(..., dtype=np.float32)"
            )


def check_loss(loss: Loss) -> None:
    """Refuse a function or an activation pair in the place of a loss pair."""
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss: expected a Loss(f, df) pair, got {describe(loss)};"
            f" {uncalled(loss, 'Loss') or _LOSSES}"
        )
    if type(loss.f) is ufunc or type(loss.df) is ufunc:
        check_inputs("loss.f", loss.f, "output", "target")
        check_inputs("loss.df", loss.df, "output", "target")


def check_batch(batch: Batch, name: str = "batch") -> None:
    """Refuse the array of the samples in the place of a Batch."""
    if not isinstance(batch, Batch):
        raise TypeError(
            f"{name}: expected a Batch(x, y), got {describe(batch)}; {_to_batch(name, batch)}"
        )


def _to_batch(name: str, value: Any) -> str:
    """Remedy for a value that is no Batch: how to make one of it, or what takes it as it is."""
    if isinstance(getattr(value, "data", None), Batch):  # samples and minibatches
        return f"pass the data of the pass, {name}.data, or train on it by fnn.epochs"
    if isinstance(value, Mapping):
        return f"make it one by Batch(**{name})"
    batches = isinstance(value, tuple | list) and any(isinstance(part, Batch) for part in value)
    if isinstance(value, tuple | list) and len(value) in (2, 3) and not batches:
        return f"make it one by Batch(*{name})"
    if (
        isinstance(value, Iterable)
        and not isinstance(value, str)
        and not hasattr(value, "__array__")
    ):
        return f"train on passes by fnn.epochs(update, state, itertools.repeat({name}))"
    return "wrap x and y in one: Batch(x, y)"


def check_grads(name: str, grads: Grads[Any], params: Params[Any]) -> None:
    """Refuse grads, or updates, of other shapes or dtypes than the params."""
    try:
        for (w, b), (dw, db) in zip(params, grads, strict=True):
            if (
                w.shape != dw.shape
                or b.shape != db.shape
                or w.dtype is not dw.dtype  # as in check_params
                or b.dtype is not db.dtype
                or type(dw) is not ndarray
                or type(db) is not ndarray
            ):
                break
        else:
            if type(params) is tuple and type(grads) is tuple and type(params[0]) is Layer:
                return
    except (AttributeError, LookupError, TypeError, ValueError):
        pass  # explained below
    check_params(params)
    error = _grads_error(name, grads, params)
    if error is not None:
        raise error


def _grads_error(name: str, grads: Any, params: Params[Any]) -> Exception | None:
    remedy = "pass what backprop returned for these params"
    if type(grads) is not tuple:
        return TypeError(
            f"{name}: expected a tuple of LayerGrad(w, b), got {describe(grads)}; {remedy}"
        )
    if len(grads) != len(params):
        return ValueError(
            f"{name}: expected {len(params)} layers like params, got {len(grads)}; {remedy}"
        )
    for i, (layer, grad) in enumerate(zip(params, grads, strict=True)):
        if not isinstance(grad, tuple) or len(grad) != 2:
            return TypeError(
                f"{name}[{i}]: expected a LayerGrad(w, b), got {describe(grad)}; {remedy}"
            )
        for part, value, slope in zip("wb", layer, grad, strict=True):
            if not is_plain(slope):
                return TypeError(
                    f"{name}[{i}].{part}: expected a NumPy array, got {describe(slope)};"
                    " convert it by np.asarray"
                )
            if slope.shape != value.shape:
                return ValueError(
                    f"{name}[{i}].{part}: expected {value.shape} like params[{i}].{part},"
                    f" got {describe(slope)}; {remedy}"
                )
            if slope.dtype != value.dtype:
                return TypeError(
                    f"{name}[{i}].{part}: expected {value.dtype} like params[{i}].{part},"
                    f" got {describe(slope)}; scale by Python floats, which keep the dtype"
                )
    return None


def check_optimizer(optimizer: Optimizer[Any]) -> None:
    """Refuse the function that makes an optimizer in the place of one made, as sgd(0.1)."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer: expected an Optimizer(init, update), got {describe(optimizer)};"
            f" {uncalled(optimizer, 'Optimizer') or 'make one, as by fnn.optimizers.sgd(0.1)'}"
        )


def uncalled(maker: Any, kind: str) -> str:
    """Name the call of a function that returns the class or type `kind`; "" for others.

    >>> def leaky(slope: float = 0.1) -> Activation: ...
    >>> uncalled(leaky, "Activation")
    'call it: leaky()'
    """
    if isinstance(maker, type) or not callable(maker):
        return ""
    returned = getattr(maker, "__annotations__", {}).get("return", "")
    text = returned if isinstance(returned, str) else getattr(returned, "__name__", "")
    if not text.startswith(kind):
        return ""
    needed = [
        parameter.name
        for parameter in inspect.signature(maker).parameters.values()
        if parameter.default is parameter.empty
    ]
    return f"call it: {maker.__name__}({', '.join(needed)})"
