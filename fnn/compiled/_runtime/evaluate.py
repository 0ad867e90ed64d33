"""Outputs and gradients in machine code, with the signatures of `fnn.forward` and `backprop`."""

from __future__ import annotations

import threading
from operator import is_
from typing import Any, TypeVar

import numpy as np
from numpy import frombuffer, ndarray
from numpy.typing import ArrayLike, NDArray

from fnn._core import checks, shapes
from fnn._core.arrays import frozen
from fnn._core.vectors import count
from fnn.base import Acts, Array, Batch, F, Grads, LayerGrad, Loss, Params
from fnn.compiled._plan.checks import check_compiled
from fnn.compiled._plan.layout import copies, fill, layout, sizes_of, zeros
from fnn.compiled._plan.limits import few, large
from fnn.compiled._plan.targets import check_terms, numbers_in_row, table
from fnn.compiled._runtime import pairs
from fnn.compiled._runtime.batches import Batches
from fnn.compiled._runtime.calls import address_of, function_at, kernel, kernel_address

MOST = 16
"""Networks that each thread remembers. They are not freed meanwhile, nor is the memory they use."""

K = TypeVar("K")
T = TypeVar("T")


class Memory(threading.local):
    """Networks that a thread remembers: no two threads work in the same memory.

    Nor do two calls of one thread, of which one interrupts the other, as a signal handler does.
    """

    def __init__(self) -> None:
        self.networks: dict[int, Network] = {}
        self.gradients: dict[tuple[object, ...], Gradient] = {}


_memory = Memory()


def same(acts: Acts, others: Acts) -> bool:
    """Tell whether both have the very same pairs."""
    return type(others) is tuple and len(acts) == len(others) and all(map(is_, acts, others))


def remember(kept: dict[K, T], key: K, made: T) -> T:
    """Keep a value under its key, and drop the oldest one of too many."""
    if len(kept) >= MOST and key not in kept:
        oldest, *_ = kept  # at once: a signal handler may change them
        kept.pop(oldest, None)
    kept[key] = made
    return made


class Network:
    """A network for `forward`: its arrays are read in place, and its pairs are compiled once."""

    def __init__(self, acts: Acts, params: Params[Any]) -> None:
        self.acts, self.params = acts, params
        self.dtype = check_compiled(acts, params)
        self.unchanged = pairs.watch(acts).unchanged
        self.codes = [pairs.activation(i, act, self.dtype).value for i, act in enumerate(acts)]
        self.arrays = [(np.ascontiguousarray(w), np.ascontiguousarray(b)) for w, b in params]
        self.lasting = all(  # an array that can be written can be resized, and so move
            given is own and not given.flags.writeable
            for layer, arrays in zip(params, self.arrays, strict=True)
            for given, own in zip(layer, arrays, strict=True)
        )
        sizes = sizes_of(params)
        width = max(sizes[1:])
        self.work, self.output = zeros((3 * width,), self.dtype), np.zeros(sizes[-1], self.dtype)
        net = [len(params), 1, address_of(self.output), address_of(self.work), width]
        for m, n, (w, b), code in zip(sizes, sizes[1:], self.arrays, self.codes, strict=False):
            net += [m, n, address_of(w), address_of(b), code]
        self.net = np.array(net)
        self.shape, self.place = (sizes[0],), address_of(self.net)
        self.size = count(params)
        self.predict = kernel("predict", self.dtype)
        self.given = b""  # the sample that `output` is for

    def rows(self, x: Array) -> Array:
        """The outputs for rows of samples."""
        if few(len(x), self.size):
            output = np.empty((len(x), len(self.output)), self.dtype)
            net = self.net.copy()
            net[1:3] = len(x), address_of(output)
            self.predict(x.tobytes(), address_of(net))
            return output
        for (w, b), code in zip(self.arrays, self.codes, strict=True):
            z = x.dot(w)
            z += b
            function_at("value", code)(z.size, address_of(z), address_of(z))
            x = z
        return x


