"""Loops of the user's own: partial, reduce, fold, generic functions, no train_step at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from itertools import accumulate, takewhile
from typing import Any, TypeVar, assert_type

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn import (
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Loss,
    Params,
    State,
    backprop,
    fold,
    forward,
    init,
    key,
    minibatches,
    samples,
    scan,
    start,
    step,
    train_step,
)
from fnn.activations import identity, tanh
from fnn.base import Acts
from fnn.losses import squared_error
from fnn.optimizers import SgdState, sgd
from fnn.random import Key, fold_in
from fnn.tree import leaves

F = TypeVar("F", bound=np.floating[Any])

acts = (tanh, identity)
double = init(key(0), (3, 4, 2))
single = init(key(0), (3, 4, 2), dtype=np.float32)
data = Batch(np.eye(3), np.ones((3, 2)))

predict = partial(forward, acts)
assert_type(predict(double, [1, 2, 3]), NDArray[np.float64])
assert_type(predict(single, [1, 2, 3]), NDArray[np.float32])
assert predict(single, [1, 2, 3]).dtype == np.float32
fitted = partial(forward, acts, single)
assert_type(fitted(np.ones((2, 3))), NDArray[np.float32])
gradient = partial(backprop, acts, squared_error)
assert_type(gradient(single, data), tuple[float, Grads[np.float32]])
update = partial(train_step, acts, squared_error)(sgd(0.1))
assert_type(update(start(sgd(0.1), single), data), tuple[State[np.float32, SgdState], float])


def descend(params: Params[F], batch: Batch) -> Params[F]:
    """A step generic in the params' dtype."""
    _, grads = backprop(acts, squared_error, params, batch)
    return step(params, grads, 0.1)


def train(params: Params[F], batches: Iterable[Batch], rate: float) -> Iterator[Params[F]]:
    """A generator of params, to be stopped by itertools."""
    for batch in batches:
        yield params
        params = step(params, gradient(params, batch)[1], rate)


def ensemble(
    keys: tuple[Key, ...], dtype: type[F], average: Callable[[list[NDArray[F]]], NDArray[F]]
) -> NDArray[F]:
    members = [init(k, (3, 4, 2), dtype=dtype) for k in keys]
    return average([predict(params, [1, 2, 3]) for params in members])


def infer(acts: Acts, params: Params[F], xs: Iterable[ArrayLike]) -> list[NDArray[F]]:
    return [forward(acts, params, x) for x in xs]


def loss_of(loss: Loss, params: Params[Any], batch: Batch) -> float:
    return backprop(acts, loss, params, batch)[0]


def drop_bias_grads(grads: Grads[F]) -> Grads[F]:
    return tuple(LayerGrad(w, np.zeros_like(b)) for w, b in grads)


def prune(params: Params[F], threshold: float) -> Params[F]:
    return tuple(Layer(np.where(np.abs(w) < threshold, w.dtype.type(0), w), b) for w, b in params)


assert_type(descend(double, data), Params)
assert_type(descend(single, data), Params[np.float32])
assert_type(reduce(descend, samples(data), double), Params)
assert_type(reduce(descend, samples(data), single), Params[np.float32])
assert_type(fold(descend, single, minibatches(key(1), 2, data)), Params[np.float32])
assert {leaf.dtype for leaf in leaves(reduce(descend, samples(data), single))} == {
    np.dtype(np.float32)
}
history = list(accumulate(samples(data), descend, initial=double))
assert_type(history, list[Params])
enough = takewhile(lambda p: gradient(p, data)[0] > 0.5, train(single, [data] * 50, 0.2))
assert_type(list(enough), list[Params[np.float32]])
assert_type(infer(acts, single, [[1, 2, 3]]), list[NDArray[np.float32]])
assert_type(loss_of(squared_error, single, data), float)
assert_type(drop_bias_grads(gradient(single, data)[1]), Grads[np.float32])
assert_type(prune(single, 0.1), Params[np.float32])
assert_type(
    ensemble((key(1), fold_in(key(1), 2)), np.float32, lambda xs: xs[0]), NDArray[np.float32]
)

params = double
for epoch in range(3):
    for batch in minibatches(fold_in(key(2), epoch), 2, data):
        _, grads = backprop(acts, squared_error, params, batch)
        params = step(params, drop_bias_grads(grads), 0.1 / (1 + epoch))
assert_type(params, Params)


def counting(carry: tuple[int, Params[F]], batch: Batch) -> tuple[tuple[int, Params[F]], int]:
    steps, params = carry
    return (steps + 1, descend(params, batch)), steps


(steps, params), seen = scan(counting, (0, double), samples(data))
assert_type(steps, int)
assert_type(params, Params)
assert_type(seen, tuple[int, ...])
assert (steps, seen) == (3, (0, 1, 2))

encoder = params[:1]
assert_type(encoder, Params)
assert_type(forward(acts[:1], encoder, [1, 2, 3]), NDArray[np.float64])
joined = (*encoder, Layer(np.ones((4, 1)), np.zeros(1)))
assert forward(acts, joined, [1, 2, 3]).shape == (1,)
