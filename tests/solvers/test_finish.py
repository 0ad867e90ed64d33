"""A walk is run to its end: its best state, its reason and its history."""

from __future__ import annotations

from itertools import islice
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from fnn import Batch, init, key
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.plot import plot_history
from fnn.random import normal
from fnn.solvers import (
    bayesian_regularization,
    finish,
    lbfgs,
    levenberg_marquardt,
    scaled_conjugate_gradient,
)
from tests.support.refusals import Expected, refuses

mpl.use("Agg")
ACTS = (tanh, identity)
X = np.linspace(-1, 1, 30)[:, None]
NOISE = 0.3 * normal(key(0), (2, 30, 1))
TRAIN, HELD = Batch(X, np.sin(3 * X) + NOISE[0]), Batch(X, np.sin(3 * X) + NOISE[1])
PARAMS = init(key(5), (1, 12, 1))


def test_the_best_state_is_that_of_the_least_validation_loss() -> None:
    states = list(levenberg_marquardt(ACTS, PARAMS, TRAIN, validation=HELD))
    best, stop, history = finish(states)
    assert stop == states[-1].stop == "validation"
    assert best.validation == min(history.validation)
    assert best.number == len(states) - 7  # six failures after it
    assert history.train == tuple(state.loss for state in states)
    assert len(history.validation) == len(history.train)
    ax = plot_history(history)
    assert len(ax.lines) == 3  # training, validation and its least


def test_without_validation_data_the_last_state_is_the_best() -> None:
    walks: list[Any] = [
        bayesian_regularization(ACTS, PARAMS, TRAIN, max_steps=20),
        levenberg_marquardt(ACTS, PARAMS, TRAIN, max_steps=20),
        islice(scaled_conjugate_gradient(ACTS, squared_error, PARAMS, TRAIN), 21),
        islice(lbfgs(ACTS, squared_error, PARAMS, TRAIN), 21),
    ]
    for states in walks:
        best, _, history = finish(states)
        assert best.number == 20
        assert history.train[-1] == best.loss
        assert len(history.train) == 21
        assert history.validation == ()


def test_a_state_that_is_said_twice_counts_once() -> None:
    states = list(levenberg_marquardt((identity,), init(key(0), (1, 1)), TRAIN, min_grad=0.0))
    best, stop, history = finish(states)
    assert stop == best.stop == "mu"
    assert len(history.train) == len(states) - 1


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (PARAMS, (TypeError, "states", "levenberg_marquardt")),
        (3, (TypeError, "states", "int 3")),
        (next(levenberg_marquardt(ACTS, PARAMS, TRAIN)), (TypeError, "states", "LevenbergState")),
        ([], (ValueError, "states", "at least one")),
    ],
)
def test_other_things_are_refused(states: Any, expected: Expected) -> None:
    refuses(expected, finish, states)
