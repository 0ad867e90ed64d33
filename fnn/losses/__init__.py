"""Losses: pairs of a function of (output, target) and its derivatives, per sample."""

from fnn.losses._basic import (
    absolute_error,
    hinge,
    huber,
    pinball,
    poisson,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from fnn.losses._logits import log_softmax, softmax
from fnn.losses._masked import label_smoothing, masked_loss

__all__ = [
    "absolute_error",
    "hinge",
    "huber",
    "label_smoothing",
    "log_softmax",
    "masked_loss",
    "pinball",
    "poisson",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "squared_error",
]


def __dir__() -> list[str]:
    return __all__
