"""Residuals without refitting are those of true refits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fnn import Batch, Layer, forward, init, key
from fnn.activations import identity, tanh
from fnn.base import Array
from fnn.derivatives import jacobian
from fnn.random import normal, uniform
from fnn.solvers import leave_one_out, levenberg_marquardt
from fnn.tree import ravel
from tests.support.networks import standard
from tests.support.refusals import Expected, refuses

LINEAR, ACTS = (identity,), (tanh, identity)
X = normal(key(1), (25, 3))
Y = X @ normal(key(2), (3, 2)) + normal(key(3), (25, 2))
WEIGHT = 0.2 + uniform(key(4), 25)
LINE = init(key(0), (3, 2))


def fitted(acts: Any, params: Any, data: Batch, **options: Any) -> Any:
    *_, end = levenberg_marquardt(acts, params, data, min_grad=1e-10, **options)
    return end.params


def without(data: Batch, i: int) -> Batch:
    weight = None if data.weight is None else np.delete(data.weight, i)
    return Batch(np.delete(data.x, i, axis=0), np.delete(data.y, i, axis=0), weight)


def refits(acts: Any, params: Any, data: Batch, penalty: float = 0.0, **options: Any) -> Array:
    """The residual of each sample where the others are fitted, each by a run of its own."""
    weight = np.ones(len(data.x)) if data.weight is None else data.weight
    residuals = []
    for i in range(len(data.x)):
        kept = penalty * weight.sum() / np.delete(weight, i).sum()  # the same sum of squares
        alone = fitted(acts, params, without(data, i), penalty=kept, **options)
        residuals.append(forward(acts, alone, data.x[i]) - data.y[i])
    return np.array(residuals)


def ridge_refits(data: Batch, penalty: float) -> Array:
    """The same for a linear network, by LAPACK, with a penalty in the units of the data."""
    weight = np.ones(len(data.x)) if data.weight is None else data.weight
    design, share = np.column_stack([data.x, np.ones(len(data.x))]), weight / weight.sum()
    residuals = []
    for i in range(len(data.x)):
        kept = np.where(np.arange(len(data.x)) == i, 0.0, share)[:, None]
        matrix = design.T @ (kept * design) + penalty * np.eye(design.shape[1])
        theta = np.linalg.solve(matrix, design.T @ (kept * data.y))
        residuals.append(design[i] @ theta - data.y[i])
    return np.array(residuals)


@pytest.mark.parametrize("penalty", [0.0, 0.05])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("chunk", [None, 4])
def test_a_linear_network_gets_exactly_the_residuals_of_true_refits(
    weight: Array | None, penalty: float, chunk: int | None
) -> None:
    data = Batch(standard(X, weight), standard(Y, weight), weight)
    params = fitted(LINEAR, LINE, data, penalty=penalty, mu=1e-14)
    leverage, residual = leave_one_out(LINEAR, params, data, penalty=penalty, chunk=chunk)
    expected = ridge_refits(data, penalty)
    np.testing.assert_allclose(residual, expected, rtol=1e-9, atol=1e-10)
    design = np.column_stack([data.x, np.ones(25)])
    share = (np.ones(25) if weight is None else weight)[:, None]
    share = share / share.sum()
    gram = np.linalg.inv(design.T @ (share * design) + penalty * np.eye(4))
    hat = 2 * share[:, 0] * np.einsum("np,pq,nq->n", design, gram, design)  # for two outputs
    np.testing.assert_allclose(leverage, hat, rtol=1e-10)
    if penalty == 0:
        assert leverage.sum() == pytest.approx(8, rel=1e-10)  # the number of params
    assert not leverage.flags.writeable
    assert not residual.flags.writeable


def test_a_network_gets_nearly_the_residuals_of_true_refits() -> None:
    x = np.linspace(-2, 2, 60)[:, None]
    data = Batch(x, np.column_stack([np.tanh(2 * x), np.tanh(x)]) + 0.1 * normal(key(5), (60, 2)))
    start = init(key(6), (1, 2, 2))
    params = fitted(ACTS, start, data, penalty=1e-3)
    residual = leave_one_out(ACTS, params, data, penalty=1e-3).residual
    expected = refits(ACTS, params, data, 1e-3)
    plain = forward(ACTS, params, x) - data.y
    moved = np.abs(expected - plain)
    # To first order: what is left of how far each refit moves is a tenth of it.
    assert np.abs(residual - expected).sum() < 0.1 * moved.sum()
    assert np.corrcoef(np.ravel(residual - plain), np.ravel(expected - plain))[0, 1] > 0.99


def test_outputs_that_share_params_are_left_out_together() -> None:
    x = standard(X)
    data = Batch(x, standard(np.column_stack([np.tanh(x[:, 0]), x[:, 0] ** 2])))
    params = fitted(ACTS, init(key(8), (3, 3, 2)), data, penalty=1e-2)
    leverage, residual = leave_one_out(ACTS, params, data, penalty=1e-2)
    # What one step of Gauss and Newton without the sample gives, solved sample by sample.
    rows, theta = jacobian(ACTS, params, x), ravel(params)[0]
    errors = forward(ACTS, params, x) - data.y
    for i in (0, 7, 24):
        others = np.delete(rows, i, axis=0).reshape(48, -1)
        curvature = others.T @ others / 25 + 1e-2 * np.eye(len(theta))
        gradient = others.T @ np.delete(errors, i, axis=0).ravel() / 25 + 1e-2 * theta
        moved = errors[i] - rows[i] @ np.linalg.solve(curvature, gradient)
        np.testing.assert_allclose(residual[i], moved, rtol=1e-4, atol=1e-6)  # the fit's own rest
    assert (leverage > 0).all()
    assert (leverage < 2).all()


def test_a_sample_of_weight_0_has_no_leverage_and_its_plain_residual() -> None:
    data = Batch(X, Y, np.where(np.arange(25) == 3, 0.0, 1.0))
    params = fitted(LINEAR, LINE, data, mu=1e-14)
    leverage, residual = leave_one_out(LINEAR, params, data)
    assert leverage[3] == 0
    np.testing.assert_array_equal(residual[3], forward(LINEAR, params, X[3]) - Y[3])


@pytest.mark.parametrize("chunk", [None, 4])
def test_samples_of_weight_0_keep_their_places(chunk: int | None) -> None:
    weight = np.where(np.arange(25) % 4 == 0, 0.0, WEIGHT)
    params = fitted(LINEAR, LINE, Batch(X, Y, weight), mu=1e-14)
    leverage, residual = leave_one_out(LINEAR, params, Batch(X, Y, weight), chunk=chunk)
    kept = weight > 0
    some = leave_one_out(LINEAR, params, Batch(X[kept], Y[kept], weight[kept]))
    np.testing.assert_allclose(leverage[kept], some.leverage, rtol=1e-12)
    np.testing.assert_allclose(residual[kept], some.residual, rtol=1e-12)
    np.testing.assert_allclose(residual[~kept], (forward(LINEAR, params, X) - Y)[~kept])
    assert (leverage[~kept] == 0).all()


def test_with_no_free_params_no_sample_has_leverage() -> None:
    leverage, residual = leave_one_out(LINEAR, LINE, Batch(X, Y), mask=(False,))
    np.testing.assert_array_equal(leverage, np.zeros(25))
    np.testing.assert_array_equal(residual, forward(LINEAR, LINE, X) - Y)


def test_units_of_the_inputs_do_not_make_data_singular() -> None:
    unit = np.array([1.0, 2.0**30, 2.0**-30])
    (w, b), data = LINE[0], Batch(X, Y)
    plain = leave_one_out(LINEAR, LINE, data)
    scaled = leave_one_out(LINEAR, (Layer(w / unit[:, None], b),), Batch(X * unit, Y))
    np.testing.assert_allclose(scaled.residual, plain.residual, rtol=1e-10)


def test_masked_params_are_taken_as_known() -> None:
    mask = ((True, False),)
    params = fitted(LINEAR, LINE, Batch(X, Y), mask=mask, mu=1e-14)
    leverage, residual = leave_one_out(LINEAR, params, Batch(X, Y), mask=mask)
    assert leverage.sum() == pytest.approx(6, rel=1e-10)
    expected = refits(LINEAR, params, Batch(X, Y), mask=mask, mu=1e-14)
    np.testing.assert_allclose(residual, expected, rtol=1e-9, atol=1e-10)


ONLY = np.ones((25, 3))
ONLY[:, 2] = np.arange(25) == 17  # the third weight hangs on one sample
FEW = np.where(np.arange(25) % 4 == 0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"data": Batch(X[:3], Y[:3])}, (ValueError, "data", "all 8 params", "6 residuals")),
        ({"data": Batch(X * [1, 1, 0], Y)}, (ValueError, "data", "singular", "penalty")),
        ({"data": Batch(X[:, [0, 1, 1]], Y)}, (ValueError, "data", "singular", "penalty")),
        ({"data": Batch(X[:, [0, 1, 1]] + 1e-7 * X, Y)}, (ValueError, "data", "singular")),
        ({"data": Batch(X * ONLY, Y)}, (ValueError, "data", "only row 17", "penalty")),
        ({"data": Batch(X * ONLY, Y, FEW)}, (ValueError, "data", "only row 17", "penalty")),
        ({"data": Batch(X[:0], Y[:0])}, (ValueError, "data.x", "at least one row")),
        ({"penalty": -1.0}, (ValueError, "penalty", "at least 0")),
        ({"params": ()}, (TypeError, "params", "a tuple of Layer")),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], expected: Expected) -> None:
    arguments: dict[str, Any] = {"acts": LINEAR, "params": LINE, "data": Batch(X, Y)} | change
    refuses(expected, lambda: leave_one_out(**arguments))
