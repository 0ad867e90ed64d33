"""Checks of the arguments that the engine's functions share."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn._core.checks import check_network
from fnn._core.numbers import describe
from fnn.base import F, Params
from fnn.data import Minibatches, Samples
from fnn.train import TrainStep

DTYPES = frozenset(map(np.dtype, (np.float32, np.float64)))


def check_update(update: object) -> None:
    """Refuse an update that `fnn.train_step` did not make: no other has parts to compile."""
    if not isinstance(update, TrainStep):
        raise TypeError(
            f"update: expected what fnn.train_step returns, got {describe(update)};"
            " fnn.scan folds any function"
        )


def check_compiled(acts: Any, params: Params[F]) -> np.dtype[F]:
    """Return the dtype of a network, or refuse one that is neither float32 nor float64."""
    dtype = check_network(acts, params)
    if dtype not in DTYPES:
        raise TypeError(
            f"params: expected float32 or float64, got {dtype}; fnn.scan, forward and backprop"
            " compute with any"
        )
    return dtype


def check_pass(pass_: object) -> None:
    """Refuse a pass whose data and row numbers cannot be read all at once."""
    if type(pass_) is not Samples and type(pass_) is not Minibatches:
        raise TypeError(
            f"pass_: expected samples(data) or minibatches(key, size, data), got {describe(pass_)};"
            " fnn.scan takes any batches"
        )
