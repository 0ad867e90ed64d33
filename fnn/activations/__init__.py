"""Activations: pairs of an elementwise function f and its derivatives, `fnn.base.Activation`.

Each is ready to use (`tanh`), or made from a number (`leaky_relu(0.1)`), or from another pair
(`dropout(key, 0.5, relu)`). A network takes one for each of its layers::

    acts = (tanh, leaky_relu(0.1), identity)

With a = f(z), ``df(z, a)`` is f'(z) and ``d2f(z, a)`` is f''(z). z has any shape, and its dtype,
float64 or float32, is kept. Infinite z gives the limit, NaN gives NaN, in the derivatives too, and
nothing warns but harmless underflow. At a kink df is the slope on its left, and d2f is 0 or, for
`elu`, `celu`, `selu` and `hard_swish`, also that on its left; `hard_sigmoid` has 0 at both kinks.

The help of a pair states its formula, its source and its errors: bounds, for float64 / float32,
against mpmath over the whole dtype, in ulp of the exact value or of 1e-300 / 1e-30, if that is
greater; where terms cancel, in eps times the exact value or 1.

The modules inside, each with f, f' and f'' side by side: ``_piecewise`` of straight pieces,
``_logistic`` and ``_exponential`` of exponentials, ``_gated`` and ``_gelu`` of z times a smooth
step (``_normal`` has what gelu needs of the normal distribution), and ``_dropout``.
"""

# The functions are written in the subset of NumPy that numba also compiles, number by number:
# fnn.compiled reads their source. Minimum and maximum stand in for np.where: they are faster, and
# compile. A bound such as 40.0 lies where f has its limit in float64 and exp is finite in float32.
# An int in its place would cost a ufunc call a quarter more, and compiled float32 its width.

from fnn.activations._dropout import dropout
from fnn.activations._exponential import celu, elu, selu
from fnn.activations._gated import mish, silu
from fnn.activations._gelu import gelu, gelu_tanh
from fnn.activations._logistic import log_sigmoid, sigmoid, softplus, softsign, tanh
from fnn.activations._piecewise import (
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    identity,
    leaky_relu,
    relu,
    relu6,
)

__all__ = [
    "celu",
    "dropout",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
]


def __dir__() -> list[str]:
    return __all__
