"""The types that everything else is written in.

`Layer` and `LayerGrad` hold the arrays of one layer; `Params` and `Grads` are tuples of them. A
`Batch` is the data of one step. An `Activation` and a `Loss` are functions with their derivatives,
and a network is a tuple of the former, `Acts`, beside its params. An `Optimizer` turns gradients
into updates, and a `State` is what training carries from step to step.

Every type is a plain tuple or ``NamedTuple`` of arrays and functions. Params hold arrays only, so
they are valid JAX pytrees and can be compared, saved and sent between processes as they stand.
Large arrays are printed as their dtype and shape, built-in pairs as their names.

Optimizers take any nesting of tuples of arrays, that of `Params` or of another `Tree`. `Array`, and
the type variables `F`, `F_co`, `S`, `S_any` and `T_tree`, are for annotations of functions and
containers that go with these types.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar, override

from fnn._core import reprs

__all__ = [
    "Activation",
    "Acts",
    "Array",
    "Batch",
    "F",
    "F_co",
    "Grads",
    "Layer",
    "LayerGrad",
    "Loss",
    "Optimizer",
    "Params",
    "S",
    "S_any",
    "State",
    "T_tree",
    "Targets",
    "Tree",
]


def __dir__() -> list[str]:
    return __all__


F = TypeVar("F", bound=np.floating[Any])
"""The floating type of one function's params, and so of its results."""

F_co = TypeVar("F_co", bound=np.floating[Any], covariant=True, default=np.float64)
"""The floating type of a container; a bare ``Params`` means ``Params[np.float64]``."""

S = TypeVar("S")
"""The state that an optimizer carries from step to step, in functions."""

S_any = TypeVar("S_any", default=Any)
"""The state of an optimizer in containers; a bare ``Optimizer`` has any state."""

Array: TypeAlias = NDArray[Any]
"""An array inside a user-supplied function: gradual on purpose."""


class Layer(NamedTuple, Generic[F_co]):
    """The weights ``w`` (n_in, n_out) and the bias ``b`` (n_out,) of one dense layer."""

    w: NDArray[F_co]
    b: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class LayerGrad(NamedTuple, Generic[F_co]):
    """The gradient of one layer, with the shapes of its `Layer`.

    A class of its own, so that a type checker catches gradients passed where params belong.
    """

    w: NDArray[F_co]
    b: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


Params: TypeAlias = tuple[Layer[F_co], ...]
"""A network's learned values, one `Layer` after another."""

Grads: TypeAlias = tuple[LayerGrad[F_co], ...]
"""A gradient, or an update to be added to params: one `LayerGrad` per layer."""

Tree: TypeAlias = "Array | tuple[_Node, *tuple[_Node, ...]] | tuple[Params[Any], ...]"
"""Learned arrays in another nesting than `Params`, of tuples and NamedTuples: several networks
trained as one, arrays of one's own beside the layers."""

_Node: TypeAlias = "Tree | Params[Any]"

T_tree = TypeVar("T_tree", bound=Tree)
"""A `Tree` that a function takes and returns."""


class Batch(NamedTuple):
    """Samples and their targets.

    ``x`` is one sample (n_in,) or rows of samples (batch, n_in); ``y`` has the shape of the
    network's output for ``x``.

    ``weight`` is a finite number of at least 0 for each row, (batch,) or (), or for each target, in
    the shape of ``y``. It multiplies losses: `fnn.backprop` takes ``sum_i w_i loss_i / n`` over the
    n rows of the batch, and with weights for each target the plain mean of the rows' losses
    ``sum_k w_ik term_k``, for losses that are a sum of one term for each output and for
    `fnn.losses.softmax_cross_entropy`, whose targets they multiply. So a row of weight 2 is that
    row twice, whatever rows are beside it. What sees a whole data set, such as `fnn.samples`,
    `fnn.minibatches`, `fnn.fit` and the solvers, first divides its weights by their mean: there
    only ratios matter. A weight of 0 leaves out its row or its target, which may then be any finite
    number.
    """

    x: Array
    y: Array
    weight: Array | None = None

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Activation(NamedTuple):
    """An activation pair: ``a = f(z)`` and ``df(z, a) = f'(z)``, both elementwise.

    ``df`` may use whichever of the pre-activation ``z`` and the activation ``a`` is cheaper or
    more exact. So may ``d2f(z, a) = f''(z)``, which only second derivatives of the network need:
    a pair may do without. No function may change its arguments. `fnn.testing.check_activation`
    tells whether they belong together.

    ``reach`` is the closed range (low, high) of the values of ``f``, as (0, 1) for a sigmoid: by it
    `fnn.fit` and the solvers refuse targets that no output can become. None is unknown.

    ``name`` is what `repr` shows, and makes `help` show the docstring of ``f``. It and ``reach``
    stay when ``_replace`` changes a function: give it others, or None.

    >>> import numpy as np
    >>> square = Activation(lambda z: z * z, lambda z, a: 2 * z, name="square")
    >>> square.f(np.array([1.0, -3.0]))
    array([1., 9.])
    >>> square
    square
    """

    f: Callable[[Array], Array]
    df: Callable[[Array, Array], Array]
    d2f: Callable[[Array, Array], Array] | None = None
    reach: tuple[float, float] | None = None
    name: str | None = None

    @override
    def __repr__(self) -> str:
        return reprs.fields(self, self._fields[:-1]) if self.name is None else self.name


