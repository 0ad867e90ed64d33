"""The compiled engine has the types of the functions that it stands for."""

from __future__ import annotations

from itertools import repeat
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import Batch, Grads, State, compiled, init, key, minibatches, samples, start, train_step
from fnn.activations import tanh
from fnn.losses import squared_error
from fnn.optimizers import AdamState, SgdState, adam, sgd
from fnn.train import fit

data = Batch(np.eye(3), np.eye(3))
params = init(key(0), (3, 3), dtype=np.float32)
update = train_step((tanh,), squared_error, sgd(0.1))
state = start(update.optimizer, params)

after, losses = compiled.scan(update, state, samples(data))
assert_type(after, State[np.float32, SgdState])
assert_type(losses, tuple[float, ...])
assert after.params[0].w.dtype == np.float32

trained = compiled.train(update, state, repeat(minibatches(key(1), 2, data), 3), target=0.01)
assert_type(trained.state, State[np.float32, SgdState])

assert_type(compiled.forward((tanh,), params, data.x), NDArray[np.float32])
value, grads = compiled.backprop((tanh,), squared_error, params, data)
assert_type(value, float)
assert_type(grads, Grads[np.float32])

step = train_step((tanh,), squared_error, adam(0.1))
states = compiled.ensemble(key(0), 3, lambda k: start(step.optimizer, init(k, (3, 3))))
many = compiled.train_many(step, states, [samples(data)] * 2)
assert_type(many.states[0], State[np.float64, AdamState])
mean, spread = compiled.predict((tanh,), [s.params for s in many.states], data.x)
assert_type(mean, NDArray[np.float64])

done = fit(
    (tanh,),
    squared_error,
    sgd(0.1),
    params,
    data,
    key=key(2),
    batch_size=2,
    max_epochs=9,
    engine=compiled.scan,
)
assert_type(done.state, State[np.float32, SgdState])
