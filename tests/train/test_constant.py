"""A fit that is worse than a constant says so, with both numbers; one that is not says nothing."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

from fnn import Batch, fit, init, key, one_hot
from fnn.activations import identity, relu, tanh
from fnn.base import Loss
from fnn.initializers import zeros
from fnn.losses import (
    absolute_error,
    hinge,
    masked_loss,
    poisson,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from fnn.network import mean_loss
from fnn.optimizers import adam, sgd
from fnn.random import normal, uniform
from fnn.train import WorseThanConstantWarning
from fnn.train._constant import best_constant

X = normal(key(1), (200, 3))
NOISE = normal(key(2), (200, 2))
LABELS = np.arange(200) % 7 == 0
TARGETS: dict[str, tuple[Loss, Any]] = {
    "squared error": (squared_error, 5 + NOISE),
    "absolute error": (absolute_error, NOISE**3),
    "sigmoid": (sigmoid_cross_entropy, (NOISE > 0.7) * 1.0),
    "softmax": (softmax_cross_entropy, one_hot(LABELS.astype(int), 2)),
    "poisson": (poisson, np.floor(10 * uniform(key(3), (200, 2)))),
    "hinge": (hinge, np.where(NOISE > 0.7, 1.0, -1.0)),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", TARGETS)
def test_no_constant_on_a_grid_is_better_than_the_best(name: str, weighted: bool) -> None:
    """A grid for each target apart: the losses are sums over the targets.

    A softmax reads differences of outputs alone, so that the first of two goes through them all.
    The median of absolute errors knows of no weights.
    """
    loss, y = TARGETS[name]
    weight = np.ones(200)
    if weighted and name != "absolute error":
        weight = (0.5 + LABELS) / (0.5 + LABELS).mean()
    found = best_constant(loss, Batch(X, y, weight), np.zeros(2))
    apart = [slice(0, 2)] if name == "softmax" else [slice(0, 1), slice(1, 2)]
    least = 0.0
    for part in apart:
        outputs = np.zeros((200, len(range(2)[part])))
        means = []
        for t in np.linspace(-8, 8, 2001):
            outputs[:, 0] = t
            means.append(float(np.mean(weight * loss.f(outputs, y[:, part]))))
        least += min(means)
    assert found <= least * (1 + 1e-12)


def test_missing_targets_have_no_say() -> None:
    y = 5 + NOISE
    y[::3, 0] = np.nan
    best = best_constant(masked_loss(squared_error), Batch(X, y), np.zeros(2))
    assert best == pytest.approx(np.nansum((y - np.nanmean(y, axis=0)) ** 2) / 200, rel=1e-12)


def houses() -> Batch:
    """Prices by area, rooms and year, in units that nobody scaled."""
    area, rooms = 1500 + 500 * normal(key(4), (400, 1)), 3 + normal(key(5), (400, 1))
    year = 1900 + 120 * uniform(key(6), (400, 1))
    price = 200 * area + 2e4 * normal(key(7), (400, 1))
    return Batch(np.hstack([area, rooms, year]), price)


def test_descent_on_raw_prices_warns_with_both_numbers() -> None:
    data = houses()
    with pytest.warns(WorseThanConstantWarning, match="a loss of .* on the training data") as found:
        done = fit(
            (relu, identity),
            squared_error,
            sgd(0.01),
            init(key(0), (3, 16, 1)),
            data,
            key=key(1),
            batch_size=32,
            max_epochs=5,
        )
    ours, constant = map(float, re.findall(r"\d\.\d+e\+\d+", str(found[0].message)))
    assert ours == pytest.approx(
        mean_loss((relu, identity), squared_error, done.params, data), 1e-5
    )
    assert constant == pytest.approx(np.var(data.y), rel=1e-5)
    assert found[0].filename == __file__


def test_a_fit_that_has_learned_something_says_nothing() -> None:
    data = Batch(X, np.sin(X[:, :2]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(
            (tanh, identity),
            squared_error,
            adam(0.01),
            init(key(0), (3, 16, 2)),
            data,
            key=key(1),
            batch_size=32,
            max_epochs=20,
        )


def test_params_that_stay_at_the_best_constant_say_nothing() -> None:
    zero = init(key(0), (3, 2), zeros, zeros)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = NOISE - NOISE.mean(axis=0)
        fit(
            (identity,),
            squared_error,
            sgd(0.0),
            zero,
            Batch(X, y),
            key=key(1),
            batch_size=9,
            max_epochs=1,
        )
