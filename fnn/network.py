"""The network itself: its values forward, its derivatives backward.

With row vectors, layer l has weights W_l (n_in, n_out) and bias b_l::

    z_l = a_{l-1} W_l + b_l              a_l = f_l(z_l)                a_0 = x
    d_L = loss'(a_L, y) * f_L'(z_L)      d_{l-1} = (d_l W_l^T) * f_{l-1}'(z_{l-1})
    dloss/dW_l = a_{l-1}^T d_l           dloss/db_l = sum of the rows of d_l

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors",
1986. Every function takes one sample (n_in,) or rows of samples (batch, n_in).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from fnn import tree
from fnn._core import reprs
from fnn._core.arrays import frozen, set_write
from fnn._core.checks import check_batch, check_grads, check_loss, check_network, check_pairs
from fnn._core.numbers import check_rate
from fnn._core.shapes import (
    check_elementwise,
    check_input,
    check_like_output,
    check_losses,
    check_target,
    counted_targets,
    row_share,
)
from fnn._core.trees import check_alike
from fnn._core.vectors import count, layered
from fnn.base import Acts, Array, Batch, F, F_co, Grads, Layer, LayerGrad, Loss, Params, T_tree
from fnn.losses._weighted import weighted

__all__ = [
    "LayerTrace",
    "Pullback",
    "apply_updates",
    "backprop",
    "forward",
    "gradient_vector",
    "mean_loss",
    "step",
    "trace",
    "vjp",
]


def __dir__() -> list[str]:
    return __all__


Pullback: TypeAlias = Callable[[ArrayLike], tuple[Grads[F], NDArray[F]]]
"""The function ``output_bar -> (grads, x_bar)`` that `vjp` returns."""


class LayerTrace(NamedTuple, Generic[F_co]):
    """Values of one layer: the pre-activation ``z`` and the activation ``a = f(z)``."""

    z: NDArray[F_co]
    a: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def forward(acts: Acts, params: Params[F], x: ArrayLike) -> NDArray[F]:
    """Compute the network's output: (n_out,) for one sample, (batch, n_out) for rows of them.

    `x` is converted to the dtype of the params. Raises `ValueError` where shapes do not fit and
    `TypeError` for data that are not real numbers.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> double = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> forward((identity,), double, [[1.0], [3.0]])
    array([[2.5],
           [6.5]])
    """
    return _output("x", acts, params, x)


def trace(acts: Acts, params: Params[F], x: ArrayLike) -> tuple[LayerTrace[F], ...]:
    """Compute every layer's pre-activation and activation.

    ``trace(...)[0].a`` is what the first hidden layer gives.

    Shapes, dtype and errors are those of `forward`, whose result is ``trace(...)[-1].a``.

    >>> from fnn import Layer
    >>> from fnn.activations import identity, relu
    >>> layer = Layer(np.array([[1.0]]), np.array([-2.0]))
    >>> trace((relu, identity), (layer, layer), [1.0])[0]
    LayerTrace(z=array([-1.]), a=array([0.]))
    """
    layers = _layers(acts, params, _enter("x", acts, params, x))
    return tuple(LayerTrace(z, a) for z, a in layers)


def vjp(acts: Acts, params: Params[F], x: ArrayLike) -> tuple[NDArray[F], Pullback[F]]:
    """Compute the output, and the pullback ``output_bar -> (grads, x_bar)``.

    `output_bar` has the output's shape; ``grads`` and ``x_bar`` are the derivatives of
    ``sum(output_bar * output)`` by the params (summed over the batch) and by `x`. As `jax.vjp`.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> output, pullback = vjp((identity,), (Layer(np.array([[2.0]]), np.array([0.5])),), [3.0])
    >>> pullback([1.0])
    ((LayerGrad(w=array([[3.]]), b=array([1.])),), array([2.]))
    """
    x = _enter("x", acts, params, x)
    steps = _layers(acts, params, x)
    output = steps[-1][1]

    def pullback(output_bar: ArrayLike) -> tuple[Grads[F], NDArray[F]]:
        bar = check_like_output("output_bar", output_bar, output)
        grads, delta = [], bar
        for a, delta in _backward(acts, params, x, steps, bar):
            grads.append(_layer_grad(a, delta))
        return tuple(grads[::-1]), frozen(delta.dot(params[0].w.T))

    return output, pullback


def backprop(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> tuple[float, Grads[F]]:
    """Compute the loss on a batch and its gradient by the params: ``(value, grads)``.

    The value is the mean of the samples' losses, ``sum_i loss_i / n`` over the n rows; with
    ``batch.weight`` (n,) it is ``sum_i w_i loss_i / n``, and with weights (n, n_out) the plain mean
    of ``loss_i = sum_k w_ik term_k``, a sum of one term for each output. It is not divided by the
    sum of the weights, so that a row's pull does not depend on the rows beside it. For one sample
    it is its loss, times its weight. ``batch.y`` must have the output's shape: nothing is
    broadcast.

    Raises `ValueError` for shapes that do not fit, for an empty batch, for a weight that is
    negative or not finite, and for weights (n, n_out) where the loss is not such a sum; `TypeError`
    for data that are not real numbers. As `jax.value_and_grad`.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> double = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> backprop((identity,), squared_error, double, Batch(np.array([3.0]), np.array([6.0])))
    (0.25, (LayerGrad(w=array([[3.]]), b=array([1.])),))
    """
    value, walk = _descend(acts, loss, params, batch)
    grads = [_layer_grad(a, delta) for a, delta in walk]
    return value, tuple(grads[::-1])


def gradient_vector(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch
) -> tuple[float, NDArray[F]]:
    """Compute the loss on a batch and its gradient as one vector: ``(value, vector)``.

    The numbers of `backprop`'s gradient in the order of `fnn.tree.ravel`: w before b, layer by
    layer. They are computed where they lie, so this costs no more; errors are those of `backprop`.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> double = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> gradient_vector((identity,), squared_error, double, Batch(np.array([3.0]), np.array([6.0])))
    (0.25, array([3., 1.]))
    """
    value, vector, _ = _fresh_gradient(acts, loss, params, batch)
    return value, frozen(vector)


def mean_loss(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> float:
    """Compute the value of `backprop` without the gradient, as for held-out data.

    >>> from fnn import Layer
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> double = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> mean_loss((identity,), squared_error, double, Batch(np.array([3.0]), np.array([6.0])))
    0.25
    """
    check_loss(loss)
    check_batch(batch)
    output = _output("batch.x", acts, params, batch.x)
    return _mean_loss(
        loss, output, check_target(batch.y, output, targets=loss.targets), batch.weight
    )[0]


def step(params: Params[F], grads: Grads[Any], rate: float) -> Params[F]:
    """Take a step of plain gradient descent: ``params - rate * grads``.

    `rate` is a finite number of at least 0. Raises `ValueError` where grads are of another shape.

    >>> from fnn import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> step(params, (LayerGrad(np.array([[10.0]]), np.array([1.0])),), 0.1)
    (Layer(w=array([[1.]]), b=array([0.4])),)
    """
    rate = check_rate("rate", rate)
    check_grads("grads", grads, params)
    factor = np.array(-rate, params[0].w.dtype)  # a Python number costs half as much again
    layers = []
    for (w, b), (dw, db) in zip(params, grads, strict=True):
        new_w: Array = dw * factor  # the one temporary becomes the result
        new_b: Array = db * factor
        new_w += w
        new_b += b
        set_write(new_w, False)  # as frozen does, without the cost of its call
        set_write(new_b, False)
        layers.append(Layer(new_w, new_b))
    return tuple(layers)


@overload
def apply_updates(params: Params[F], updates: Grads[Any]) -> Params[F]: ...
@overload
def apply_updates(params: T_tree, updates: Any) -> T_tree: ...
def apply_updates(params: Any, updates: Any) -> Any:
    """Add updates, as an optimizer returns them, to params: ``params + updates``.

    Params of one network, or any tree of floating arrays. Raises `ValueError` where updates are of
    another nesting or shape.

    >>> from fnn import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> apply_updates(params, (LayerGrad(np.array([[1.0]]), np.array([-0.5])),))
    (Layer(w=array([[3.]]), b=array([0.])),)
    """
    check_alike("updates", updates, params)
    return tree.add(params, updates)


def _enter(name: str, acts: Acts, params: Params[F], x: Any) -> NDArray[F]:
    """The samples, checked and converted, of a network that fits together."""
    return check_input(name, x, params, check_network(acts, params))


def _output(name: str, acts: Acts, params: Params[F], x: Any) -> NDArray[F]:
    """The output alone: layers on the way are not kept."""
    z = a = _enter(name, acts, params, x)
    try:
        for i, (w, b) in enumerate(params):
            z = a.dot(w)  # on small arrays it costs a third of `@`
            z += b
            set_write(z, False)
            a = acts[i].f(z)
            if a is not z:
                a = check_elementwise("f", i, a, z)
    except TypeError:
        check_pairs(acts)  # of a ufunc's inputs NumPy tells less
        raise
    if a is not z:
        a = a.view()  # a pair may keep what it returned, and that is not ours
        set_write(a, False)
    return a


def _layers(acts: Acts, params: Params[F], x: NDArray[F]) -> list[tuple[NDArray[F], NDArray[F]]]:
    """Each layer's (z, a), both read-only: a pair that writes to them is told by NumPy."""
    steps = []
    try:
        for i, (w, b) in enumerate(params):
            z: NDArray[F] = x.dot(w)
            z += b
            set_write(z, False)
            a = acts[i].f(z)
            if a is z:
                x = z
            else:
                x = check_elementwise("f", i, a, z).view()  # a pair may keep what it returned
                set_write(x, False)
            steps.append((z, x))
    except TypeError:
        check_pairs(acts)  # of a ufunc's inputs NumPy tells less
        raise
    return steps


