"""float32 params make everything float32, whatever the data are."""

from __future__ import annotations

from itertools import repeat
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import (
    Batch,
    Grads,
    Layer,
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
from fnn.activations import elu, gelu, identity, relu, silu
from fnn.base import Acts
from fnn.initializers import he_normal, zeros
from fnn.losses import pinball, softmax_cross_entropy
from fnn.network import LayerTrace
from fnn.optimizers import SgdState, sgd
from fnn.random import normal, uniform
from fnn.train import epochs
from fnn.tree import leaves

SINGLE = {np.dtype(np.float32)}

acts: Acts = (relu, elu(1.0), identity)
params = init(key(0), (3, 4, 4, 2), dtype=np.float32)
assert_type(params, Params[np.float32])
assert_type(params[0], Layer[np.float32])
assert_type(params[0].w, NDArray[np.float32])
assert {leaf.dtype for leaf in leaves(params)} == SINGLE
assert_type(init(key(0), (3, 2), he_normal, zeros, np.float32), Params[np.float32])
assert_type(init(key(0), (3, 2), dtype=np.dtype(np.float32)), Params[np.float32])

output = forward(acts, params, np.ones(3, np.float64))
assert_type(output, NDArray[np.float32])
assert output.dtype == np.float32
assert forward((gelu, silu, identity), params, [True, False, True]).dtype == np.float32

traced = trace(acts, params, np.ones((5, 3)))
assert_type(traced, tuple[LayerTrace[np.float32], ...])
assert {leaf.dtype for leaf in leaves(traced)} == SINGLE

output, pullback = vjp(acts, params, [1, 2, 3])
grads, x_bar = pullback(np.ones(2))
assert_type(grads, Grads[np.float32])
assert_type(x_bar, NDArray[np.float32])
assert x_bar.dtype == np.float32

data = Batch(np.ones((4, 3)), one_hot([0, 1, 1, 0], 2), np.arange(1, 5))
value, grads = backprop(acts, softmax_cross_entropy, params, data)
assert_type(value, float)
assert_type(grads, Grads[np.float32])
assert {leaf.dtype for leaf in leaves(grads)} == SINGLE
assert_type(step(params, grads, 0.1), Params[np.float32])
assert_type(apply_updates(params, grads), Params[np.float32])
assert {leaf.dtype for leaf in leaves(step(params, grads, float(np.float64(0.1))))} == SINGLE
assert {leaf.dtype for leaf in leaves(step(params, grads, np.float64(0.1)))} == SINGLE
assert {leaf.dtype for leaf in leaves(apply_updates(params, grads))} == SINGLE

update = train_step(acts, pinball(0.5), sgd(np.float64(0.1)))
state = start(update.optimizer, params)
assert_type(state, State[np.float32, SgdState])
state, losses = scan(update, state, minibatches(key(1), 3, data))
assert_type(state, State[np.float32, SgdState])
assert_type(losses, tuple[float, ...])
assert {leaf.dtype for leaf in leaves(state.params)} == SINGLE
assert {type(loss) for loss in losses} == {float}
rows = samples(data)
assert_type(scan(update, state, rows)[0].params, Params[np.float32])
assert_type(fold(lambda s, b: update(s, b)[0], state, rows), State[np.float32, SgdState])
epoch = next(epochs(update, state, repeat(rows)))
assert_type(epoch.state, State[np.float32, SgdState])
assert {leaf.dtype for leaf in leaves(epoch.state.params)} == SINGLE

assert_type(one_hot([0, 2], 3, np.float32), NDArray[np.float32])
assert_type(uniform(key(7), 3, dtype=np.float32), NDArray[np.float32])
assert_type(normal(key(7), (3, 2), 0.0, 2.0, dtype=np.float32), NDArray[np.float32])
assert uniform(key(7), 3, dtype=np.float32).dtype == np.float32
assert normal(key(7), 3, dtype=np.float32).dtype == one_hot(0, 3, np.float32).dtype == np.float32

half = init(key(0), (2, 1), dtype=np.float16)
assert_type(half, Params[np.float16])
assert forward((identity,), half, [1, 2]).dtype == np.float16
extended = init(key(0), (2, 1), dtype=np.longdouble)
assert_type(forward((identity,), extended, [1, 2]), NDArray[np.longdouble])
assert forward((identity,), extended, [1, 2]).dtype == np.longdouble
