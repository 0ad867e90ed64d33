"""Dense neural networks as pure functions.

A network is ``(acts, params)``: a tuple of activation pairs and a tuple of layers. `forward`,
`backprop` and `step` return new values, and training is a fold over the data.
"""

from fnn.base import (
    Activation,
    Acts,
    Array,
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Loss,
    Optimizer,
    Params,
    State,
    Targets,
)
from fnn.checkpoint import load, save
from fnn.data import minibatches, one_hot, samples
from fnn.initializers import init
from fnn.network import apply_updates, backprop, forward, step, trace, vjp
from fnn.random import key
from fnn.train import TrainStep, epochs, fit, fold, scan, start, train_step

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Acts",
    "Array",
    "Batch",
    "Grads",
    "Layer",
    "LayerGrad",
    "Loss",
    "Optimizer",
    "Params",
    "State",
    "Targets",
    "TrainStep",
    "__version__",
    "apply_updates",
    "backprop",
    "epochs",
    "fit",
    "fold",
    "forward",
    "init",
    "key",
    "load",
    "minibatches",
    "one_hot",
    "samples",
    "save",
    "scan",
    "start",
    "step",
    "trace",
    "train_step",
    "vjp",
]


def __dir__() -> list[str]:
    return __all__