def _mean_loss(
    loss: Loss, output: NDArray[F], y: Array, weight: Array | None
) -> tuple[float, NDArray[F]]:
    """The mean of the losses times their weights, and its derivative by the output."""
    shares: NDArray[F] | float = 1.0
    if weight is not None:
        loss, y, shares = weighted(loss, weight, output, frozen(y.view()))
        if isinstance(shares, np.ndarray):
            y = counted_targets(y, shares)
    elif output.ndim > 1:
        shares = row_share(output)
    if y.flags.writeable:
        y = frozen(y.view())
    losses, bar = check_losses(loss.f(output, y), loss.df(output, y), output)
    mean_bar: NDArray[F]
    if isinstance(shares, np.ndarray):
        mean_bar = np.multiply(bar, shares[..., None])
        return float(np.dot(shares, losses)), mean_bar
    if output.ndim == 1:
        return float(losses), bar
    mean_bar = np.multiply(bar, shares)
    return float(np.add.reduce(losses)) / len(output), mean_bar


def _descend(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch
) -> tuple[float, Iterator[tuple[NDArray[F], NDArray[F]]]]:
    """The loss on a batch, and the walk back to its gradient."""
    check_loss(loss)
    check_batch(batch)
    x = _enter("batch.x", acts, params, batch.x)
    steps = _layers(acts, params, x)
    output = steps[-1][1]
    y = check_target(batch.y, output, targets=loss.targets)
    value, bar = _mean_loss(loss, output, y, batch.weight)
    return value, _backward(acts, params, x, steps, bar)


