"""Losses: pairs of a function f of (output, target) and its derivatives, `fnn.base.Loss`.

Each is ready to use (`squared_error`), or made from a number (`huber(1.0)`), or from another loss:
`masked_loss(squared_error)` leaves out targets that are NaN. `softmax` and `log_softmax` read the
outputs of a classifier as probabilities; `label_smoothing` makes its targets less than certain.

``f(output, target)`` sums over the last axis of one sample (k,) or a batch (n, k) and so gives one
number or n of them; ``df(output, target)``, in the output's shape, is the exact derivative of f by
the output. ``d2f(output, target, v)`` is H v, row by row: H is the Hessian of a sample's loss by
its output; at a kink, where the slope jumps, it is 0, as on both sides. The target has the output's
shape and floating dtype, or is one class label for each sample where the name says integer labels;
the results keep the dtype. Cross-entropies take logits, and poisson log rates: give the output
layer the identity activation.

A loss declares the targets that it is for, as `Targets`: `fnn.fit`, `fnn.epochs` and the solvers
look at the data once and refuse others, by row and column, and `fnn.train_step` refuses another
last pair for logits. Losses of your own may declare the same. `fnn.backprop` is the calculus, and
computes what it is given.

NaN in gives NaN out. An infinite output gives the limit, and equal infinities count as equal
logits. NumPy warns only where a difference (of two logits, or of output and target), a product or
a sum is beyond the dtype, inf then being the value: a squared error of 1e200, poisson at z > 709.

The help of a loss states its formula (a or z is the output, y the target), its source and its
errors: bounds for one output, for float64 / float32 on x86-64, against mpmath over the whole dtype;
adding up k of one sign adds at most k / 2 ulp. Where terms cancel they are in eps, of the loss or
slope where that is above 1.

The modules inside, each with f, df and d2f side by side: ``_regression`` and ``_classification``
of losses, ``_terms`` for those that are a sum over the outputs, ``_logits`` of softmax, and
``_targets`` for targets that are missing or less than certain.
"""

# numba also compiles the functions of these losses, from their source: see fnn.losses._logits for
# the subset of NumPy that they keep to.

from fnn.base import Targets
from fnn.losses._classification import (
    hinge,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
)
from fnn.losses._logits import log_softmax, softmax
from fnn.losses._regression import absolute_error, huber, pinball, poisson, squared_error
from fnn.losses._targets import label_smoothing, masked_loss

__all__ = [
    "Targets",
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
    "softmax_cross_entropy_with_integer_labels",
    "squared_error",
]


def __dir__() -> list[str]:
    return __all__
