"""The evidence, several starts, each output's noise, weights of outputs and missing targets."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn import Batch, forward, init, key, load, save
from fnn.activations import identity, tanh
from fnn.base import Array
from fnn.random import normal, permutation, uniform
from fnn.solvers import (
    bayesian_regularization,
    bayesian_starts,
    finish,
    leave_one_out,
    levenberg_marquardt,
    posterior,
    predict_interval,
)
from fnn.tree import leaves, ravel
from tests.support.networks import standard
from tests.support.refusals import refuses

LINEAR, ACTS = (identity,), (tanh, identity)
LINE = init(key(0), (3, 2))
X = normal(key(1), (75, 3))
Y = X @ normal(key(2), (3, 2)) + np.array([0.02, 0.5]) * normal(key(3), (75, 2))
MISSING = np.zeros(150, bool)
MISSING[permutation(key(4), 150)[:35]] = True
SOME = np.where(MISSING.reshape(75, 2), np.nan, Y)
KNOWN = (~MISSING).reshape(75, 2).astype(float)


def fitted(acts: Any, params: Any, data: Batch, **options: Any) -> Any:
    return finish(bayesian_regularization(acts, params, data, **options)).state


def log_density(state: Any, x: Array, y: Array, weight: Array, k: int) -> float:
    """The log density of output k of a linear model, in the user's units, with no params in it.

    The targets are normal with the mean m of the units in which the prior holds.
    """
    rows = weight[:, k] > 0
    mass = weight.sum(1)
    center = np.average(x, axis=0, weights=mass)
    scale = np.sqrt(np.average((x - center) ** 2, axis=0, weights=mass))
    design = np.column_stack([(x - center) / scale, np.ones(len(x))])[rows]
    w = weight[rows, k]
    mean = np.average(y[rows, k], weights=w)
    size = np.sqrt(np.average((y[rows, k] - mean) ** 2, weights=w))
    noise = np.diag(1 / (state.betas[k] * w * (weight > 0).sum() / weight.sum()))
    covariance = noise + size**2 * design @ design.T / state.alpha
    error = y[rows, k] - mean
    determinant = np.linalg.slogdet(2 * np.pi * covariance)[1]
    return float(-determinant - error @ np.linalg.solve(covariance, error)) / 2


@pytest.mark.parametrize("weight", [None, uniform(key(5), 75) + 0.1, uniform(key(5), (75, 2))])
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_evidence_of_a_linear_model_is_its_closed_form(
    outputs: int, weight: Array | None
) -> None:
    x, y = 3 * X + 100, 1e-3 * Y[:, :outputs] - 5
    if weight is not None and weight.ndim == 2:
        weight = weight[:, :outputs]
    every = np.ones(75) if weight is None else weight
    each = np.broadcast_to(every.reshape(75, -1), y.shape)
    state = fitted(LINEAR, init(key(0), (3, outputs)), Batch(x, y, weight), min_grad=1e-10)
    expected = sum(log_density(state, x, y, each, k) for k in range(outputs))
    assert state.log_evidence == pytest.approx(expected, rel=1e-10)


def test_the_evidence_has_the_units_of_the_targets() -> None:
    plain = fitted(LINEAR, LINE, Batch(X, Y), min_grad=1e-10)
    scaled = fitted(LINEAR, LINE, Batch(1e3 * X + 1e4, 1e-5 * Y + 1), min_grad=1e-10)
    # A density of 150 numbers that are 1e5 times as dense.
    assert scaled.log_evidence - plain.log_evidence == pytest.approx(150 * np.log(1e5), rel=1e-7)
    assert scaled.alpha == pytest.approx(plain.alpha, rel=1e-5)
    assert scaled.effective == pytest.approx(plain.effective, rel=1e-6)


def test_starts_are_ranked_by_their_evidence() -> None:
    x = standard(np.linspace(-1, 1, 50)[:, None])
    data = Batch(x, np.sinc(2 * x) + 0.1 * normal(key(6), x.shape))
    states = bayesian_starts(key(7), 5, ACTS, lambda k: init(k, (1, 8, 1)), data, max_steps=60)
    evidence = [state.log_evidence for state in states]
    assert evidence == sorted(evidence, reverse=True)
    assert len(set(evidence)) > 1
    assert all(state.stop is not None for state in states)
    again = bayesian_starts(key(7), 5, ACTS, lambda k: init(k, (1, 8, 1)), data, max_steps=60)
    assert [s.log_evidence for s in again] == evidence
    refuses(
        (ValueError, "n", "at least 1"),
        lambda: bayesian_starts(key(7), 0, ACTS, lambda k: init(k, (1, 8, 1)), data),
    )


def test_each_output_has_an_interval_for_its_own_noise() -> None:
    """Two outputs of noise 0.02 and 0.5: with one noise for both, coverage was 1.00 and 0.85."""

    def clean(x: Array) -> Array:
        return np.column_stack([np.sin(2 * x), x * np.cos(x)])

    sd, coverage = np.array([0.02, 0.5]), []
    for seed in range(3):
        x, new = (
            uniform(key(seed), (300, 1), -2.0, 2.0),
            uniform(key(90 + seed), (2000, 1), -2.0, 2.0),
        )
        data = Batch(x, clean(x) + sd * normal(key(10 + seed), (300, 2)))
        state = fitted(ACTS, init(key(seed), (1, 10, 2)), data)
        known = posterior(ACTS, state, data)
        np.testing.assert_allclose(known.noise, sd, rtol=0.1)
        got = predict_interval(ACTS, known, new)
        y = clean(new) + sd * normal(key(20 + seed), (2000, 2))
        coverage.append(((got.low < y) & (y < got.high)).mean(0))
    assert (np.abs(np.mean(coverage, axis=0) - 0.95) < 0.02).all()


def test_a_posterior_is_saved_and_needs_no_data(tmp_path: Path) -> None:
    state = fitted(LINEAR, LINE, Batch(X, Y))
    known = posterior(LINEAR, state, Batch(X, Y), mask=((True, False),))
    assert not any(leaf.flags.writeable for leaf in leaves(known))
    save(tmp_path / "posterior", known)
    read = load(tmp_path / "posterior", known)
    for a, b in zip(
        predict_interval(LINEAR, read, X[:3]), predict_interval(LINEAR, known, X[:3]), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_units_do_not_matter_to_intervals() -> None:
    plain = Batch(X, Y)
    moved = Batch(1e4 * X + 1e5, 1e-6 * Y + 1.0)
    a, b = (
        predict_interval(LINEAR, posterior(LINEAR, fitted(LINEAR, LINE, d), d), d.x)
        for d in (plain, moved)
    )
    np.testing.assert_allclose((b.high - b.low) * 1e6, a.high - a.low, rtol=1e-5)


def test_115_known_numbers_of_150_fit_as_they_should() -> None:
    data, hidden = Batch(X, SOME), Batch(X, np.where(MISSING.reshape(75, 2), 1e9, Y), KNOWN)
    params = finish(levenberg_marquardt(LINEAR, LINE, data, mu=1e-12, min_grad=1e-12)).state.params
    for k in range(2):
        rows = KNOWN[:, k] > 0
        design = np.column_stack([X, np.ones(75)])[rows]
        solution = np.linalg.lstsq(design, Y[rows, k])[0]
        np.testing.assert_allclose(np.vstack(params[0])[:, k], solution, rtol=1e-9, atol=1e-10)
    first, *_, last = bayesian_regularization(LINEAR, LINE, data, min_grad=1e-10)
    same = fitted(LINEAR, LINE, hidden, min_grad=1e-10)
    errors = (forward(LINEAR, LINE, X) - SOME) ** 2
    assert first.loss == pytest.approx(2 * np.nanmean(errors), rel=1e-12)
    assert same.log_evidence == last.log_evidence
    assert same.params[0].w.tobytes() == last.params[0].w.tobytes()
    # N is 115: the noise of each output is that of its known numbers, by the params they use up.
    left = 115 - last.effective
    assert last.beta == pytest.approx(left / (115 / 2 * last.loss), rel=1e-12)
    np.testing.assert_allclose(np.array(last.betas) ** -0.5, [0.02, 0.5], rtol=0.2)


@pytest.mark.parametrize("weighted", [True, False])
def test_a_nonlinear_fit_sees_what_is_known_alone(weighted: bool) -> None:
    weight = uniform(key(8), (75, 2)) + 0.2 if weighted else np.ones((75, 2))
    params = init(key(9), (3, 5, 2))
    missing = Batch(X, SOME, weight)
    zero = Batch(X, Y, weight * KNOWN)
    solvers: list[Any] = [levenberg_marquardt, bayesian_regularization]
    for solver in solvers:
        a = list(islice(solver(ACTS, params, missing), 12))[-1]
        b = list(islice(solver(ACTS, params, zero), 12))[-1]
        assert ravel(a.params)[0].tobytes() == ravel(b.params)[0].tobytes()
        assert a.loss == b.loss


def test_the_loss_of_weighted_outputs_is_that_of_backprop() -> None:
    from fnn import backprop
    from fnn.losses import squared_error

    weight = uniform(key(8), (75, 2))
    weight = weight / weight.mean()
    first = next(levenberg_marquardt(ACTS, init(key(9), (3, 5, 2)), Batch(X, Y, weight)))
    expected = backprop(ACTS, squared_error, first.params, Batch(X, Y, weight))[0]
    assert first.loss == pytest.approx(expected, rel=1e-12)


def test_held_out_targets_may_be_missing_too() -> None:
    held = Batch(X[:20], SOME[:20])
    state = next(levenberg_marquardt(LINEAR, LINE, Batch(X, Y), validation=held))
    expected = 2 * np.nanmean((forward(LINEAR, LINE, X[:20]) - SOME[:20]) ** 2)
    assert state.validation == pytest.approx(expected, rel=1e-12)


def test_residuals_without_a_row_are_those_of_refits_with_outputs_missing() -> None:
    weight = uniform(key(8), (75, 2)) + 0.2
    data = Batch(X, SOME, weight)
    options: dict[str, Any] = {"mu": 1e-12, "min_grad": 1e-11}
    params = finish(levenberg_marquardt(LINEAR, LINE, data, **options)).state.params
    leverage, residual = leave_one_out(LINEAR, params, data, chunk=7)
    assert leverage.sum() == pytest.approx(8, rel=1e-9)
    np.testing.assert_array_equal(np.isnan(residual), MISSING.reshape(75, 2))
    for i in (0, 3, 40):
        rest = Batch(np.delete(X, i, 0), np.delete(SOME, i, 0), np.delete(weight, i, 0))
        alone = finish(levenberg_marquardt(LINEAR, LINE, rest, **options)).state.params
        expected = forward(LINEAR, alone, X[i]) - SOME[i]
        np.testing.assert_allclose(residual[i], expected, rtol=1e-7, atol=1e-8)


def test_residuals_of_a_bayesian_fit_of_several_outputs_use_the_noise_of_each() -> None:
    data = Batch(standard(X), standard(Y))
    state = fitted(LINEAR, LINE, data, min_grad=1e-10)
    found = leave_one_out(LINEAR, state.params, data, penalty=state)
    assert found.leverage.sum() == pytest.approx(state.effective, rel=1e-6)
    design = np.column_stack([data.x, np.ones(75)])
    for k, beta in enumerate(state.betas):
        kept = np.delete(design, 5, 0)
        matrix = beta * kept.T @ kept + state.alpha * np.eye(4)
        theta = np.linalg.solve(matrix, beta * kept.T @ np.delete(data.y[:, k], 5))
        expected = design[5] @ theta - data.y[5, k]
        assert found.residual[5, k] == pytest.approx(expected, rel=1e-6)


def test_an_output_with_nothing_known_is_refused_by_bayes() -> None:
    nothing = Batch(X, np.column_stack([Y[:, 0], np.full(75, np.nan)]))
    refuses(
        (ValueError, "data.y", "output 1", "leave out"),
        bayesian_regularization,
        LINEAR,
        LINE,
        nothing,
    )
    assert finish(levenberg_marquardt(LINEAR, LINE, nothing)).stop in ("gradient", "mu")
