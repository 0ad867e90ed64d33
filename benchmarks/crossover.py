"""Where the compiled engine hands its products to BLAS: its own loops against it, by size of batch.

    python -m benchmarks.crossover

For networks from 280 to 25,450 params, in both dtypes on one thread, batches of rows that make up
powers of two of rows times params: the time by loops over the time by BLAS, of training (Adam) and
of `forward`. `LARGE` and `FEW` in `fnn.compiled._plan.limits` are set to where it passes 1.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.pin import pin

pin(1)

import numpy as np  # after the threads are pinned

from benchmarks.timing import ratios, take_turns
from fnn import Batch, compiled, init, key, minibatches, start, train_step
from fnn.activations import identity, relu
from fnn.compiled._plan import limits
from fnn.losses import squared_error
from fnn.optimizers import adam
from fnn.random import normal

NETWORKS = (8, 16, 8), (20, 30, 5), (64, 32, 10), (50, 100, 20), (100, 100, 100, 10), (784, 32, 10)
POWERS = range(13, 21)


def by_either(call: Callable[[], object]) -> float:
    """The time of a call by loops over its time by BLAS."""

    def by_loops() -> None:
        limits.LARGE = limits.FEW = 2**40
        call()

    def by_blas() -> None:
        limits.LARGE = limits.FEW = 0
        call()

    times = take_turns({"loops": by_loops, "BLAS": by_blas}, turns=9)
    return statistics.median(ratios(times, "loops", "BLAS"))


def row(sizes: tuple[int, ...], dtype: np.dtype[Any], *, train: bool) -> list[float]:
    """The ratios of one network, NaN where a batch would have fewer than 2 rows."""
    acts = (relu,) * (len(sizes) - 2) + (identity,)
    params = init(key(0), sizes, dtype=dtype)
    size = sum(layer.w.size + layer.b.size for layer in params)
    update = train_step(acts, squared_error, adam(1e-4))
    state = start(update.optimizer, params)
    found = []
    for power in POWERS:
        rows = 2**power // size
        if rows < 2:
            found.append(float("nan"))
            continue
        n = rows * max(2, 2 ** (17 - power))
        x, y = normal(key(1), (n, sizes[0]), dtype=dtype), np.zeros((n, sizes[-1]), dtype)
        pass_ = minibatches(key(2), rows, Batch(x, y))
        if train:
            found.append(by_either(partial(compiled.scan, update, state, pass_)))
        else:
            found.append(by_either(partial(compiled.forward, acts, params, x[:rows])))
    return found


def main() -> None:
    for train in (True, False):
        print("training" if train else "forward", "loops / BLAS at", *(f"2^{p}" for p in POWERS))
        for dtype in map(np.dtype, (np.float64, np.float32)):
            for sizes in NETWORKS:
                figures = " ".join(f"{ratio:.2f}" for ratio in row(sizes, dtype, train=train))
                print(f"  {dtype} {'-'.join(map(str, sizes)):15s} {figures}", flush=True)


if __name__ == "__main__":
    main()
