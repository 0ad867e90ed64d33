"""Bayesian regularization finds the evidence's maximum, and its intervals hold what they say."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from fnn import Batch, forward, init, key
from fnn.activations import identity, tanh
from fnn.base import Array
from fnn.derivatives import jacobian
from fnn.losses import squared_error
from fnn.network import mean_loss
from fnn.random import normal, uniform
from fnn.solvers import (
    BayesianState,
    bayesian_regularization,
    levenberg_marquardt,
    posterior,
    predict_interval,
)
from fnn.tree import leaves, ravel
from tests.support.networks import standard
from tests.support.refusals import Expected, refuses

LINEAR, ACTS = (identity,), (tanh, identity)
X = standard(normal(key(1), (30, 5)))  # so that the user's units are those of the solver
Y = standard(X[:, :2] @ np.array([[1.0], [-0.5]]) + 0.3 * normal(key(2), (30, 1)))
DATA = Batch(X, Y)
LINE = init(key(0), (5, 1))


def converged(acts: Any, params: Any, data: Batch, **options: Any) -> BayesianState[np.float64]:
    *_, state = bayesian_regularization(acts, params, data, **options)
    assert state.stop in ("gradient", "mu")
    return state


def log_evidence(alpha: float, beta: float, design: Array, y: Array) -> float:
    """Of a linear model: the targets are normal, with no params left in the formula."""
    covariance = np.eye(len(y)) / beta + design @ design.T / alpha
    return float(-np.linalg.slogdet(covariance)[1] - y @ np.linalg.solve(covariance, y)) / 2


def test_a_linear_model_gets_the_greatest_evidence() -> None:
    state = converged(LINEAR, LINE, DATA, min_grad=1e-11)
    design, y = np.column_stack([X, np.ones(30)]), Y[:, 0]
    best = log_evidence(state.alpha, state.beta, design, y)
    for factor in (0.999, 1.001):  # at a maximum both are worse, though by 1e-6 or so only
        assert log_evidence(factor * state.alpha, state.beta, design, y) < best
        assert log_evidence(state.alpha, factor * state.beta, design, y) < best
    # The mean of the posterior, by a general solver.
    precision = state.alpha * np.eye(6) + state.beta * design.T @ design
    mean = np.linalg.solve(precision, state.beta * design.T @ y)
    np.testing.assert_allclose(ravel(state.params)[0], mean, rtol=1e-8, atol=1e-9)
    gamma = 6 - state.alpha * np.trace(np.linalg.inv(precision))  # MacKay's other formula
    assert state.effective == pytest.approx(gamma, rel=1e-8)


def test_the_interval_of_a_linear_model_is_that_of_bayesian_regression() -> None:
    state = converged(LINEAR, LINE, DATA)
    design, new = np.column_stack([X, np.ones(30)]), normal(key(3), (7, 5))
    covariance = np.linalg.inv(state.alpha * np.eye(6) + state.beta * design.T @ design)
    rows = np.column_stack([new, np.ones(7)])
    variance = np.einsum("np,pq,nq->n", rows, covariance, rows)[:, None]
    known = posterior(LINEAR, state, DATA)
    for noise, total in ((True, variance + 1 / state.beta), (False, variance)):
        got = predict_interval(LINEAR, known, new, level=0.9, noise=noise)
        half = 1.6448536269514722 * np.sqrt(total)  # the 95 % point of the normal distribution
        np.testing.assert_array_equal(got.output, forward(LINEAR, state.params, new))
        np.testing.assert_allclose(got.high - got.output, half, rtol=1e-10)
        np.testing.assert_allclose(got.output - got.low, half, rtol=1e-10)
        assert not got.low.flags.writeable
        assert not got.high.flags.writeable


def test_several_outputs_have_the_intervals_of_their_own_rows_of_the_jacobian() -> None:
    weight = uniform(key(5), 30)
    x = standard(X, weight)
    data = Batch(x, standard(np.column_stack([Y, np.sin(X[:, :1])]), weight), weight)
    (*_, state) = islice(bayesian_regularization(ACTS, init(key(4), (5, 3, 2)), data), 40)
    root = np.sqrt(30 * weight / weight.sum())[:, None] * np.sqrt(state.betas)
    rows = (root[:, :, None] * jacobian(ACTS, state.params, x)).reshape(60, -1)
    covariance = np.linalg.inv(state.alpha * np.eye(rows.shape[1]) + rows.T @ rows)
    new, known = jacobian(ACTS, state.params, x[:4]), posterior(ACTS, state, data, chunk=3)
    variance = np.einsum("nkp,pq,nkq->nk", new, covariance, new)
    got = predict_interval(ACTS, known, x[:4], level=0.5, noise=False)
    half = 0.6744897501960817 * np.sqrt(variance)
    # The covariance has a condition of 1e4 or so.
    np.testing.assert_allclose((got.high - got.low) / 2, half, rtol=1e-9)
    alone = predict_interval(ACTS, known, x[2], level=0.5, noise=False)
    assert alone.low.shape == (2,)
    np.testing.assert_allclose(alone.low, got.low[2], rtol=1e-12)


def sinc(spread: float) -> tuple[Batch, Batch]:
    x = np.linspace(-1, 1, 60)[:, None]
    y = np.sinc(3 * x)
    return Batch(x, y + spread * normal(key(7), x.shape)), Batch(x, y)


def test_noisy_sinc_takes_few_of_91_params_and_is_not_overfitted() -> None:
    noisy, clean = sinc(0.2)
    params = init(key(1), (1, 30, 1))
    *_, fitted = islice(levenberg_marquardt(ACTS, params, noisy), 150)
    *_, state = islice(bayesian_regularization(ACTS, params, noisy), 150)
    assert state.effective < 20 < 91
    assert abs(state.beta**-0.5 - 0.2) < 0.05  # 60 samples tell the noise within a tenth or so
    overfit = mean_loss(ACTS, squared_error, fitted.params, clean)
    assert mean_loss(ACTS, squared_error, state.params, clean) < overfit / 2
    inside = predict_interval(ACTS, posterior(ACTS, state, noisy), clean.x, noise=False)
    # On average over noise it is 0.91, as it is where nothing is standardized inside.
    assert np.mean((inside.low <= clean.y) & (clean.y <= inside.high)) > 0.8


def test_each_state_belongs_together() -> None:
    noisy = sinc(0.1)[0]
    data = Batch(standard(noisy.x), standard(noisy.y))
    for state in islice(bayesian_regularization(ACTS, init(key(8), (1, 9, 1)), data), 60):
        square = float(np.square(ravel(state.params)[0]).sum())
        assert state.alpha == pytest.approx(state.effective / square, rel=1e-12)
        assert state.beta == pytest.approx((60 - state.effective) / (60 * state.loss), rel=1e-12)
        assert state.penalty <= state.alpha / state.beta / 60 * (1 + 1e-12)
        assert 0 < state.effective < 28
    assert state.penalty == pytest.approx(state.alpha / state.beta / 60, rel=1e-12)


def test_samples_of_weight_0_are_as_if_they_were_not_there() -> None:
    data = sinc(0.1)[0]
    weight = (np.arange(60) % 3 > 0) * uniform(key(9), 60)
    kept = weight > 0
    some = Batch(data.x[kept], data.y[kept], weight[kept])
    params = init(key(8), (1, 9, 1))
    *_, a = islice(bayesian_regularization(ACTS, params, data._replace(weight=weight)), 9)
    *_, b = islice(bayesian_regularization(ACTS, params, some), 9)
    assert a[2:] == b[2:]
    there = predict_interval(ACTS, posterior(ACTS, a, data._replace(weight=weight)), data.x)
    here = predict_interval(ACTS, posterior(ACTS, b, some), data.x)
    np.testing.assert_array_equal(there.low, here.low)


def test_no_samples_have_no_intervals_and_a_mask_of_nothing_only_the_noise() -> None:
    state = converged(LINEAR, LINE, DATA)
    got = predict_interval(LINEAR, posterior(LINEAR, state, DATA), X[:0])
    assert [part.shape for part in got] == [(0, 1)] * 3
    nothing = posterior(LINEAR, state, DATA, mask=(False,))
    known = predict_interval(LINEAR, nothing, X, level=0.9)
    half = 1.6448536269514722 / np.sqrt(state.beta)
    np.testing.assert_allclose(known.high - known.output, half, rtol=1e-12)


def test_weights_count_relative_to_their_mean() -> None:
    data = sinc(0.1)[0]
    weight = uniform(key(9), 60)
    params = init(key(8), (1, 9, 1))
    for a, b in zip(
        islice(bayesian_regularization(ACTS, params, data._replace(weight=weight)), 5),
        islice(bayesian_regularization(ACTS, params, data._replace(weight=8 * weight)), 5),
        strict=True,
    ):
        assert a.beta == pytest.approx(b.beta, rel=1e-9)
        assert a.effective == pytest.approx(b.effective, rel=1e-9)


def test_a_mask_keeps_bits_and_its_params_out_of_the_count() -> None:
    line = (LINE[0]._replace(b=np.array([-0.0])),)
    state = converged(LINEAR, line, DATA, mask=((True, False),), min_grad=1e-10)
    assert state.params[0].b.tobytes() == line[0].b.tobytes()
    precision = state.alpha * np.eye(5) + state.beta * X.T @ X
    expected = np.linalg.solve(precision, state.beta * X.T @ Y)
    np.testing.assert_allclose(state.params[0].w, expected, rtol=1e-8, atol=1e-10)
    known = posterior(LINEAR, state, DATA, mask=((True, False),))
    got = predict_interval(LINEAR, known, X, noise=False)
    half = 1.959963984540054 * np.sqrt(np.einsum("np,pq,nq->n", X, np.linalg.inv(precision), X))
    np.testing.assert_allclose((got.high - got.output)[:, 0], half, rtol=1e-10)


def test_targets_that_are_fitted_perfectly_have_no_noise() -> None:
    zero = (LINE[0]._replace(w=np.zeros((5, 1)), b=np.zeros(1)),)
    (state,) = bayesian_regularization(LINEAR, zero, Batch(X, np.zeros((30, 1))))
    assert state.stop == "gradient"
    assert (state.alpha, state.beta) == (np.inf, np.inf)
    refuses((ValueError, "state.betas[0]", "finite", "inf"), posterior, LINEAR, state, DATA)


def test_it_stops_where_no_step_lowers_the_objective() -> None:
    *_, before, end = bayesian_regularization(LINEAR, LINE, DATA, min_grad=0.0)
    assert end.stop == "mu"
    assert end._replace(stop=None, mu=before.mu) == before
    assert end.gradient_norm < 1e-6  # of an objective whose rounding hides slopes below its root


def test_float32_stays_float32() -> None:
    params = init(key(8), (1, 9, 1), dtype=np.float32)
    data = sinc(0.1)[0]
    *_, state = islice(bayesian_regularization(ACTS, params, data), 30)
    interval = predict_interval(ACTS, posterior(ACTS, state, data), data.x)
    found = {leaf.dtype for leaf in leaves((state.params, interval))}
    assert found == {np.dtype(np.float32)}


STATE = next(bayesian_regularization(LINEAR, LINE, DATA))


KNOWN = posterior(LINEAR, STATE, DATA)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"level": 1.0}, (ValueError, "level", "between 0 and 1")),
        ({"level": "0.5"}, (TypeError, "level", "a number")),
        ({"posterior": STATE}, (TypeError, "posterior", "Posterior", "posterior(acts")),
        ({"x": X[:, :2]}, (ValueError, "x", "(30, 2)")),
    ],
)
def test_bad_input_of_intervals_is_refused(change: dict[str, Any], expected: Expected) -> None:
    arguments: dict[str, Any] = {"acts": LINEAR, "posterior": KNOWN, "x": X} | change
    refuses(expected, lambda: predict_interval(**arguments))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": LINE}, (TypeError, "state", "BayesianState")),
        ({"data": Batch(X, Y[:, 0])}, (ValueError, "data.y", "reshape")),
        ({"state": STATE._replace(betas=(1.0, 1.0))}, (ValueError, "state", "1 betas", "got 2")),
    ],
)
def test_bad_input_of_a_posterior_is_refused(change: dict[str, Any], expected: Expected) -> None:
    arguments: dict[str, Any] = {"acts": LINEAR, "state": STATE, "data": DATA} | change
    refuses(expected, lambda: posterior(**arguments))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"data": Batch(X[:0], Y[:0])}, (ValueError, "data.x", "at least one row")),
        ({"mu": -1.0}, (ValueError, "mu", "above 0")),
        ({"mu": 1e11}, (ValueError, "mu", "at most mu_max")),
        ({"mu_max": np.inf}, (ValueError, "mu_max", "finite")),
        ({"min_grad": -1.0}, (ValueError, "min_grad", "at least 0")),
        ({"chunk": -1}, (ValueError, "chunk", "at least 1")),
        ({"mask": True}, (TypeError, "mask", "a tuple")),
    ],
)
def test_bad_input_is_refused_at_once(change: dict[str, Any], expected: Expected) -> None:
    arguments: dict[str, Any] = {"acts": LINEAR, "params": LINE, "data": DATA} | change
    refuses(expected, lambda: bayesian_regularization(**arguments))


def test_a_posterior_that_is_not_proper_is_refused() -> None:
    flat = STATE._replace(alpha=0.0)
    same = Batch(np.zeros((30, 5)), Y)
    refuses((ValueError, "state", "proper"), posterior, LINEAR, flat, same)
