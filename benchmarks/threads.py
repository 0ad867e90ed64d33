"""What a second core is worth to the compiled engine, which lets go of Python's lock.

    python -m benchmarks.threads

Two threads with a network each against one thread with both, and `train_many` of 1,000 networks on
two threads against one: 8-3-8, online, in float64. Bar: 1.8 times as fast. The results of either
must be the same to the bit.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from typing import Any

from benchmarks.pin import pin

pin(2)

import numpy as np  # after the threads are pinned

from benchmarks.timing import ratios, take_turns
from fnn import Batch, compiled, init, key, samples, start, train_step
from fnn.activations import sigmoid
from fnn.initializers import uniform
from fnn.losses import squared_error
from fnn.optimizers import sgd
from fnn.tree import leaves

UPDATE = train_step((sigmoid, sigmoid), squared_error, sgd(0.5))
STATES = compiled.ensemble(
    key(0), 1000, lambda k: start(UPDATE.optimizer, init(k, (8, 3, 8), uniform(), uniform()))
)
PASS = samples(Batch(np.eye(8), np.eye(8)))


def one(state: Any) -> Any:
    return compiled.train(UPDATE, state, repeat(PASS, 100_000))


def compare(name: str, alone: Callable[[], Any], together: Callable[[], Any]) -> None:
    for a, b in zip(leaves(alone()), leaves(together()), strict=True):
        np.testing.assert_array_equal(a, b)
    times = take_turns({"alone": alone, "together": together}, turns=15)
    low, middle, high = statistics.quantiles(ratios(times, "alone", "together"), n=4)
    print(f"{name}: {middle:.2f} [{low:.2f}, {high:.2f}] times as fast")


def main() -> None:
    with ThreadPoolExecutor(2) as pool:
        two = STATES[:2]
        compare(
            "two networks on two threads",
            lambda: tuple(map(one, two)),
            lambda: tuple(pool.map(one, two)),
        )
    many = partial(compiled.train_many, UPDATE, STATES, [PASS] * 1000)
    compare("1,000 networks of train_many", partial(many, threads=1), partial(many, threads=2))


if __name__ == "__main__":
    main()
