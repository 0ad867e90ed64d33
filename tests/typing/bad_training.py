"""Mistakes in training loops: one a line, each caught before it runs."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn import (
    Batch,
    Optimizer,
    Params,
    State,
    fold,
    init,
    key,
    minibatches,
    one_hot,
    samples,
    scan,
    start,
    train_step,
)
from fnn.activations import identity, tanh
from fnn.base import Acts, Grads
from fnn.losses import squared_error
from fnn.optimizers import SgdState, adam, chain, sgd
from fnn.random import fold_in, normal, permutation, split, uniform
from fnn.solvers import BayesianState, lbfgs, levenberg_marquardt, predict_interval
from fnn.train import (
    DivergenceError,
    Epoch,
    epochs,
    fit,
    guard,
    observe,
    progress_of,
    reduce_on_plateau,
)

acts: Acts = (tanh, identity)
params = init(key(0), (3, 4, 2))
single = init(key(0), (3, 4, 2), dtype=np.float32)
x, y = np.ones((5, 3)), np.ones((5, 2))
data = Batch(x, y)
optimizer = sgd(0.1)
update = train_step(acts, squared_error, optimizer)
state = start(optimizer, params)
OPTIONS: dict[str, Any] = {"key": key(1), "batch_size": 2, "max_epochs": 1}
done = fit(acts, squared_error, optimizer, params, data, **OPTIONS)


def count(grads: Grads[Any], steps: int, params: Params[Any]) -> tuple[Grads[Any], int]:
    return grads, steps + 1


counter = Optimizer(len, count)

# fit, and what its exceptions carry
fit(acts, squared_error, optimizer, data, params, **OPTIONS)  # type: ignore[arg-type]
fit(acts, squared_error, optimizer, update, data, **OPTIONS)  # type: ignore[arg-type]
fit(acts, squared_error, adam(0.1), state, data, **OPTIONS)  # type: ignore[arg-type]
fit(acts, squared_error, optimizer, state, data, **OPTIONS, metric_mode="least")  # type: ignore[arg-type]
progress_of(done)  # type: ignore[arg-type]
learned = progress_of(KeyboardInterrupt()).params  # type: ignore[union-attr]
learned = KeyboardInterrupt().progress  # type: ignore[attr-defined]
learned = DivergenceError(1, 1, 0.0, state).progress.params  # type: ignore[union-attr]
guard(update)(data, state)  # type: ignore[arg-type]
guard(0.1)  # type: ignore[type-var]
observe(0.5)  # type: ignore[call-arg]
chain(reduce_on_plateau, optimizer)  # type: ignore[call-overload]

# train_step and start
train_step(squared_error, acts, optimizer)  # type: ignore[arg-type]
train_step(acts, optimizer, squared_error)  # type: ignore[arg-type]
train_step(acts, squared_error)  # type: ignore[call-arg]
train_step(acts, squared_error, sgd)  # type: ignore[arg-type]
train_step(acts, squared_error, 0.1)  # type: ignore[arg-type]
train_step(acts, squared_error, optimizer.update)  # type: ignore[arg-type]
train_step((np.tanh, np.tanh), squared_error, optimizer)  # type: ignore[arg-type]
train_step(tanh, squared_error, optimizer)  # type: ignore[arg-type]
train_step(acts, tanh, optimizer)  # type: ignore[arg-type]
train_step(acts, np.subtract, optimizer)  # type: ignore[arg-type]
train_step(acts, squared_error, optimizer, params)  # type: ignore[call-arg]
start(params, optimizer)  # type: ignore[call-overload]
start(optimizer)  # type: ignore[call-overload]
start(optimizer, state)  # type: ignore[arg-type]
start(sgd, params)  # type: ignore[call-overload]
start(0.1, params)  # type: ignore[call-overload]
start(update, params)  # type: ignore[call-overload]
start(optimizer, (params, 0.1))  # type: ignore[arg-type]
sgd("0.1")  # type: ignore[arg-type]
sgd(None)  # type: ignore[arg-type]
sgd(lambda: 0.1)  # type: ignore[arg-type, misc]
sgd(lambda steps: "0.1")  # type: ignore[arg-type, return-value]
sgd(optimizer)  # type: ignore[arg-type]

# updates
update(params, data)  # type: ignore[arg-type]
update(state, x)  # type: ignore[arg-type]
update(state, (x, y))  # type: ignore[arg-type]
update(state)  # type: ignore[call-arg]
update(data, state)  # type: ignore[arg-type]
update(state.params, data)  # type: ignore[arg-type]
update((params, 0), data)  # type: ignore[arg-type]
update(start(counter, params), data)  # type: ignore[arg-type]
optimizer.update(state, data)  # type: ignore[arg-type, call-arg]
next_state: State = update(state, data)  # type: ignore[assignment]
loss_only: float = update(state, data)  # type: ignore[assignment]
print(update(state, data).params)  # type: ignore[attr-defined]
state.params = params  # type: ignore[misc]
state.opt = SgdState(1)  # type: ignore[misc]
state.opt.steps = 1  # type: ignore[misc]
print(state.opt.count_of_steps)  # type: ignore[attr-defined]
update.loss = squared_error  # type: ignore[misc]

# folds
scan(optimizer, state, samples(data))  # type: ignore[arg-type]
scan(update, params, samples(data))  # type: ignore[arg-type]
scan(update, samples(data), state)  # type: ignore[arg-type]
scan(update, state, data)  # type: ignore[arg-type]
scan(update, state, x)  # type: ignore[arg-type]
scan(update, state)  # type: ignore[call-arg]
scan(train_step, state, samples(data))  # type: ignore[arg-type]
fold(update, state, samples(data))  # type: ignore[arg-type]
print(scan(update, state, samples(data)).params)  # type: ignore[attr-defined]
losses: list[float] = scan(update, state, samples(data))[1]  # type: ignore[assignment]

# epochs
epochs(update, state, samples(data))  # type: ignore[arg-type]
epochs(update, state, data)  # type: ignore[arg-type]
epochs(optimizer, state, repeat(samples(data)))  # type: ignore[arg-type]
epochs(update, params, repeat(samples(data)))  # type: ignore[arg-type]
epochs(state, update, repeat(samples(data)))  # type: ignore[arg-type]
epochs(update, state, 3)  # type: ignore[arg-type]
epoch: Epoch[State] = epochs(update, state, repeat(samples(data)))  # type: ignore[assignment]
print(next(epochs(update, state, repeat(samples(data)))).params)  # type: ignore[attr-defined]
print([float(trained) for _, trained, _ in epochs(update, state, repeat(samples(data)))])  # type: ignore[arg-type]

# data
samples(x)  # type: ignore[arg-type]
samples(x, y)  # type: ignore[arg-type, call-arg]
samples((x, y))  # type: ignore[arg-type]
samples([data])  # type: ignore[arg-type]
minibatches(0, 2, data)  # type: ignore[arg-type]
minibatches(2, key(0), data)  # type: ignore[arg-type]
minibatches(key(0), data, 2)  # type: ignore[arg-type]
minibatches(key(0), 2.5, data)  # type: ignore[arg-type]
minibatches(key(0), 2, x)  # type: ignore[arg-type]
minibatches(key(0), 2, samples(data))  # type: ignore[arg-type]
minibatches([0], 2, data)  # type: ignore[arg-type]
Batch(x)  # type: ignore[call-arg]
Batch(x, y, 1.0)  # type: ignore[arg-type]
Batch([1.0, 2.0], y)  # type: ignore[arg-type]
Batch(x=x, target=y)  # type: ignore[call-arg]
samples(data)[0] = data  # type: ignore[index]
samples(data)["x"]  # type: ignore[call-overload]
samples(data).append(data)  # type: ignore[attr-defined]
one_hot([0, 1])  # type: ignore[call-overload]
one_hot([0, 1], 2.0)  # type: ignore[call-overload]
one_hot([0, 1], 2, int)  # type: ignore[type-var]
one_hot([0, 1], [0, 1])  # type: ignore[call-overload]

# keys
key("0")  # type: ignore[arg-type]
key(0.5)  # type: ignore[arg-type]
key([0])  # type: ignore[arg-type]
split(0)  # type: ignore[arg-type]
split([0, 1], 2)  # type: ignore[arg-type]
split(key(0), 2.0)  # type: ignore[arg-type]
fold_in(0, 1)  # type: ignore[arg-type]
fold_in(1, key(0))  # type: ignore[arg-type]
uniform(0, 3)  # type: ignore[call-overload]
uniform(3, key(0))  # type: ignore[call-overload]
uniform(key(0), (3.0, 2.0))  # type: ignore[arg-type]
uniform(key(0), 3, dtype=int)  # type: ignore[type-var]
uniform(key(0), 3, np.float32)  # type: ignore[call-overload]
normal(key(0))  # type: ignore[call-overload]
permutation(key(0), [1, 2, 3])  # type: ignore[arg-type]
permutation(np.random.default_rng(0), 3)  # type: ignore[arg-type]

# one floating type, or one optimizer's state, is not another
wide: State[np.float64, SgdState] = start(optimizer, single)  # type: ignore[arg-type]
narrow: State[np.float32, SgdState] = state  # type: ignore[assignment]
plain: State[np.float64, int] = state  # type: ignore[assignment]
trained_wide: Params = scan(update, start(optimizer, single), samples(data))[0].params  # type: ignore[assignment]
targets: NDArray[np.float32] = one_hot([0, 1], 2)  # type: ignore[assignment]
drawn: NDArray[np.float32] = uniform(key(0), 3)  # type: ignore[assignment]

# solvers
levenberg_marquardt(acts, squared_error, params, data)  # type: ignore[call-arg, arg-type]
levenberg_marquardt(acts, params, x, y)  # type: ignore[call-arg, arg-type]
levenberg_marquardt(params, acts, data)  # type: ignore[arg-type]
levenberg_marquardt(acts, params, data, 1e-3)  # type: ignore[call-arg,arg-type]
levenberg_marquardt(acts, params, data, chunk=0.5)  # type: ignore[arg-type]
levenberg_marquardt(acts, params, data, mask=True)  # type: ignore[arg-type]
levenberg_marquardt(acts, params, data).close()  # type: ignore[attr-defined]
first = levenberg_marquardt(acts, params, data)[0]  # type: ignore[index]
ended: bool = next(levenberg_marquardt(acts, params, data)).stop == "end"  # type: ignore[comparison-overlap]
lbfgs(acts, params, data)  # type: ignore[call-arg, arg-type]
predict_interval(acts, params, x)  # type: ignore[arg-type]
narrow_fit: BayesianState[np.float32] = next(levenberg_marquardt(acts, single, data))  # type: ignore[assignment]
