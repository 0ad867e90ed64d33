"""Solvers in the user's units: factors and offsets of the data change nothing but rounding."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from fnn import Activation, Batch, Layer, forward, init, key, one_hot
from fnn.activations import identity, relu, sigmoid, tanh
from fnn.losses import absolute_error, huber, softmax_cross_entropy, squared_error
from fnn.random import normal
from fnn.solvers import (
    bayesian_regularization,
    lbfgs,
    levenberg_marquardt,
    scaled_conjugate_gradient,
)
from tests.support.networks import standard
from tests.support.refusals import refuses

ACTS = (tanh, identity)
X = standard(np.linspace(-1, 1, 60)[:, None])
Y = standard(np.sin(1.5 * X))
PARAMS = init(key(0), (1, 4, 1))

SOLVERS: dict[str, Any] = {
    "levenberg_marquardt": lambda p, d: islice(levenberg_marquardt(ACTS, p, d), 200),
    "bayesian_regularization": lambda p, d: islice(bayesian_regularization(ACTS, p, d), 200),
    "scaled_conjugate_gradient": lambda p, d: islice(
        scaled_conjugate_gradient(ACTS, squared_error, p, d), 800
    ),
    "lbfgs": lambda p, d: islice(lbfgs(ACTS, squared_error, p, d), 800),
}


def r_squared(acts: Any, params: Any, data: Batch) -> float:
    """The share of the variance of the targets that is explained."""
    error = np.square(forward(acts, params, data.x) - data.y).mean()
    return float(1 - error / np.var(data.y))


def end(states: Any) -> Any:
    *_, state = states
    return state


@pytest.mark.parametrize("solver", SOLVERS)
def test_factors_and_offsets_change_nothing_but_rounding(solver: str) -> None:
    plain = Batch(X, Y)
    expected = r_squared(ACTS, end(SOLVERS[solver](PARAMS, plain)).params, plain)
    assert expected > 0.999
    for factor_x, offset_x, factor_y, offset_y in (
        (1e-10, 0.0, 1e-10, 0.0),
        (1e10, 0.0, 1e10, 0.0),
        (1.0, 1e6, 1.0, 1e6),
        (1e-10, 0.0, 1e10, 1e6),
        (1e10, 1e6, 1e-10, 0.0),
    ):
        data = Batch(factor_x * X + offset_x, factor_y * Y + offset_y)
        state = end(SOLVERS[solver](PARAMS, data))
        assert r_squared(ACTS, state.params, data) == pytest.approx(expected, abs=5e-5)
        ratio = state.loss / np.var(data.y)
        assert ratio == pytest.approx(1 - r_squared(ACTS, state.params, data), abs=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_variation_that_rounding_has_destroyed_is_named(solver: str) -> None:
    data = Batch(1e-10 * X + 1e6, Y)
    refuses((ValueError, "data.x", "resolves", "subtract"), SOLVERS[solver], PARAMS, data)
    data = Batch(X, 1e-10 * Y + 1e6)
    refuses((ValueError, "data.y", "resolves", "subtract"), SOLVERS[solver], PARAMS, data)
    single = init(key(0), (1, 4, 1), dtype=np.float32)
    far = Batch(X + 1e6, Y)
    refuses((ValueError, "data.x", "float32 resolves"), SOLVERS[solver], single, far)
    moved = Batch(far.x - 1e6, Y)  # the remedy
    assert r_squared(ACTS, end(SOLVERS[solver](single, moved)).params, moved) > 0.999


T = np.arange(0, 10.05, 0.1)[:, None]
SI = {
    "1e-10 sin(x)": (Batch(T, 1e-10 * np.sin(T)), 15),
    "a pressure": (Batch(T / 5, 101325 + 5 * np.sin(3 * T / 5)), 6),
    "years": (Batch(1990 + 3 * T, np.sin(T / 2)), 8),
    "numbers of rows": (Batch(100 * T[:100], np.sin(T[:100] / 2)), 8),
    "both sides of 0": (Batch(200 * (T - 5), np.sin(T / 2)), 8),
    "a huge offset": (Batch(T / 5, 7e8 + 20 * np.sin(3 * T / 5)), 8),
}


@pytest.mark.parametrize("solver", ["levenberg_marquardt", "bayesian_regularization"])
@pytest.mark.parametrize("name", SI)
def test_params_of_init_fit_data_in_any_units(name: str, solver: str) -> None:
    """All 20 seeds are in ``python -m benchmarks.units``."""
    data, width = SI[name]
    for seed in range(3):
        states = SOLVERS[solver](init(key(seed), (1, width, 1)), data)
        assert r_squared(ACTS, end(states).params, data) >= 0.999


@pytest.mark.parametrize("solver", [levenberg_marquardt, bayesian_regularization])
@pytest.mark.parametrize("factor", [30.0, 300.0, 1e10])
@pytest.mark.parametrize("centered", [True, False])
def test_loud_targets_are_fit_from_every_seed(solver: Any, factor: float, centered: bool) -> None:
    """The output of `init` is next to nothing beside them: a start that has learned nothing."""
    x = np.arange(0, 10.05, 0.2)[:, None]
    y = np.sin(x) - (np.sin(x).mean() if centered else 0.0)
    data = Batch(standard(x) if centered else x, factor * y)
    for seed in range(4):
        fit = end(islice(solver(ACTS, init(key(seed), (1, 10, 1)), data), 100))
        assert r_squared(ACTS, fit.params, data) > 0.999


def test_the_given_start_comes_first_bit_by_bit_and_a_fit_is_gone_on_from() -> None:
    data = SI["years"][0]
    states = list(islice(levenberg_marquardt(ACTS, init(key(1), (1, 8, 1)), data), 40))
    assert states[0].params[0].w.tobytes() == init(key(1), (1, 8, 1))[0].w.tobytes()
    again = list(islice(levenberg_marquardt(ACTS, states[20].params, data), 10))
    assert again[0].loss == pytest.approx(states[20].loss, rel=1e-5)  # eps times 2000 / 9
    assert all(state.loss <= again[0].loss for state in again)


def test_the_last_pair_may_bend_and_units_still_do_not_matter() -> None:
    acts = (tanh, sigmoid)
    y = 0.2 + 0.1 * np.tanh(2 * X)
    params = init(key(2), (1, 4, 1))
    for data in (Batch(X, y), Batch(1e8 * X + 1e9, y)):
        state = end(islice(levenberg_marquardt(acts, params, data), 100))
        assert r_squared(acts, state.params, data) > 0.999
        assert state.loss == pytest.approx(
            np.square(forward(acts, state.params, data.x) - y).mean()
        )
        bayes = end(islice(bayesian_regularization(acts, params, data), 100))
        assert r_squared(acts, bayes.params, data) > 0.999


@pytest.mark.parametrize("loss", [absolute_error, huber(1e-3)])
def test_other_losses_of_residuals_take_the_units_of_the_targets(loss: Any) -> None:
    data = Batch(2000 + 10 * X, 101325 + 5 * Y)
    state = end(islice(lbfgs(ACTS, loss, PARAMS, data), 400))
    assert r_squared(ACTS, state.params, data) > 0.99


@pytest.mark.parametrize("solver", [lbfgs, scaled_conjugate_gradient])
def test_classes_are_learned_from_inputs_in_any_units(solver: Any) -> None:
    labels = (np.sin(3 * X[:, 0]) > 0).astype(int)
    params = init(key(0), (1, 12, 2))
    for x in (X, 1e-8 * X, 1e5 * X + 1e7):
        data = Batch(x, one_hot(labels, 2))
        state = end(islice(solver(ACTS, softmax_cross_entropy, params, data), 400))
        assert np.mean(forward(ACTS, state.params, x).argmax(1) == labels) > 0.97


def test_columns_in_different_units_are_seen_alike() -> None:
    x = normal(key(3), (80, 3))
    y = np.tanh(x[:, :1]) * x[:, 1:2] + x[:, 2:]
    raw = Batch(x * [1e-6, 1e4, 1.0] + [0.0, 1e6, 273.15], y)
    states = [
        end(islice(levenberg_marquardt(ACTS, init(key(4), (3, 8, 1)), data), 60))
        for data in (Batch(standard(x), y), raw)
    ]
    for state in states:  # rounding, grown by 60 solves
        assert state.loss < 1e-3 * np.var(y)


def test_a_constant_column_takes_no_part() -> None:
    data = Batch(np.column_stack([X, np.full(60, 1e9)]), Y)
    state = end(islice(levenberg_marquardt(ACTS, init(key(0), (2, 4, 1)), data), 60))
    assert r_squared(ACTS, state.params, data) > 0.999


def test_targets_that_are_constant_are_met() -> None:
    for value in (0.0, 1e-10, -7e8):
        data = Batch(X, np.full((60, 1), value))
        for solver in ("levenberg_marquardt", "bayesian_regularization", "lbfgs"):
            state = end(SOLVERS[solver](PARAMS, data))
            output = forward(ACTS, state.params, X)
            np.testing.assert_allclose(output, value, atol=1e-3 * abs(value) + 1e-6)


def test_huge_numbers_are_no_obstacle() -> None:
    data = Batch(np.array([[1e200], [2e200], [3e200]]), np.array([[1e120], [2e120], [3e120]]))
    state = end(levenberg_marquardt((identity,), init(key(0), (1, 1)), data))
    np.testing.assert_allclose(forward((identity,), state.params, data.x), data.y, rtol=1e-7)


DEAD = (Layer(np.ones((1, 4)), np.full(4, -1e3)), Layer(np.ones((4, 1)), np.zeros(1)))


@pytest.mark.parametrize("pair", [relu, tanh])
@pytest.mark.parametrize("solver", [levenberg_marquardt, bayesian_regularization])
def test_hidden_units_that_have_all_died_are_named(pair: Activation, solver: Any) -> None:
    state = end(solver((pair, identity), DEAD, Batch(X, Y)))
    assert state.stop == "dead"
    assert state.loss == pytest.approx(1.0, rel=1e-6)  # the best constant
    assert end(solver((pair, identity), DEAD, Batch(X, 0 * Y))).stop != "dead"


def test_a_fixed_hidden_layer_is_not_called_dead() -> None:
    state = end(levenberg_marquardt((relu, identity), DEAD, Batch(X, Y), mask=(False, True)))
    assert state.stop == "gradient"


def test_a_solver_that_has_not_moved_says_so() -> None:
    """Slopes that point uphill: no step along them lowers the loss."""
    wrong = Activation(lambda z: z + 0, lambda z, a: -np.ones_like(z), lambda z, a: 0 * z)
    line = init(key(0), (1, 1))
    solvers: list[Any] = [levenberg_marquardt, bayesian_regularization]
    for solver in solvers:
        first, last = solver((wrong,), line, Batch(X, Y))
        assert (last.number, last.stop) == (0, "unmoved")
        assert last.params[0].w.tobytes() == first.params[0].w.tobytes()
    *_, end_ = lbfgs((wrong,), squared_error, line, Batch(X, Y))
    assert end_.number == 0
    assert end_.stop is not None
    assert end_.stop.startswith("unmoved: ")


def numbers(states: Any) -> list[int]:
    return [state.number for state in states]


@pytest.mark.parametrize("solver", [levenberg_marquardt, bayesian_regularization])
def test_it_ends_by_itself(solver: Any) -> None:
    noisy = Batch(X, Y + 0.3 * normal(key(5), Y.shape))
    states = list(solver(ACTS, PARAMS, noisy, max_steps=5, min_grad=0.0))
    assert numbers(states) == list(range(6))
    assert [state.stop for state in states] == [None] * 5 + ["steps"]
    (only,) = solver(ACTS, PARAMS, noisy, max_steps=0)
    assert only.stop == "steps"


def test_without_a_limit_it_goes_on() -> None:
    noisy = Batch(X, Y + 0.3 * normal(key(5), Y.shape))
    params = init(key(0), (1, 9, 1))
    states = levenberg_marquardt(ACTS, params, noisy, max_steps=None, min_grad=0.0)
    assert len(list(islice(states, 1003))) == 1003


def test_units_that_one_sample_alone_keeps_alive_do_not_hold_up_the_others() -> None:
    """The mask keeps the start: all units are saturated but at x = 0, and slopes are rounding."""
    data = SI["both sides of 0"][0]
    free = np.arange(8)[None] > 0
    for seed in range(4):
        params = init(key(seed), (1, 8, 1))
        state = end(levenberg_marquardt(ACTS, params, data, mask=((free, True), True)))
        assert state.number > 0
        assert state.loss < 0.35 * np.var(data.y)  # as steps at 0 can do
