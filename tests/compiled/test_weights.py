"""Weights and class labels in machine code mean what they mean in NumPy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fnn
from fnn import Array, Batch, Loss, compiled, init, key, minibatches, one_hot, samples, tree
from fnn.activations import identity, tanh
from fnn.base import Targets
from fnn.compiled._plan import limits
from fnn.compiled._plan.feed import order
from fnn.data import Minibatches, Samples
from fnn.losses import (
    masked_loss,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    squared_error,
)
from fnn.optimizers import adam, sgd

RNG = np.random.default_rng(5)
N, ACTS = 12, (tanh, identity)
PARAMS = init(key(0), (3, 4, 3))
X = RNG.standard_normal((N, 3))


def quartic(output: Array, target: Array) -> Array:
    total: Array = ((output - target) ** 4).sum(-1)
    return total


def quartic_slope(output: Array, target: Array) -> Array:
    slope: Array = 4.0 * (output - target) ** 3
    return slope


def of_labels(output: Array, target: Array) -> Array:
    """The square of the mean output less the label."""
    total: Array = (output.sum(-1) / output.shape[-1] - target) ** 2
    return total


def of_labels_slope(output: Array, target: Array) -> Array:
    error = output.sum(-1) / output.shape[-1] - target
    slope: Array = np.ones_like(output) * np.asarray(2.0 / output.shape[-1] * error)[..., None]
    return slope


MISSING = np.where(RNG.random((N, 3)) < 0.3, np.nan, RNG.random((N, 3)))
LABELS = RNG.integers(0, 3, N)
LOSSES: dict[str, tuple[Loss, Array]] = {
    "squared_error": (squared_error, RNG.random((N, 3))),
    "sigmoid_cross_entropy": (sigmoid_cross_entropy, RNG.random((N, 3))),
    "softmax_cross_entropy": (softmax_cross_entropy, one_hot(LABELS, 3)),
    "masked": (masked_loss(squared_error), MISSING),
    "one's own": (Loss(quartic, quartic_slope), RNG.random((N, 3))),
}
WEIGHTS: dict[str, Array | None] = {
    "none": None,
    "rows": RNG.random(N) + 0.1,
    "targets": RNG.random((N, 3)) + 0.1,
    "some of them 0": np.where(np.arange(N) % 3 == 0, 0.0, RNG.random(N) + 0.5),
}
SIZES = [1, 5, N]


def same_gradient(loss: Loss, batch: Batch, params: Any = PARAMS) -> None:
    value, grads = compiled.backprop(ACTS, loss, params, batch)
    expected, exact = fnn.backprop(ACTS, loss, params, batch)
    assert value == pytest.approx(expected, rel=1e-13)
    for one, other in zip(grads, exact, strict=True):
        np.testing.assert_allclose(one.w, other.w, 1e-12, 1e-14)
        np.testing.assert_allclose(one.b, other.b, 1e-12, 1e-14)


def same_training(update: Any, pass_: Samples | Minibatches, params: Any = PARAMS) -> None:
    state = fnn.start(update.optimizer, params)
    expected, losses = fnn.scan(update, state, pass_)
    found, others = compiled.scan(update, state, pass_)
    np.testing.assert_allclose(others, losses, 1e-12)
    for one, other in zip(found.params, expected.params, strict=True):
        np.testing.assert_allclose(one.w, other.w, 1e-11, 1e-13)
    (last,) = fnn.epochs(update, state, [pass_])
    assert compiled.train(update, state, [pass_]).losses[0] == pytest.approx(last.loss, rel=1e-12)
    many = compiled.train_many(update, [state] * 2, [pass_])
    np.testing.assert_allclose(many.losses, last.loss, 1e-12)


@pytest.mark.parametrize("by_blas", [False, True])
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_and_training_with_weights_are_those_of_numpy(
    name: str, weight: str, by_blas: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_blas:
        monkeypatch.setattr(limits, "LARGE", 1)
    loss, y = LOSSES[name]
    data = Batch(X, y, WEIGHTS[weight])
    same_gradient(loss, data)
    one = None if data.weight is None else data.weight[1, ...]
    row = Batch(X[1], y[1], one)
    same_gradient(loss, row)
    optimizers: tuple[Any, ...] = sgd(0.05), adam(0.01)
    for optimizer in optimizers:
        update = fnn.train_step(ACTS, loss, optimizer)
        same_training(update, samples(data))
        for size in SIZES:
            same_training(update, minibatches(key(1), size, data))


@pytest.mark.parametrize("by_target", [False, True])
@pytest.mark.parametrize("name", ["squared_error", "softmax_cross_entropy", "one's own"])
def test_targets_of_weight_0_may_be_missing(name: str, by_target: bool) -> None:
    loss, y = LOSSES[name]
    counted = np.arange(N) % 3 > 0
    weight = np.where(counted[:, None] & (np.eye(3)[np.arange(N) % 3] == 0), 2.0, 0.0)
    weight = weight if by_target else 2.0 * counted
    missing = np.where(weight.reshape(N, -1) == 0, np.nan, y)
    same_gradient(loss, Batch(X, missing, weight))
    value, _ = compiled.backprop(ACTS, loss, PARAMS, Batch(X, missing, weight))
    assert value == compiled.backprop(ACTS, loss, PARAMS, Batch(X, y, weight))[0]
    same_training(
        fnn.train_step(ACTS, loss, sgd(0.05)), minibatches(key(1), 4, Batch(X, missing, weight))
    )


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("size", SIZES)
def test_summed_over_any_partition_the_gradient_is_that_of_all_data(weight: str, size: int) -> None:
    data = Batch(X, LOSSES["squared_error"][1], WEIGHTS[weight])
    pass_ = minibatches(key(2), size, data)
    vector = sum(
        len(batch.x) * tree.ravel(compiled.backprop(ACTS, squared_error, PARAMS, batch)[1])[0]
        for batch in pass_
    )
    whole = pass_.data
    exact = tree.ravel(fnn.backprop(ACTS, squared_error, PARAMS, whole)[1])[0]
    np.testing.assert_allclose(vector, N * exact, 1e-12, 1e-13)


def test_a_loss_that_is_no_sum_takes_no_weights_of_targets() -> None:
    def f(output: Array, target: Array) -> Array:
        total: Array = (output - target).sum(-1)
        return total * total

    def df(output: Array, target: Array) -> Array:
        slope: Array = 2.0 * np.asarray((output - target).sum(-1))[..., None]
        return slope * np.ones_like(output)

    data = Batch(X, LOSSES["squared_error"][1], WEIGHTS["targets"])
    update = fnn.train_step(ACTS, Loss(f, df), sgd(0.1))
    for call in (
        lambda: compiled.backprop(ACTS, Loss(f, df), PARAMS, data),
        lambda: compiled.scan(update, fnn.start(sgd(0.1), PARAMS), samples(data)),
    ):
        with pytest.raises(ValueError, match="expected a sum of one term for each output"):
            call()


@pytest.mark.parametrize("by_blas", [False, True])
@pytest.mark.parametrize("weight", [None, WEIGHTS["rows"]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_class_labels_are_read_as_in_numpy(
    weight: Array | None,
    dtype: type[np.floating[Any]],
    by_blas: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if by_blas:
        monkeypatch.setattr(limits, "LARGE", 1)
    loss = softmax_cross_entropy_with_integer_labels
    params = init(key(0), (3, 4, 3), dtype=dtype)
    data = Batch(X, LABELS, weight)
    hot = Batch(X, one_hot(LABELS, 3), weight)
    eps = 100 * float(np.finfo(dtype).eps)
    found = compiled.backprop(ACTS, loss, params, data)
    for exact in (
        fnn.backprop(ACTS, loss, params, data),
        fnn.backprop(ACTS, softmax_cross_entropy, params, hot),
    ):
        assert found[0] == pytest.approx(exact[0], rel=eps)
        np.testing.assert_allclose(found[1][0].w, exact[1][0].w, eps, eps)


def test_a_users_loss_of_labels_compiles() -> None:
    loss = Loss(of_labels, of_labels_slope, targets=Targets(labels=True))
    same_gradient(loss, Batch(X, LABELS))
    same_gradient(loss, Batch(X[0], LABELS[0]))
    wrong = loss._replace(df=lambda o, y: 1.0 * o)
    assert compiled.backprop(ACTS, wrong, PARAMS, Batch(X[0], LABELS[0]))[0] >= 0.0


@pytest.mark.parametrize(
    "output", [[np.inf, 0.0, -np.inf], [np.nan, 0.0, 1.0], [2.0, 2.0, 2.0], [-1e308, 1e308, 0.0]]
)
def test_extreme_logits_of_labels_are_what_they_are_in_numpy(output: list[float]) -> None:
    loss = softmax_cross_entropy_with_integer_labels
    params = (fnn.Layer(np.zeros((1, 3)), np.array(output)),)
    for label in range(3):
        batch = Batch(np.zeros(1), np.array(label))
        with np.errstate(all="ignore"):
            value, grads = fnn.backprop((identity,), loss, params, batch)
        found, others = compiled.backprop((identity,), loss, params, batch)
        np.testing.assert_allclose(found, value, 1e-15)
        np.testing.assert_allclose(others[0].b, grads[0].b, 1e-15)


@pytest.mark.parametrize("label", [-1, 3, 1.5, 10**9])
def test_labels_that_no_class_has_are_refused_by_row_before_any_step(label: float) -> None:
    y = LABELS.astype(float)
    y[7] = label
    loss = softmax_cross_entropy_with_integer_labels
    update = fnn.train_step(ACTS, loss, sgd(0.1))
    state = fnn.start(sgd(0.1), PARAMS)
    for call in (
        lambda: compiled.backprop(ACTS, loss, PARAMS, Batch(X, y)),
        lambda: compiled.scan(update, state, Minibatches(Batch(X, y), np.arange(N), 3)),
        lambda: compiled.train(update, state, [Minibatches(Batch(X, y), np.arange(N), 3)]),
    ):
        with pytest.raises(ValueError, match="row 7"):
            call()


TALL = RNG.random(12)
HALF: Any = 2.5
HAND_MADE: dict[str, tuple[Callable[[], Any], str]] = {
    "a vector of samples": (
        lambda: Minibatches(Batch(TALL, TALL), np.arange(12), 3),
        r"data\.x: expected \(n, 3\), a row for each sample, got \(12,\)",
    ),
    "a vector of samples one by one": (
        lambda: Samples(Batch(TALL, TALL)),
        r"batch\.x: expected",
    ),
    "a vector of targets": (
        lambda: Minibatches(Batch(X, TALL), np.arange(12), 3),
        r"batch\.y: expected",
    ),
    "narrow samples": (lambda: Minibatches(Batch(X[:, :2], X), np.arange(12), 3), r"batch\.x: exp"),
    "wide targets": (
        lambda: Minibatches(Batch(X, np.ones((12, 4))), np.arange(12), 3),
        r"batch\.y: expected",
    ),
    "cubes": (lambda: Minibatches(Batch(X[None], X[None]), np.arange(1), 1), r"batch\.x: exp"),
    "weights of two columns": (
        lambda: Minibatches(Batch(X, X, np.ones((12, 2))), np.arange(12), 3),
        r"data\.weight: expected",
    ),
    "a negative weight": (
        lambda: Minibatches(Batch(X, X, np.full(12, -1.0)), np.arange(12), 3),
        r"data\.weight: expected",
    ),
    "a size that is no whole number": (
        lambda: Minibatches(Batch(X, X), np.arange(12), HALF),
        r"float",
    ),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_passes_made_by_hand_are_looked_at_before_machine_code_reads_them(name: str) -> None:
    make, words = HAND_MADE[name]
    update = fnn.train_step((identity,), squared_error, sgd(0.1))
    state = fnn.start(sgd(0.1), init(key(0), (3, 3)))
    for call in (
        lambda: compiled.scan(update, state, make()),
        lambda: compiled.train(update, state, [make()]),
        lambda: compiled.train_many(update, [state], [make()]),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            call()


def test_row_numbers_that_another_thread_writes_are_those_that_were_checked() -> None:
    rows = np.arange(N)
    update = fnn.train_step(ACTS, squared_error, sgd(1e-6))
    state = fnn.start(sgd(1e-6), PARAMS)
    pass_ = Minibatches(Batch(X, np.zeros((N, 3))), rows, 4)
    assert not np.shares_memory(order(pass_)[0], rows)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            rows[:] = 2**40
            rows[:] = np.arange(N)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(200):
            try:
                losses = compiled.train(update, state, [pass_] * 20).losses
                assert np.isfinite(losses).all()
            except IndexError:
                pass  # they were wrong when they were read
    finally:
        stop.set()
        thread.join()
