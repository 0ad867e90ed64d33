"""Training, going on with it, and what its exceptions carry: dtypes and states stay known."""

from __future__ import annotations

import warnings
from itertools import repeat
from typing import Any, assert_type

import numpy as np

from fnn import Batch, State, fit, init, key, minibatches, samples, scan, start, train_step
from fnn.activations import identity, tanh
from fnn.base import Array, Params
from fnn.losses import squared_error
from fnn.optimizers import AdamState, adam, chain
from fnn.train import (
    DivergenceError,
    Fit,
    PlateauState,
    WorseThanConstantWarning,
    epochs,
    guard,
    observe,
    progress_of,
    progress_of_each,
    reduce_on_plateau,
)

warnings.simplefilter("ignore", WorseThanConstantWarning)
acts = (tanh, identity)
params = init(key(0), (3, 4, 2), dtype=np.float32)
data = Batch(np.eye(3), np.ones((3, 2)))
optimizer = chain(adam(0.01), reduce_on_plateau(0.5, patience=2))


def error(output: Array, target: Array) -> float:
    return float(np.abs(output - target).max())


done = fit(
    acts,
    squared_error,
    optimizer,
    params,
    data,
    key=key(1),
    batch_size=2,
    max_epochs=2,
    validation=data,
    metric=error,
    metric_mode="max",
    min_delta=0.01,
)
assert_type(done, Fit[np.float32, tuple[AdamState, PlateauState]])
assert_type(done.best, Params[np.float32])
again = fit(
    acts, squared_error, optimizer, done.state, data, key=key(1), batch_size=2, max_epochs=2
)
assert_type(again, Fit[np.float32, tuple[AdamState, PlateauState]])
further = fit(acts, squared_error, optimizer, again, data, key=key(1), batch_size=2, max_epochs=3)
assert_type(further, Fit[np.float32, tuple[AdamState, PlateauState]])
assert further.params[0].w.dtype == np.float32

update = train_step(acts, squared_error, optimizer)
state = start(optimizer, params)
guarded = guard(update)
state, losses = scan(guarded, state, samples(data))
assert_type(state, State[np.float32, tuple[AdamState, PlateauState]])
state = observe(state, losses[-1])
assert_type(state.opt[1].scale, float)
first = minibatches(key(2), 2, data)
for epoch in epochs(guarded, state, [first, first.shuffled(key(3))]):
    assert_type(epoch.state, State[np.float32, tuple[AdamState, PlateauState]])


def counting(steps: int, batch: Batch) -> tuple[int, float]:
    return steps + 1, 1.0


assert_type(guard(counting)(0, data), tuple[int, float])

try:
    for _ in epochs(guarded, state, repeat(())):
        pass
except ValueError as problem:
    learned = progress_of(problem)
    assert_type(learned, Fit[Any, Any] | None)
    assert_type(progress_of_each(problem), tuple[Fit[Any, Any], ...])
    assert learned is not None
    assert learned.history.train == ()

divergence = DivergenceError(1, 2, np.inf, state)
assert_type(divergence.epoch, int)
assert_type(divergence.what, str)
assert_type(divergence.progress, Fit[Any, Any] | None)
