"""Missing targets count for nothing, and smoothed ones are a mixture of two losses."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import Batch, Loss, backprop, init, key, losses, one_hot
from fnn.activations import identity, tanh
from fnn.base import Array
from fnn.losses import (
    huber,
    label_smoothing,
    masked_loss,
    pinball,
    softmax_cross_entropy,
    squared_error,
)
from fnn.random import normal, uniform
from fnn.testing import check_gradients, check_loss
from fnn.tree import leaves

SUMS = {
    "squared_error": squared_error,
    "absolute_error": losses.absolute_error,
    "huber": huber(0.5),
    "pinball": pinball(0.9),
    "sigmoid_cross_entropy": losses.sigmoid_cross_entropy,
    "poisson": losses.poisson,
    "hinge": losses.hinge,
}
by_loss = pytest.mark.parametrize("name", SUMS)
OUTPUT = normal(key(0), (6, 4))
TARGET = uniform(key(1), (6, 4))
GONE = np.array(
    [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]], bool
)
WITH_GAPS = np.where(GONE, np.nan, TARGET)


@by_loss
def test_a_masked_loss_is_that_of_the_known_outputs_alone(name: str) -> None:
    loss, masked = SUMS[name], masked_loss(SUMS[name])
    value, slope = masked.f(OUTPUT, WITH_GAPS), masked.df(OUTPUT, WITH_GAPS)
    for row, gone in enumerate(GONE):
        output, target = OUTPUT[row, ~gone], TARGET[row, ~gone]
        assert value[row] == pytest.approx(float(loss.f(output, target)), rel=1e-14, abs=0)
        np.testing.assert_array_equal(slope[row, ~gone], loss.df(output, target))
        assert (slope[row, gone] == 0).all()
        assert masked.f(OUTPUT[row], WITH_GAPS[row]) == value[row]
        np.testing.assert_array_equal(masked.df(OUTPUT[row], WITH_GAPS[row]), slope[row])
    assert value[4] == 0  # nothing is known of it


@by_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_masked_loss_keeps_the_dtype_and_its_arguments(name: str, dtype: Any) -> None:
    masked = masked_loss(SUMS[name])
    output, target = OUTPUT.astype(dtype), WITH_GAPS.astype(dtype)
    copies = output.copy(), target.copy()
    assert masked.f(output, target).dtype == masked.df(output, target).dtype == dtype
    np.testing.assert_array_equal(output, copies[0])
    np.testing.assert_array_equal(target, copies[1])


@by_loss
def test_the_derivative_of_a_masked_loss_passes_the_checker(name: str) -> None:
    signs = np.where(GONE, np.nan, np.sign(TARGET - 0.5)) if name == "hinge" else WITH_GAPS
    check_loss(masked_loss(SUMS[name]), targets=signs)


@by_loss
def test_a_masked_loss_pickles(name: str) -> None:
    masked = masked_loss(SUMS[name])
    again = pickle.loads(pickle.dumps(masked))
    np.testing.assert_array_equal(again.f(OUTPUT, WITH_GAPS), masked.f(OUTPUT, WITH_GAPS))
    np.testing.assert_array_equal(again.df(OUTPUT, WITH_GAPS), masked.df(OUTPUT, WITH_GAPS))


def test_an_output_without_a_target_may_be_anything() -> None:
    masked = masked_loss(squared_error)
    output, target = np.array([np.nan, np.inf, 3.0]), np.array([np.nan, np.nan, 1.0])
    assert masked.f(output, target) == 4
    assert masked.df(output, target).tolist() == [0, 0, 4]
    assert np.isnan(masked.f(np.array([np.nan]), np.array([1.0])))  # a known one may not


def test_backprop_takes_the_mean_over_all_rows() -> None:
    acts, params = (tanh, identity), init(key(2), (3, 5, 4))
    x = normal(key(3), (6, 3))
    masked = masked_loss(squared_error)
    check_gradients(acts, masked, params, Batch(x, WITH_GAPS))
    value, grads = backprop(acts, masked, params, Batch(x, WITH_GAPS))
    known = [4 if row == 4 else row for row in range(6) if row != 4]
    dropped, dropped_grads = backprop(acts, masked, params, Batch(x[known], WITH_GAPS[known]))
    assert value * 6 == pytest.approx(dropped * 5, rel=1e-13)
    some = Batch(x, WITH_GAPS, np.array([1.0, 1, 1, 1, 0, 1]))
    weighted, weighted_grads = backprop(acts, masked, params, some)
    assert weighted == pytest.approx(value, rel=1e-13)  # a row without targets has no pull to lose
    for a, b, c in zip(leaves(grads), leaves(dropped_grads), leaves(weighted_grads), strict=True):
        np.testing.assert_allclose(6 * a, 5 * b, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(c, a, rtol=1e-12, atol=1e-14)


def mean_square(output: Array, target: Array) -> Array:
    mean: Array = ((output - target) ** 2).mean(-1)
    return mean


@pytest.mark.parametrize(
    "loss", [softmax_cross_entropy, Loss(mean_square, lambda u, y: 2 * (u - y) / u.shape[-1])]
)
def test_a_loss_that_ties_outputs_together_cannot_be_masked(loss: Loss) -> None:
    with pytest.raises(ValueError, match="loss: expected a sum of one term for each output, got"):
        masked_loss(loss)


def test_only_a_loss_can_be_masked() -> None:
    wrong: Any = squared_error.f
    with pytest.raises(TypeError, match="loss: expected a Loss"):
        masked_loss(wrong)


@given(st.floats(0, 1), st.integers(2, 7), st.integers(0, 9))
def test_smoothed_cross_entropy_is_a_mixture_of_hard_and_uniform(
    alpha: float, classes: int, seed: int
) -> None:
    logits = normal(key(seed), (5, classes), 0.0, 3.0)
    hard = one_hot(np.arange(5) % classes, classes)
    uniform_targets = np.full((5, classes), 1 / classes)
    for of in (softmax_cross_entropy.f, softmax_cross_entropy.df):
        got = of(logits, label_smoothing(alpha, hard))
        mixed = (1 - alpha) * of(logits, hard) + alpha * of(logits, uniform_targets)
        np.testing.assert_allclose(got, mixed, rtol=1e-13, atol=1e-14)


def test_smoothing_follows_the_formula_of_pytorch_keras_and_optax() -> None:
    got = label_smoothing(0.1, [[0, 0, 1, 0], [1, 0, 0, 0]])
    expected = [[0.025, 0.025, 0.925, 0.025], [0.925, 0.025, 0.025, 0.025]]
    np.testing.assert_allclose(got, expected, rtol=1e-15)
    np.testing.assert_array_equal(label_smoothing(0.1, [0, 0, 1, 0]), got[0])
    hard = one_hot([1, 0], 2, np.float32)
    assert label_smoothing(0.1, hard).dtype == np.float32
    assert label_smoothing(0.1, np.eye(2, dtype=bool)).dtype == np.float64
    np.testing.assert_array_equal(label_smoothing(0, hard), hard)
    np.testing.assert_array_equal(label_smoothing(1, hard), np.full((2, 2), 0.5))
    assert hard.tolist() == [[0, 1], [1, 0]]
    assert not label_smoothing(0.1, hard).flags.writeable


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan])
def test_a_share_of_certainty_is_from_0_to_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha: expected"):
        label_smoothing(alpha, [[0.0, 1.0]])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([2, 0, 1], r"targets: expected probabilities with sum 1, got \[2, 0, 1\] in row 0"),
        ([[0.5, 0.5], [1.0, 1.0]], r"got \[1.0, 1.0\] in row 1; class labels become targets"),
        ([[1.5, -0.5]], r"got \[1.5, -0.5\] in row 0"),
        ([[1.0, np.nan]], r"got \[1.0, nan\] in row 0"),
        ([[1.0], [0.0]], r"for k >= 2 classes, got \(2, 1\); smooth the targets of a sigmoid"),
        (np.ones((1, 2, 2)) / 2, r"got \(1, 2, 2\)"),
        (1.0, r"got \(\)"),
    ],
)
def test_only_rows_of_probabilities_are_smoothed(targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_smoothing(0.1, targets)
