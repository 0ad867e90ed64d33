"""Activations: pairs of a function and its derivatives, elementwise."""

from fnn.activations._basic import (
    elu,
    hard_sigmoid,
    identity,
    leaky_relu,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from fnn.activations._dropout import dropout
from fnn.activations._gelu import gelu, gelu_tanh

__all__ = [
    "dropout",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "identity",
    "leaky_relu",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
]


def __dir__() -> list[str]:
    return __all__