class Targets(NamedTuple):
    """Targets that a loss is for, as it declares them.

    They are numbers from ``low`` to ``high``, or one of ``only`` these numbers. With ``labels``
    they are class labels, whole numbers from 0 to the number of outputs - 1, one for each sample:
    y is then (batch,), without the output's last axis. ``least_outputs`` is the number of outputs
    that the loss makes sense for. ``matched`` says that outputs are to become equal to their
    targets, so that these must be in the last pair's ``reach``; ``missing`` that a target may be
    NaN.

    >>> Targets(0, 1)
    Targets(low=0, high=1, only=None, labels=False, least_outputs=1, matched=False, missing=False)
    """

    low: float = -math.inf
    high: float = math.inf
    only: tuple[float, ...] | None = None
    labels: bool = False
    least_outputs: int = 1
    matched: bool = False
    missing: bool = False


class Loss(NamedTuple):
    """A loss pair on (output, target), per sample.

    ``f(output, target)`` sums over the last axis and so has the batch's shape; ``df`` has the
    output's shape and is the true derivative of ``f`` by the output, with no factor dropped.
    Means over the batch are taken in one place, `fnn.backprop`.

    ``d2f(output, target, v)``, in the output's shape, is the Hessian of ``f`` by the output times
    ``v``, sample by sample: ``f''(a_i) v_i`` where the loss is a sum of one term for each output,
    and the product ``sum_j H_ij v_j`` where it ties outputs together, as a softmax does. Only
    curvature needs it: a pair may do without.

    ``targets`` declares what the loss is for: `fnn.fit`, `fnn.epochs`, the compiled engine and the
    solvers look at the data once and refuse other targets. None is no such promise, and nothing is
    refused. ``logits`` says that the outputs are logits or the logarithms of rates, so that the
    last pair must be the identity: `fnn.train_step` and the solvers refuse another.
    ``loss._replace(logits=False)`` is the same loss for whoever means another.

    ``name`` is what `repr` shows, as for an `Activation`.
    """

    f: Callable[[Array, Array], Array]
    df: Callable[[Array, Array], Array]
    d2f: Callable[[Array, Array, Array], Array] | None = None
    targets: Targets | None = None
    logits: bool = False
    name: str | None = None

    @override
    def __repr__(self) -> str:
        return reprs.fields(self, self._fields[:-1]) if self.name is None else self.name


class _PairDoc:
    """The ``__doc__`` of a pair: that of its ``f`` if it has a name, else that of its class."""

    def __init__(self, own: str | None) -> None:
        self.own = own

    def __get__(self, pair: Activation | Loss | None, owner: type) -> str | None:
        return self.own if pair is None or pair.name is None else pair.f.__doc__ or self.own


for _pair in (Activation, Loss):  # the body of a NamedTuple may not assign it
    type.__setattr__(_pair, "__doc__", _PairDoc(_pair.__doc__))


Acts: TypeAlias = tuple[Activation, ...]
"""The activation pairs of a network, one for each layer."""


class Optimizer(NamedTuple, Generic[S_any]):
    """A way to turn gradients into updates.

    ``init(params)`` gives the first state, ``update(grads, state, params)`` the pair
    (updates, state). Updates are *added* to params by `fnn.apply_updates`, so a descending
    optimizer returns negative multiples of the gradient.

    Params may be any `Tree` of floating arrays of one dtype, grads and updates have its nesting
    and shapes. So their types are Any here, and an update of one's own may narrow them.
    """

    init: Callable[[Any], S_any]
    update: Callable[[Any, S_any, Any], tuple[Any, S_any]]

    @override
    def __repr__(self) -> str:
        """The call that made it, if its two functions are of one rule; else both functions."""
        if getattr(self.init, "__self__", None) is self.update:
            return repr(self.update)
        return f"Optimizer(init={self.init!r}, update={self.update!r})"


class State(NamedTuple, Generic[F_co, S_any]):
    """All that training changes: the params and the optimizer's own state."""

    params: Params[F_co]
    opt: S_any

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)
