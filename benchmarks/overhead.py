"""What the API costs: `backprop` and `step` against the same mathematics inlined by hand.

    python -m benchmarks.overhead

Bars: 1.25 for one sample of 8-3-8 in float64, 1.05 for 128 rows of 784-128-10 in float32, and
25 ms for `import fnn` over `import numpy`. One BLAS thread; both must compute the same first.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.pin import pin

pin(1)

import numpy as np  # after the threads are pinned

from benchmarks.timing import microseconds, ratio, take_turns
from fnn import Batch, Params, backprop, init, key, step
from fnn.activations import sigmoid
from fnn.initializers import Initializer, glorot_uniform, uniform
from fnn.losses import squared_error
from fnn.random import normal
from fnn.tree import leaves

RATE = 0.1


def by_fnn(params: Params[Any], batch: Batch) -> tuple[float, Params[Any]]:
    value, grads = backprop((sigmoid, sigmoid), squared_error, params, batch)
    return value, step(params, grads, RATE)


def by_hand(params: Params[Any], batch: Batch) -> tuple[float, object]:
    """The textbook's lines for two layers, with the formulas of fnn's own pairs."""
    (w1, b1), (w2, b2) = params
    x, y, _ = batch
    z1 = x @ w1 + b1
    a1 = sigmoid.f(z1)
    z2 = a1 @ w2 + b2
    a2 = sigmoid.f(z2)
    r = a2 - y
    value = np.sum(r * r)
    d2 = 2 * r * sigmoid.df(z2, a2)
    if x.ndim == 1:
        d1 = (d2 @ w2.T) * sigmoid.df(z1, a1)
        dw1, db1, dw2, db2 = np.outer(x, d1), d1, np.outer(a1, d2), d2
    else:
        value, d2 = value / len(x), d2 / len(x)
        d1 = (d2 @ w2.T) * sigmoid.df(z1, a1)
        dw1, db1, dw2, db2 = x.T @ d1, d1.sum(axis=0), a1.T @ d2, d2.sum(axis=0)
    layers = (w1 - RATE * dw1, b1 - RATE * db1), (w2 - RATE * dw2, b2 - RATE * db2)
    return float(value), layers


def compare(
    title: str, sizes: tuple[int, ...], rows: int | None, dtype: type[np.floating[Any]], bar: float
) -> None:
    draw: Initializer = uniform() if rows is None else glorot_uniform
    params: Params[Any] = init(key(0), sizes, draw, dtype=dtype)
    leading = () if rows is None else (rows,)
    batch = Batch(
        normal(key(1), (*leading, sizes[0]), dtype=dtype),
        normal(key(2), (*leading, sizes[-1]), dtype=dtype),
    )
    tolerance = 50 * float(np.finfo(dtype).eps)
    for a, b in zip(leaves(by_fnn(params, batch)), leaves(by_hand(params, batch)), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    times = take_turns(
        {"fnn": lambda: by_fnn(params, batch), "hand": lambda: by_hand(params, batch)}
    )
    print(
        f"{title}: fnn {microseconds(times, 'fnn')}, by hand {microseconds(times, 'hand')},"
        f" ratio {ratio(times, 'fnn', 'hand')}, bar {bar}"
    )


def import_cost() -> None:
    # Bytecode is read, as after an installation, whatever this shell forbids to write.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def seconds(module: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)
        return time.perf_counter() - begun

    for module in ("numpy", "fnn"):
        seconds(module)  # writes the bytecode
    extra = sorted((seconds("fnn") - seconds("numpy")) * 1e3 for _ in range(21))
    low, middle, high = statistics.quantiles(extra, n=4)
    print(f"import fnn over import numpy: {middle:.1f} ms [{low:.1f}, {high:.1f}], bar 25")


if __name__ == "__main__":
    os.chdir(Path(__file__).parent.parent)
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}, one BLAS thread")
    compare("8-3-8, one sample, float64", (8, 3, 8), None, np.float64, 1.25)
    compare("784-128-10, 128 rows, float32", (784, 128, 10), 128, np.float32, 1.05)
    import_cost()
