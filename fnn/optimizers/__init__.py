"""Optimizers: pairs ``(init, update)`` that turn gradients into updates, to be added to params.

Params are those of one network, or any nesting of tuples and NamedTuples of floating arrays of one
dtype: several networks trained as one, arrays of your own beside the layers. A gradient, and an
update, has the same nesting and shapes, with a `LayerGrad` for a `Layer` (`fnn.tree.as_grads`).

An optimizer is arithmetic on one vector, the gradient's numbers with w before b, layer by layer.
`fnn.train_step` hands it the vector that backpropagation has just filled; built-in optimizers
overwrite that by the update, and the sum with the params becomes the next params. One of your own,
``Optimizer(init, update)``, gets the vector as read-only gradients in layers and returns updates.

A rate is a number or a schedule (`fnn.schedules`), a function from the step number to a number.
States are NamedTuples of the ``steps`` taken and of frozen vectors, a number for each of the
params'. In the formulas g is the gradient and p the params; t is 1 at the first step, and all state
0 before it. Where the literature has two forms of an optimizer, this one is PyTorch's, but `nadam`
is optax's. Clipping, decay and other transforms are chained to an optimizer:

>>> optimizer = chain(clip_by_norm(1.0), adam(1e-3))
>>> optimizer
chain(clip_by_norm(1.0), adam(0.001))

`accumulate` updates once for several batches, `per_layer` gives every layer a rate of its own, and
`ema` averages params beside an optimizer.

Every optimizer raises `ValueError` for a rate that is negative or not finite, and for other
numbers outside their range. The ``update`` of a built-in one is a frozen dataclass of these
numbers: it can be pickled and read (``adam(1e-3).update.b1``).
"""

from fnn.optimizers._adaptive import RpropState, SquaresState, adagrad, rmsprop, rprop
from fnn.optimizers._average import Ema, EmaState, ema
from fnn.optimizers._combine import AccumulateState, accumulate, chain, masked, per_layer
from fnn.optimizers._descent import (
    LionState,
    MomentumState,
    SgdState,
    lion,
    momentum,
    nesterov,
    sgd,
)
from fnn.optimizers._moments import (
    AdamaxState,
    AdamState,
    AmsgradState,
    adam,
    adamax,
    adamw,
    amsgrad,
    nadam,
)
from fnn.optimizers._transforms import (
    add_decayed_weights,
    add_l1,
    clip_by_norm,
    clip_by_value,
    scale,
)

__all__ = [
    "AccumulateState",
    "AdamState",
    "AdamaxState",
    "AmsgradState",
    "Ema",
    "EmaState",
    "LionState",
    "MomentumState",
    "RpropState",
    "SgdState",
    "SquaresState",
    "accumulate",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "add_decayed_weights",
    "add_l1",
    "amsgrad",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "ema",
    "lion",
    "masked",
    "momentum",
    "nadam",
    "nesterov",
    "per_layer",
    "rmsprop",
    "rprop",
    "scale",
    "sgd",
]


def __dir__() -> list[str]:
    return __all__
