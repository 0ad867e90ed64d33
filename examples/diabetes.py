"""Diabetes: a regression in raw units, with a band that holds four of five patients.

Ten measurements of 442 patients, and how far the disease progressed in a year (the data come with
scikit-learn). The pinball loss of a quantile is least where that share of the targets lies below
the output: one network each for the quantiles 0.1, 0.5 and 0.9 makes a prediction with its band.
A band fitted to so few rows is too narrow for new ones. By how much to widen it is read off rows
that no network has seen: Romano, Patterson and Candes, "Conformalized quantile regression", 2019.

    pip install -e '.[examples]'
    python examples/diabetes.py
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np
from sklearn.datasets import load_diabetes

from fnn import Array, Batch, Params, forward, init, key
from fnn.activations import identity, tanh
from fnn.data import absorb, split, standardize
from fnn.losses import pinball
from fnn.optimizers import adamw
from fnn.random import fold_in
from fnn.train import fit

ACTS = (tanh, identity)
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
SHARE = HIGH - LOW


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    root = key(options.seed)
    x, y = map(np.asarray, load_diabetes(return_X_y=True, scaled=False))
    rest, test = split(fold_in(root, 0), 0.25, Batch(x, y[:, None]))
    train, calibration = split(fold_in(root, 1), 0.25, rest)
    scaled_x, inputs = standardize(train.x)
    scaled_y, outputs = standardize(train.y)

    def trained(quantile: float) -> Params:
        """Train for one quantile: params of a network that takes and gives raw units."""
        done = fit(
            ACTS,
            pinball(quantile),
            adamw(3e-3, decay=0.1),
            init(fold_in(root, 2), (10, 8, 1)),
            Batch(scaled_x, scaled_y),
            key=fold_in(root, 3),
            batch_size=32,
            max_epochs=options.epochs,
        )
        return absorb(done.params, inputs=inputs, outputs=outputs)

    low, middle, high = (trained(quantile) for quantile in (LOW, MIDDLE, HIGH))
    error = np.abs(forward(ACTS, middle, test.x) - test.y).mean()
    guess = np.abs(np.median(train.y) - test.y).mean()
    print(f"mean error of the median {error:.1f}; of guessing the same for all {guess:.1f}")

    def outside(data: Batch) -> Array:
        """Distance of each target from the band, negative inside."""
        below, above = forward(ACTS, low, data.x) - data.y, data.y - forward(ACTS, high, data.x)
        return np.maximum(below, above)[:, 0]

    missed = np.sort(outside(calibration))
    wider = missed[min(math.ceil(SHARE * (len(missed) + 1)), len(missed)) - 1]
    width = (forward(ACTS, high, test.x) - forward(ACTS, low, test.x)).mean()
    for name, more in (("as trained", 0.0), ("calibrated", wider)):
        inside = (outside(test) <= more).mean()
        print(f"{SHARE:.0%} band {name}: mean width {width + 2 * more:.0f}, covers {inside:.1%}")
    chance = math.sqrt(SHARE * (1 - SHARE) / len(test.x))
    print(f"standard error of such a share of {len(test.x)} patients: {chance:.1%}")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Predict diabetes, with a band of 80 %.")
    parser.add_argument("--seed", type=int, default=0, help="of data split and weights (default 0)")
    parser.add_argument("--epochs", type=int, default=50, metavar="N", help="default 50")
    options = parser.parse_args(arguments)
    if options.seed < 0 or options.epochs < 1:
        parser.error("--seed and --epochs: expected whole numbers of at least 0 and 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
