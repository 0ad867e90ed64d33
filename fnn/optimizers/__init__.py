"""Optimizers: pairs ``(init, update)`` that turn gradients into updates, to be added to params."""

from fnn.optimizers._adaptive import RpropState, SquaresState, adagrad, rmsprop, rprop
from fnn.optimizers._combine import chain, masked
from fnn.optimizers._descent import MomentumState, SgdState, momentum, nesterov, sgd
from fnn.optimizers._moments import AdamState, adam, adamw, nadam
from fnn.optimizers._transforms import (
    add_decayed_weights,
    add_l1,
    clip_by_norm,
    clip_by_value,
    scale,
)

__all__ = [
    "AdamState",
    "MomentumState",
    "RpropState",
    "SgdState",
    "SquaresState",
    "adagrad",
    "adam",
    "adamw",
    "add_decayed_weights",
    "add_l1",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "masked",
    "momentum",
    "nadam",
    "nesterov",
    "rmsprop",
    "rprop",
    "scale",
    "sgd",
]


def __dir__() -> list[str]:
    return __all__
