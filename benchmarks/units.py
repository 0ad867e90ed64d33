"""Fits in the user's units from 20 seeds, and the most probable of 12 starts.

    python -m benchmarks.units

Six sets of data in SI units, as people have them: R^2 of at least 0.999 in at most 300 steps for
all of 20 seeds of `init`, by Levenberg-Marquardt and by Bayesian regularization. Then
scikit-learn's diabetes with 10 units, 12 starts for each of 4 splits: how far the test correlation
of the start with the greatest evidence is below that of the best one, 0.01 at most on average.
Exits with 1 if not.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.datasets import load_diabetes

from fnn import Array, Batch, Params, forward, init, key
from fnn.activations import identity, tanh
from fnn.data import standardize
from fnn.random import permutation
from fnn.solvers import bayesian_regularization, bayesian_starts, finish, levenberg_marquardt

ACTS = (tanh, identity)
SEEDS, STEPS, LEAST = 20, 300, 0.999
STARTS, SPLITS, GAP = 12, 4, 0.01

T = np.arange(0, 10.05, 0.1)[:, None]
DATA = {
    "1e-10 sin(x)": (15, T, 1e-10 * np.sin(T)),
    "101325 + 5 sin(3x)": (6, T / 5, 101325 + 5 * np.sin(3 * T / 5)),
    "years 1990 to 2020": (8, 1990 + 3 * T, np.sin(T / 2)),
    "rows 0 to 9999": (8, 99.99 * T, np.sin(T / 2)),
    "-1000 to 1000": (8, 200 * (T - 5), np.sin(T / 2)),
    "7e8 + 20 sin(3x)": (8, T / 5, 7e8 + 20 * np.sin(3 * T / 5)),
}


def r_squared(params: Params, x: Array, y: Array) -> float:
    return float(1 - np.square(forward(ACTS, params, x) - y).mean() / np.var(y))


def in_any_units() -> bool:
    good = True
    for name, (width, x, y) in DATA.items():
        found: dict[str, list[float]] = {"Levenberg-Marquardt": [], "Bayes": []}
        for seed in range(SEEDS):
            params, data = init(key(seed), (1, width, 1)), Batch(x, y)
            plain = finish(levenberg_marquardt(ACTS, params, data, max_steps=STEPS)).state
            bayes = finish(bayesian_regularization(ACTS, params, data, max_steps=STEPS)).state
            found["Levenberg-Marquardt"].append(r_squared(plain.params, x, y))
            found["Bayes"].append(r_squared(bayes.params, x, y))
        for solver, values in found.items():
            reached = sum(value >= LEAST for value in values)
            good &= reached == SEEDS
            print(f"{name}: {solver} {reached} of {SEEDS} seeds, least R^2 {min(values):.6f}")
    return good


def most_probable() -> bool:
    x, y = map(np.asarray, load_diabetes(return_X_y=True))
    gaps = []
    for split in range(SPLITS):
        order = permutation(key(split), len(x))
        train, test = order[:310], order[310:]
        (scaled, inputs), targets = standardize(x[train]), standardize(y[train, None])[0]
        states = bayesian_starts(
            key(split), STARTS, ACTS, lambda k: init(k, (10, 10, 1)), Batch(scaled, targets)
        )
        rows = inputs.apply(x[test])
        r = [np.corrcoef(forward(ACTS, s.params, rows)[:, 0], y[test])[0, 1] for s in states]
        gaps.append(max(r) - r[0])
        print(
            f"diabetes, split {split}: {states[0].effective:.0f} effective params of 121, test R"
            f" {r[0]:.3f}; all starts {min(r):.3f} to {max(r):.3f}, mean {np.mean(r):.3f}"
        )
    print(f"the most probable is {np.mean(gaps):.4f} below the best, on average")
    return float(np.mean(gaps)) <= GAP


if __name__ == "__main__":
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}")
    sys.exit(not (in_any_units() & most_probable()))
