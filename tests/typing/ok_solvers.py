"""Second-order training: states keep the params' dtype, and iterators compose."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from itertools import islice, takewhile
from operator import attrgetter
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import Batch, Params, forward, init, key
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.solvers import (
    BayesianState,
    DescentState,
    Finished,
    Interval,
    LeaveOneOut,
    LevenbergState,
    Posterior,
    Stop,
    bayesian_regularization,
    bayesian_starts,
    finish,
    lbfgs,
    leave_one_out,
    levenberg_marquardt,
    objective,
    posterior,
    predict_interval,
    scaled_conjugate_gradient,
)
from fnn.train import History

acts = (tanh, identity)
double = init(key(0), (3, 4, 2))
single = init(key(0), (3, 4, 2), dtype=np.float32)
x = np.arange(24.0).reshape(8, 3) / 24
data = Batch(x, np.sin(x[:, :2]))

states = levenberg_marquardt(acts, double, data, validation=data, mask=((True, False), True))
assert_type(states, Iterator[LevenbergState[np.float64]])
best = min(islice(states, 5), key=attrgetter("loss"))
assert_type(best.params, Params)
assert_type(best.stop, Stop | None)
assert_type(best.validation, float | None)
narrow = next(levenberg_marquardt(acts, single, data))
assert_type(narrow, LevenbergState[np.float32])
assert_type(forward(acts, narrow.params, x), NDArray[np.float32])
falling = [
    s.loss for s in takewhile(lambda s: s.loss > 0.1, levenberg_marquardt(acts, single, data))
]
assert_type(falling, list[float])

fit = partial(bayesian_regularization, acts)
state = next(fit(single, data))
assert_type(state, BayesianState[np.float32])
assert_type(state.effective, float)
assert_type(state.betas, tuple[float, ...])
known = posterior(acts, state, data)
assert_type(known, Posterior[np.float32])
assert_type(predict_interval(acts, known, x, level=0.9), Interval[np.float32])
starts = bayesian_starts(key(0), 2, acts, partial(init, sizes=(3, 4, 2)), data, max_steps=None)
assert_type(starts, tuple[BayesianState[np.float64], ...])
chosen = finish(levenberg_marquardt(acts, single, data, validation=data, max_steps=5))
assert_type(chosen, Finished[LevenbergState[np.float32]])
assert_type(chosen.state.params, Params[np.float32])
assert_type(chosen.history, History)
assert_type(finish(fit(single, data)).state.effective, float)
assert_type(leave_one_out(acts, double, data, penalty=0.1), LeaveOneOut[np.float64])

assert_type(
    scaled_conjugate_gradient(acts, squared_error, single, data), Iterator[DescentState[np.float32]]
)
walk = lbfgs(acts, squared_error, double, data)
assert_type(walk, Generator[DescentState[np.float64], None, None])
assert_type(next(walk).stop, str | None)
walk.close()
fun, start, unravel = objective(acts, squared_error, single, data)
assert_type(fun(start), tuple[float, NDArray[np.float64]])
assert_type(unravel(start), Params[np.float32])
assert_type(finish(lbfgs(acts, squared_error, double, data)), Finished[DescentState[np.float64]])