def forward(acts: Acts, params: Params[F], x: ArrayLike) -> NDArray[F]:
    """The output of a network for one sample (n_in,) or rows of samples, as `fnn.forward`.

    Raises what `fnn.forward` raises, and `TypeError` for params that are neither float32 nor
    float64 and for pairs that numba cannot compile.

    >>> from fnn.activations import identity
    >>> from fnn.base import Layer
    >>> forward((identity,), (Layer(np.array([[2.0]]), np.array([1.0])),), [3.0])
    array([7.])
    """
    net = _memory.networks.get(id(params))
    if (
        net is None
        or net.params is not params
        or not (net.acts is acts or same(net.acts, acts))
        or ((unchanged := net.unchanged) is not None and not unchanged())
    ):
        net = Network(acts, params)
        if net.lasting:
            remember(_memory.networks, id(params), net)
    if type(x) is not ndarray or x.dtype is not net.dtype or x.shape != net.shape:
        x = shapes.check_input("x", x, params, net.dtype)
        if x.ndim == 2:
            return frozen(net.rows(x))
    net.given = given = x.tobytes()
    net.predict(given, net.place)
    output: NDArray[F] = frombuffer(net.output.tobytes(), net.dtype)  # read-only, as bytes are
    if net.given is not given:  # a signal handler was here, and `output` may be of its sample
        return frozen(net.rows(x[None])[0])
    return output


class Gradient:
    """Memory for the gradients of networks with these pairs and the shapes of these params."""

    def __init__(
        self,
        acts: Acts,
        loss: Loss,
        params: Params[Any],
        dtype: np.dtype[Any],
        *,
        by_target: bool,
    ) -> None:
        self.kept = acts, loss
        self.watch = pairs.watch(acts, loss)
        plan = layout(sizes_of(params), dtype)
        codes = [pairs.activation(i, act, dtype).both for i, act in enumerate(acts)]
        code = pairs.loss(loss, dtype, plan.sizes[-1], by_target=by_target)
        targets = numbers_in_row(loss, plan.sizes[-1], by_target=by_target)
        self.size = plan.size
        self.p = zeros((plan.size,), dtype)
        self.work, self.net = zeros((3 * plan.width,), dtype), plan.net(codes, code, targets)
        self.batches = Batches(plan, codes, code, targets, self.p)
        self.gradient = kernel("gradient", dtype)
        arrays = map(address_of, (self.work, self.p, self.batches.g, self.net))
        self.rest = *arrays, plan.width, kernel_address("sample", dtype)

    def of(
        self, params: Params[F], x: NDArray[F], y: NDArray[F], share: NDArray[F]
    ) -> tuple[float, Grads[F]]:
        """The loss of samples with shares in it, and its gradient."""
        fill(self.batches.params, params)
        if x.ndim == 2 and large(len(x), self.size):
            room = self.batches.room(len(x))
            room.x[...], room.y[...], room.share[...] = x, y.reshape(room.y.shape), share
            with np.errstate(all="ignore"):
                value = self.batches.gradient(room)
        else:
            self.batches.g.fill(0)
            value = self.gradient(x.tobytes(), y.tobytes(), share.tobytes(), *self.rest, len(share))
        return value, tuple(LayerGrad(w, b) for w, b in copies(self.batches.grads))


def backprop(acts: Acts, loss: Loss, params: Params[F], batch: Batch) -> tuple[float, Grads[F]]:
    """The loss of a network for a batch and its gradient by the params, as `fnn.backprop`.

    Raises what `fnn.backprop` raises, and `TypeError` for params that are neither float32 nor
    float64 and for pairs that numba cannot compile.

    >>> from fnn.activations import identity
    >>> from fnn.base import Layer
    >>> from fnn.losses import squared_error
    >>> params = (Layer(np.array([[2.0]]), np.array([1.0])),)
    >>> batch = Batch(np.array([3.0]), np.array([6.0]))
    >>> backprop((identity,), squared_error, params, batch)
    (1.0, (LayerGrad(w=array([[6.]]), b=array([2.])),))
    """
    checks.check_loss(loss)
    checks.check_batch(batch)
    dtype = check_compiled(acts, params)
    x = shapes.check_input("batch.x", batch.x, params, dtype)
    output = np.empty((*x.shape[:-1], *params[-1].b.shape), dtype)
    y = shapes.check_target(batch.y, output, targets=loss.targets)
    share: NDArray[F] = np.full(x.shape[:-1] or 1, shapes.row_share(output), dtype)
    by_target = False
    if batch.weight is not None:
        weight = shapes.check_weight(batch.weight, x.shape[:-1], y.shape, dtype)
        _, y, weights, by_target = table(loss, x, y, weight)
        if weights is not None:
            share *= weights
        if by_target:
            check_terms(acts, loss, params, batch, dtype)
    if y.dtype is not dtype:  # class labels
        y = y.astype(dtype)
    key = (*map(id, acts), id(loss), by_target, dtype, *sizes_of(params))  # the ids of kept values
    kept = _memory.gradients.pop(key, None)  # a call that interrupts this one makes another
    if kept is None or kept.watch.changed():
        kept = Gradient(acts, loss, params, dtype, by_target=by_target)
    result = kept.of(params, x, y, share)
    remember(_memory.gradients, key, kept)
    return result
