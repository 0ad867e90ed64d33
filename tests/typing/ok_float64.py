"""float64 is the default, and stays from init to the last epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, repeat
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import (
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Params,
    State,
    apply_updates,
    backprop,
    fold,
    forward,
    init,
    key,
    minibatches,
    one_hot,
    samples,
    scan,
    start,
    step,
    trace,
    train_step,
    vjp,
)
from fnn.activations import identity, leaky_relu, sigmoid, tanh
from fnn.base import Acts
from fnn.initializers import glorot_normal, orthogonal, uniform
from fnn.losses import huber, softmax_cross_entropy, squared_error
from fnn.network import LayerTrace
from fnn.optimizers import SgdState, sgd
from fnn.random import Key, fold_in, normal, permutation, split
from fnn.random import uniform as draw
from fnn.train import Epoch, epochs
from fnn.tree import leaves

acts: Acts = (tanh, leaky_relu(0.1), sigmoid)
params = init(key(0), (3, 4, 4, 2))
assert_type(params, Params)
assert_type(params, Params[np.float64])
assert_type(params[0], Layer)
assert_type(params[0].w, NDArray[np.float64])
assert {leaf.dtype for leaf in leaves(params)} == {np.dtype(np.float64)}
assert_type(init(key(0), [3, 1], glorot_normal), Params)
assert_type(init(key(0), (3, 1), w_init=orthogonal, b_init=uniform(0.0, 1.0)), Params)
assert_type(init(key(0), (3, 1), dtype=np.float64), Params)

output = forward(acts, params, [1, 2, 3])
assert_type(output, NDArray[np.float64])
assert output.dtype == np.float64
assert_type(forward(acts, params, np.ones((5, 3), np.int8)), NDArray[np.float64])

traced = trace(acts, params, [1.0, 2.0, 3.0])
assert_type(traced, tuple[LayerTrace, ...])
assert_type(traced[0].a, NDArray[np.float64])
assert {leaf.dtype for leaf in leaves(traced)} == {np.dtype(np.float64)}

output, pullback = vjp(acts, params, np.ones(3, np.float32))
grads, x_bar = pullback([1, 0])
assert_type(grads, Grads)
assert_type(grads[0], LayerGrad)
assert_type(x_bar, NDArray[np.float64])
assert x_bar.dtype == np.float64

data = Batch(normal(key(1), (7, 3)), draw(key(2), (7, 2)))
value, grads = backprop(acts, squared_error, params, data)
assert_type(value, float)
assert_type(grads, Grads[np.float64])
assert type(value) is float
assert {leaf.dtype for leaf in leaves(grads)} == {np.dtype(np.float64)}
assert_type(backprop(acts, huber(1.0), params, data), tuple[float, Grads])
assert_type(step(params, grads, 0.1), Params)
assert_type(step(params, grads, 1), Params)
assert_type(apply_updates(params, grads), Params)
assert {leaf.dtype for leaf in leaves(step(params, grads, 1))} == {np.dtype(np.float64)}

optimizer = sgd(0.1)
update = train_step(acts, squared_error, optimizer)
state = start(optimizer, params)
assert_type(state, State[np.float64, SgdState])
assert_type(update(state, data), tuple[State[np.float64, SgdState], float])
state, losses = scan(update, state, samples(data))
assert_type(state, State[np.float64, SgdState])
assert_type(losses, tuple[float, ...])
assert_type(state.params[0].w, NDArray[np.float64])
assert_type(state.opt.steps, int)
assert {leaf.dtype for leaf in leaves(state.params)} == {np.dtype(np.float64)}
assert {type(loss) for loss in losses} == {float}
assert_type(fold(lambda s, b: update(s, b)[0], state, samples(data)), State[np.float64, SgdState])
assert_type(scan(update, state, minibatches(key(3), 2, data))[0], State[np.float64, SgdState])
assert_type(scan(update, state, [data] * 3)[1], tuple[float, ...])
assert_type(scan(update, state, (batch for batch in samples(data)))[1], tuple[float, ...])
assert_type(start(sgd(lambda steps: 1 / (1 + steps)), params), State[np.float64, SgdState])

run = epochs(update, state, repeat(samples(data)))
assert_type(run, Iterator[Epoch[State[np.float64, SgdState]]])
epoch = next(run)
assert_type(epoch.state.params, Params)
assert_type(epoch.loss, float)
assert_type(epoch.number, int)
shuffled = (minibatches(fold_in(key(4), i), 3, data) for i in range(9))
last = [epoch.loss for epoch in islice(epochs(update, state, shuffled), 2)]
assert_type(last, list[float])

assert_type(samples(data)[0], Batch)
assert_type(samples(data)[1:3], tuple[Batch, ...])
assert_type(minibatches(key(0), 2, data)[-1], Batch)
assert_type([len(batch.x) for batch in minibatches(key(0), 2, data)], list[int])
assert_type(one_hot([0, 2], 3), NDArray[np.float64])
assert_type(one_hot(np.array([0, 2]), 3), NDArray[np.float64])
assert one_hot([0, 2], 3).dtype == np.float64
labels = Batch(np.ones((2, 3)), np.eye(2))
assert_type(backprop((tanh, tanh, identity), softmax_cross_entropy, params, labels)[0], float)

assert_type(key(7), Key)
assert_type(split(key(7), 3), tuple[Key, ...])
assert_type(fold_in(key(7), 3), Key)
assert_type(draw(key(7), 3, -1, 1), NDArray[np.float64])
assert_type(normal(key(7), (3, 2)), NDArray[np.float64])
assert_type(permutation(key(7), 3), NDArray[np.intp])
assert permutation(key(7), 3).dtype == np.intp