def _fresh_gradient(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch
) -> tuple[float, NDArray[F], Grads[F]]:
    """The loss, its gradient as a new vector that can be written, and that in layers."""
    value, walk = _descend(acts, loss, params, batch)
    vector: NDArray[F] = np.empty(count(params), params[0].w.dtype)
    grads = layered(vector, params)
    for (w, b), (a, delta) in zip(reversed(grads), walk, strict=True):
        if delta.ndim == 1:
            a[:, None].dot(delta[None], w)
            b[:] = delta
        else:
            a.T.dot(delta, w)
            np.add.reduce(delta, axis=0, out=b)
    return value, vector, grads


def _backward(
    acts: Acts,
    params: Params[F],
    x: NDArray[F],
    steps: list[tuple[NDArray[F], NDArray[F]]],
    output_bar: NDArray[F],
) -> Iterator[tuple[NDArray[F], NDArray[F]]]:
    """Each layer's input and delta, a_{l-1} and d_l, from the last layer to the first."""
    last = len(params) - 1
    slope = acts[last].df(*steps[last])
    delta: Array = output_bar * check_elementwise("df", last, slope, output_bar)
    for i in range(last, 0, -1):
        z, a = steps[i - 1]
        yield a, delta
        delta = delta.dot(params[i].w.T)
        slope = acts[i - 1].df(z, a)
        delta *= check_elementwise("df", i - 1, slope, z)
    yield x, delta


def _layer_grad(a: NDArray[F], delta: Array) -> LayerGrad[F]:
    if delta.ndim == 1:
        w, b = a[:, None].dot(delta[None]), delta
    else:
        w, b = a.T.dot(delta), np.add.reduce(delta, axis=0)
    set_write(w, False)  # as frozen does, without the cost of its call
    set_write(b, False)
    return LayerGrad(w, b)
