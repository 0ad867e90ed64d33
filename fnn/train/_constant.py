"""Constants that a fit has to beat: a network that ignores its inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.activations import identity
from fnn.base import Array, Batch, F, Layer, Loss
from fnn.network import mean_loss

_ROUNDING = 1e-6
"""The excess of a loss, in shares of another, that is rounding: some ulp of float32."""


class WorseThanConstantWarning(UserWarning):
    """A fit whose params have a greater loss on the training data than one constant output.

    The constants that are tried are the mean and the median of each target, the sign of the mean,
    and the logarithms and logits of the means, which are the best constants of `poisson` and of the
    losses that take logits; for whole-number labels, the logarithms of the classes' shares. So the
    best constant of all may be better still, and is no worse.
    """


def worse_than(constant: float, value: float) -> bool:
    """True if a loss is greater than that of a constant by more than rounding."""
    return value > constant + _ROUNDING * abs(constant)


def best_constant(loss: Loss, data: Batch, bias: NDArray[F]) -> float:
    """The least mean loss on `data` of the constants tried, which have the shape of `bias`."""
    blank = np.zeros((len(data.x), 1), bias.dtype)
    weights = np.zeros((1, len(bias)), bias.dtype)
    least = math.inf
    with np.errstate(all="ignore"):
        for constant in _constants(data, len(bias)):
            output = constant.astype(bias.dtype)
            if output.shape == bias.shape and np.isfinite(output).all():
                network = (Layer(weights, output),)
                value = mean_loss((identity,), loss, network, Batch(blank, data.y, data.weight))
                least = min(least, value if math.isfinite(value) else math.inf)
    return least


def _constants(data: Batch, n_out: int) -> Iterator[Array]:
    y = np.asarray(data.y)
    if y.ndim == 1:  # labels
        labels: Any = y.astype(np.intp)
        weight = None if data.weight is None else np.asarray(data.weight, dtype=np.float64)
        yield np.log(np.maximum(np.bincount(labels, weight, n_out) / len(y), 1e-300))
        return
    y = y.astype(np.float64, copy=False)
    share = np.isfinite(y).astype(np.float64)  # targets that are missing have none
    median = np.median if share.all() or not share.any(axis=0).all() else np.nanmedian
    middle = median(y, axis=0)
    if data.weight is not None:
        weight = np.asarray(data.weight, dtype=np.float64)
        share *= weight if weight.ndim == 2 else weight[:, None]
    mean = (share * np.nan_to_num(y)).sum(axis=0) / share.sum(axis=0)
    yield mean
    yield middle
    yield np.sign(mean)
    if (mean > 0).all():
        yield np.log(mean)
        if (mean < 1).all():
            yield np.log(mean / (1 - mean))
