"""A training loop composed by hand: own activations, own schedule, stopping by itertools."""

from __future__ import annotations

from itertools import accumulate, dropwhile

import numpy as np

from fnn import Activation, Batch, Params, backprop, init, key, minibatches, step
from fnn.initializers import normal
from fnn.losses import squared_error
from fnn.random import fold_in
from fnn.testing import check_activation

sine = Activation(np.sin, lambda z, a: np.cos(z))
bent = Activation(lambda z: np.hypot(z, 1) / 2 + z, lambda z, a: z / np.hypot(z, 1) / 2 + 1)
acts = (sine, bent)
for pair in acts:
    check_activation(pair)

x = np.linspace(-2, 2, 64).reshape(-1, 1)
data = Batch(x, x * np.sin(2 * x))


def epoch(state: tuple[Params, float], number: int) -> tuple[Params, float]:
    params, total = state[0], 0.0
    rate = 0.1 / (1 + number / 500)  # a schedule is arithmetic
    for batch in minibatches(fold_in(key(1), number), 16, data):
        value, grads = backprop(acts, squared_error, params, batch)
        params = step(params, grads, rate)
        total += value * len(batch.x) / len(x)
    return params, total


first = (init(key(0), (1, 12, 1), normal()), np.inf)
states = enumerate(accumulate(range(2000), epoch, initial=first))
number, (params, loss) = next(dropwhile(lambda s: s[1][1] > 0.01, states))
print(f"mean squared error {loss:.4f} after {number} epochs")
