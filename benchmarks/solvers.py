"""Levenberg-Marquardt against SciPy's (MINPACK) and, where installed, pyrenn's.

    python -m benchmarks.solvers

20 seeds of 1-10-1 and 4-16-1 (tanh, identity) on 500 points, to a mean squared error of 1e-4: for
at least as many seeds as ``least_squares(method="lm")`` given the same Jacobian, in 0.6 of its
median time. Then an iteration on 1000 points of 4-10-1, in 0.02 of pyrenn's. Both sides must first
agree on the residuals and the gradient. All are held to one core.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from benchmarks.pin import pin

pin(1)

import numpy as np  # after the threads are pinned
from scipy.optimize import least_squares

from benchmarks.timing import take_turns
from fnn import Array, Batch, Params, backprop, forward, init, key
from fnn.activations import identity, tanh
from fnn.derivatives import jacobian
from fnn.losses import squared_error
from fnn.random import uniform
from fnn.solvers import levenberg_marquardt
from fnn.tree import ravel

ACTS = (tanh, identity)
SEEDS, TURNS, GOAL = 20, 3, 1e-4


class ReachedError(Exception):
    """SciPy's "lm" has no callback to stop by."""


def curve() -> Batch:
    x = np.linspace(-1, 1, 500)[:, None]
    return Batch(x, np.sin(2 * np.pi * x) * np.exp(-x * x) + 0.3 * np.cos(5 * np.pi * x))


def surface() -> Batch:
    x = uniform(key(1), (500, 4), -1.0, 1.0)
    a, b, c, d = (x[:, [i]] for i in range(4))
    return Batch(x, np.sin(np.pi * a) * b + c * c - a * d / 2)


def by_fnn(params: Params, data: Batch) -> bool:
    *_, last = islice(levenberg_marquardt(ACTS, params, data, goal=GOAL), 2000)
    return last.stop == "goal"


def as_residuals(
    params: Params, data: Batch
) -> tuple[Callable[[Array], Array], Callable[[Array], Array], Array]:
    vector, unravel = ravel(params)

    def residuals(vector: Array) -> Array:
        return (forward(ACTS, unravel(vector), data.x) - data.y).ravel()

    def slopes(vector: Array) -> Array:
        return jacobian(ACTS, unravel(vector), data.x)[:, 0]

    return residuals, slopes, vector


def by_scipy(params: Params, data: Batch) -> bool:
    residuals, slopes, start = as_residuals(params, data)

    def watched(vector: Array) -> Array:
        r = residuals(vector)
        if r @ r <= GOAL * len(r):
            raise ReachedError
        return r

    try:
        tight = {"xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12}
        least_squares(watched, start, slopes, method="lm", max_nfev=2000, **tight)
    except ReachedError:
        return True
    return False


def agree(params: Params, data: Batch) -> None:
    residuals, slopes, start = as_residuals(params, data)
    r = residuals(start)
    value, grads = backprop(ACTS, squared_error, params, data)
    first = next(levenberg_marquardt(ACTS, params, data))
    np.testing.assert_allclose(first.loss, value, rtol=1e-12)
    np.testing.assert_allclose(r @ r / len(r), value, rtol=1e-12)
    np.testing.assert_allclose(2 / len(r) * r @ slopes(start), ravel(grads)[0], atol=1e-12)


def compare(title: str, sizes: tuple[int, ...], data: Batch) -> None:
    reached = {"fnn": 0, "scipy": 0}
    took: dict[str, list[float]] = {"fnn": [], "scipy": []}
    for seed in range(SEEDS):
        params = init(key(seed), sizes)
        agree(params, data)
        for solver, solve in (("fnn", by_fnn), ("scipy", by_scipy)) * TURNS:
            begun = time.perf_counter()
            done = solve(params, data)
            took[solver].append(time.perf_counter() - begun)
            reached[solver] += done
    own, theirs = (statistics.median(took[solver]) for solver in ("fnn", "scipy"))
    print(
        f"{title}: fnn {reached['fnn'] // TURNS} of {SEEDS} seeds, median {own * 1e3:.1f} ms;"
        f" SciPy {reached['scipy'] // TURNS}, {theirs * 1e3:.1f} ms; fnn takes {own / theirs:.2f}"
    )


def iterations(steps: int = 10) -> None:
    if not importlib.util.find_spec("pyrenn"):
        print("pyrenn is not installed")
        return
    pyrenn: Any = importlib.import_module("pyrenn")
    params = init(key(0), (4, 10, 1))
    # Within 1, or pyrenn would scale them.
    data = Batch(uniform(key(1), (1000, 4), -1.0, 1.0), uniform(key(2), (1000, 1), -1.0, 1.0))
    (w, b), (v, c) = params
    net = pyrenn.CreateNN([4, 10, 1])
    start = pyrenn.Wb2w(net, {(1, 1, 0): w.T}, {(2, 1, 0): v.T}, {1: b, 2: c})
    net["w"] = start
    x, y = data.x.T, data.y.T
    errors = pyrenn.calc_error(net, pyrenn.prepare_data(x, y, net)[0])
    np.testing.assert_allclose(errors / 1000, next(levenberg_marquardt(ACTS, params, data)).loss)

    def theirs() -> None:
        net["w"] = start
        with contextlib.redirect_stdout(io.StringIO()):
            pyrenn.train_LM(x, y, net, k_max=steps, E_stop=0.0)

    def own() -> None:
        for _ in islice(levenberg_marquardt(ACTS, params, data), steps + 1):
            pass

    times = take_turns({"fnn": own, "pyrenn": theirs}, turns=3, seconds=0.0)
    mine, other = (statistics.median(times[name]) / steps * 1e3 for name in ("fnn", "pyrenn"))
    print(
        f"1000 x 4, 61 weights, an iteration: fnn {mine:.2f} ms, pyrenn {other:.0f} ms;"
        f" fnn takes {mine / other:.4f}"
    )


if __name__ == "__main__":
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}, one core")
    compare("1-10-1", (1, 10, 1), curve())
    compare("4-16-1", (4, 16, 1), surface())
    iterations()
