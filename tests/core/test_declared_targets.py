"""Targets outside what a loss is for are refused by place and value, and the remedy named works."""

from __future__ import annotations

import math
import re
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from fnn import (
    Batch,
    compiled,
    epochs,
    fit,
    init,
    key,
    minibatches,
    one_hot,
    samples,
    start,
    train_step,
)
from fnn._core import targets as checked
from fnn._core.remedies import Seen
from fnn._core.targets import check_labels, check_targets
from fnn.activations import (
    celu,
    dropout,
    elu,
    gelu,
    gelu_tanh,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    identity,
    leaky_relu,
    log_sigmoid,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from fnn.base import Activation, Acts, Array, Loss, Targets
from fnn.data import batches_from, chunked, min_max
from fnn.losses import (
    absolute_error,
    hinge,
    huber,
    label_smoothing,
    masked_loss,
    pinball,
    poisson,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    squared_error,
)
from fnn.optimizers import sgd
from fnn.random import fold_in
from fnn.solvers import (
    bayesian_regularization,
    lbfgs,
    levenberg_marquardt,
    objective,
    scaled_conjugate_gradient,
)
from fnn.train._looked import looked_at
from tests.support.refusals import refuses

N = 40
X = np.random.default_rng(0).normal(size=(N, 3))
ZERO_ONE = (X[:, :1] > 0).astype(float)
COUNTS = np.arange(N)[:, None] % 5
FLAT = (tanh, identity)
SQUASHED = (tanh, sigmoid)


def look(acts: Acts, loss: Loss, y: Any, outputs: int | None = None, **weight: Array) -> None:
    y = np.asarray(y)
    params = init(key(0), (3, 4, outputs or y.shape[1]))
    check_targets(acts, loss, params, Batch(X, y, **weight), "train")


def refusal(acts: Acts, loss: Loss, y: Any, outputs: int | None = None) -> str:
    with pytest.raises(ValueError, match=r"^(train\.y|params): expected ") as caught:
        look(acts, loss, y, outputs)
    return str(caught.value)


BAD: dict[str, tuple[Acts, Loss, Any, str, str]] = {
    "-1 and 1": (FLAT, sigmoid_cross_entropy, 2 * ZERO_ONE - 1, "0 to 1", "(y + 1) / 2"),
    "-1 to 1": (FLAT, sigmoid_cross_entropy, np.tanh(X), "0 to 1", "(y + 1) / 2"),
    "1 and 2": (FLAT, sigmoid_cross_entropy, ZERO_ONE + 1, "0 to 1", "np.where(y == 2, 1, 0)"),
    "2 and 4": (FLAT, sigmoid_cross_entropy, 2 * ZERO_ONE + 2, "0 to 1", "np.where(y == 4, 1, 0)"),
    "0 and 255": (FLAT, sigmoid_cross_entropy, 255 * ZERO_ONE, "0 to 1", "y / 255"),
    "pixels": (FLAT, sigmoid_cross_entropy, np.arange(240).reshape(N, 6), "0 to 1", "y / 255"),
    "masked": (
        FLAT,
        masked_loss(sigmoid_cross_entropy),
        np.where(X > 1, np.nan, np.sign(X)),
        "0 to 1",
        "(y + 1) / 2",
    ),
    "classes": (FLAT, sigmoid_cross_entropy, COUNTS, "0 to 1", "one_hot(y.ravel(), 5)"),
    "classes from 1": (
        FLAT,
        sigmoid_cross_entropy,
        COUNTS + 1,
        "0 to 1",
        "one_hot(y.ravel() - 1, 5)",
    ),
    "0 and 1": (FLAT, hinge, ZERO_ONE, "-1 or 1", "2 * y - 1"),
    "bools": (FLAT, hinge, ZERO_ONE > 0, "-1 or 1", "2 * y - 1"),
    "all 0": (FLAT, hinge, np.zeros((N, 1), int), "-1 or 1", "2 * y - 1"),
    "1 and 2 under hinge": (FLAT, hinge, ZERO_ONE + 1, "-1 or 1", "np.where(y == 2, 1, -1)"),
    "classes under hinge": (FLAT, hinge, COUNTS, "-1 or 1", "2 * one_hot(y.ravel(), 5) - 1"),
    "signed rows": (
        FLAT,
        softmax_cross_entropy,
        2 * one_hot(COUNTS.ravel(), 5) - 1,
        "at least 0",
        "(y + 1) / 2",
    ),
    "a sigmoid and -1": (SQUASHED, squared_error, 2 * ZERO_ONE - 1, "0 to 1", "(y + 1) / 2"),
    "a sigmoid and 255": (SQUASHED, absolute_error, 255 * ZERO_ONE, "0 to 1", "y / 255"),
    "a sigmoid and 81": (SQUASHED, huber(1), 81 * ZERO_ONE, "0 to 1", "min_max(y, 0, 1)[0]"),
    "a tanh": ((tanh, tanh), pinball(0.5), 1e3 * X, "-1 to 1", "min_max(y, -1, 1)[0]"),
}
NAMES: dict[str, Any] = {"np": np, "one_hot": one_hot, "min_max": min_max}


@pytest.mark.parametrize("name", BAD)
def test_the_remedy_for_targets_that_do_not_fit_works(name: str) -> None:
    acts, loss, y, expected, remedy = BAD[name]
    message = refusal(acts, loss, y)
    offender = re.search(r"([-\w.]+) in row (\d+), column (\d+);", message)
    assert offender is not None
    value, row, column = offender.groups()
    assert str(np.asarray(y)[int(row), int(column)]) == value
    assert expected in message.partition(", got ")[0]
    assert remedy in message.partition("; ")[2]
    look(acts, loss, eval(remedy, NAMES | {"y": np.asarray(y)}))


ONE_COLUMN: dict[str, tuple[Any, str]] = {
    "0 and 1": (ZERO_ONE, "one_hot(y.ravel(), 2)"),
    "-1 and 1": (2 * ZERO_ONE - 1, "one_hot((y.ravel() + 1) / 2, 2)"),
    "1 and 2": (ZERO_ONE + 1, "one_hot(y.ravel() == 2, 2)"),
    "classes": (COUNTS, "one_hot(y.ravel(), 5)"),
    "classes from 1": (COUNTS + 1, "one_hot(y.ravel() - 1, 5)"),
}


@pytest.mark.parametrize("name", ONE_COLUMN)
def test_one_column_is_no_target_of_a_softmax(name: str) -> None:
    y, remedy = ONE_COLUMN[name]
    message = refusal(FLAT, softmax_cross_entropy, y)
    assert "at least 2 columns" in message
    assert remedy in message
    look(FLAT, softmax_cross_entropy, eval(remedy, NAMES | {"y": y}))


def test_other_losses_are_named_where_no_arithmetic_helps() -> None:
    words = {
        (hinge, 0.3): "sigmoid_cross_entropy takes probabilities",
        (poisson, -7.5): "squared_error takes numbers of any size",
        (sigmoid_cross_entropy, 7.5): "poisson counts from 0 on",
        (softmax_cross_entropy, -7.5): "squared_error takes numbers of any size",
    }
    for (loss, value), remedy in words.items():
        y = np.abs(X) / 10
        y[4, 1] = value
        assert remedy in refusal(FLAT, loss, y)
    probability = refusal(FLAT, softmax_cross_entropy, np.abs(np.tanh(X[:, :1])))
    assert "probabilities of one class take sigmoid_cross_entropy" in probability
    look(FLAT, sigmoid_cross_entropy, np.abs(np.tanh(X[:, :1])))


def test_the_last_pair_must_reach_the_targets() -> None:
    message = refusal((tanh, relu), squared_error, X)
    row, column = np.argwhere(X < 0)[0]
    for part in (
        "numbers of at least 0, what the last pair relu can reach",
        f"from {X.min():g} to {X.max():g}, {X[row, column]} in row {row}, column {column};",
        "make identity the last pair",
    ):
        assert part in message
    look(FLAT, squared_error, X)
    assert "the last pair sigmoid can reach" in refusal(SQUASHED, hinge, 2 * ZERO_ONE - 1)
    look((tanh, tanh), hinge, 2 * ZERO_ONE - 1)
    assert "relu can reach" in refusal(
        (tanh, relu), masked_loss(huber(1)), np.where(X > 2, np.nan, X)
    )
    first_is_missing = np.where(np.arange(N)[:, None] == 0, np.nan, -np.abs(X))
    assert "in row 1, column 0" in refusal((tanh, relu), masked_loss(huber(1)), first_is_missing)
    tiny = 1e-10 * X
    assert "softplus can reach" in refusal((tanh, softplus), squared_error, tiny)
    scaled = dropout(key(0), 0.5, sigmoid)
    assert scaled.reach == (0.0, 2.0)
    look((tanh, scaled), squared_error, 2 * ZERO_ONE)


@pytest.mark.parametrize(
    "pair",
    [
        sigmoid,
        tanh,
        relu,
        identity,
        softplus,
        softsign,
        silu,
        gelu,
        gelu_tanh,
        mish,
        selu,
        hard_sigmoid,
        leaky_relu(0.1),
        elu(),
        elu(2.0),
        elu(-0.5),
        elu(0.0),
        relu6,
        hard_tanh,
        hard_swish,
        log_sigmoid,
        celu(1.5),
        dropout(key(1), 0.2, elu()),
    ],
    ids=str,
)
def test_the_reach_of_a_pair_is_the_range_of_its_values(pair: Activation) -> None:
    z = np.concatenate([np.linspace(-9, 9, 1_800_001), np.array([-1e308, -800, 800, 1e308])])
    a = pair.f(z)
    assert pair.reach is not None
    low, high = pair.reach
    assert low <= a.min()
    assert a.max() <= high
    # The least value is within the step of the grid, the bounds are no wider than they have to be.
    for bound, found in ((low, a.min()), (high, a.max())):
        assert abs(bound - found) < 1e-9 if math.isfinite(bound) else abs(found) > 1e300


def test_what_people_train_on_is_allowed() -> None:
    hot = one_hot(COUNTS.ravel(), 5)
    soft = label_smoothing(0.1, hot)
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(5), N)
    for loss in (sigmoid_cross_entropy, softmax_cross_entropy):
        for y in (hot, soft, probabilities, probabilities.astype(np.float32), hot.astype(bool)):
            look(FLAT, loss, y)
    look(FLAT, softmax_cross_entropy, 3 * hot)  # weighs them
    for y in (ZERO_ONE, ZERO_ONE * 0.9 + 0.05, ZERO_ONE.astype(int)):
        look(SQUASHED, squared_error, y)
        look((tanh, softplus), squared_error, y)
    look(FLAT, poisson, COUNTS)
    look(FLAT, poisson, COUNTS / 3)
    for loss in (squared_error, absolute_error, huber(1), pinball(0.2)):
        look(FLAT, loss, 1e10 * X)


def test_rounding_is_no_offence() -> None:
    y = np.float32(X)
    scaled = (y - y.min(0)) / (y.max(0) - y.min(0)) * np.float32(1.0000001)
    assert scaled.max() > 1
    look(FLAT, sigmoid_cross_entropy, scaled)
    look(SQUASHED, squared_error, np.where(scaled > 1e-3, scaled, -1e-17))
    refusal(FLAT, sigmoid_cross_entropy, ZERO_ONE * 1.00001)
    refusal(FLAT, poisson, np.where(ZERO_ONE > 0, 1e9, -1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", [squared_error, sigmoid_cross_entropy, hinge, poisson])
def test_what_is_not_finite_is_refused(loss: Loss, value: float) -> None:
    y = np.ones((N, 2))
    y[7, 1] = value
    message = refusal(FLAT, loss, y)
    assert f"got {value} in row 7, column 1; leave out the row" in message
    assert ("masked_loss(" in message) == np.isnan(value)
    if np.isnan(value):
        look(FLAT, masked_loss(loss), y)
        look(FLAT, masked_loss(loss), np.full((N, 2), np.nan))
    else:
        refusal(FLAT, masked_loss(loss), y)
    assert "masked_loss" not in refusal(FLAT, softmax_cross_entropy, y)


def test_targets_that_do_not_count_may_be_anything() -> None:
    y = np.ones((N, 2))
    y[7, 1] = -5.0
    weight = np.ones(N)
    weight[7] = 0.0
    look(FLAT, sigmoid_cross_entropy, y, weight=weight)
    each = np.ones((N, 2))
    each[7, 1] = 0.0
    look(FLAT, sigmoid_cross_entropy, y, weight=each)
    y[8, 0] = -6.0
    with pytest.raises(ValueError, match=r"got -6\.0 in row 8, column 0"):
        look(FLAT, sigmoid_cross_entropy, y, weight=each)


def test_a_declaration_of_ones_own_is_looked_at_and_none_is_needed() -> None:
    def f(output: Array, target: Array) -> Array:
        total: Array = np.square(output - target).sum(-1)
        return total

    own = Loss(f, lambda output, target: 2 * (output - target))
    look(SQUASHED, own, 81 * X)
    bounded = own._replace(targets=Targets(low=-2, high=2))
    assert "from -2 to 2, the targets that your own Loss is for" in refusal(FLAT, bounded, 3 * X)
    assert "at most 2" in refusal(FLAT, own._replace(targets=Targets(high=2)), 3 * X)
    look(SQUASHED, bounded, np.tanh(X))
    only = own._replace(targets=Targets(only=(0, 5)))
    look(FLAT, only, 5 * ZERO_ONE)
    assert "0 or 5" in refusal(FLAT, only, ZERO_ONE)
    assert "np.where(y == 1, 5, 0)" in refusal(FLAT, only, ZERO_ONE)
    matched = own._replace(targets=Targets(matched=True))
    half = Activation(lambda z: 0.5 * np.tanh(z), lambda z, a: 0.5 - 2 * a * a)
    look((tanh, half), matched, X)
    known = half._replace(reach=(-0.5, 0.5))
    assert "from -0.5 to 0.5, what the last pair your own Activation" in refusal(
        (tanh, known), matched, X
    )


def test_one_sample_is_looked_at_as_well() -> None:
    params = init(key(0), (3, 4, 2))
    sample = Batch(X[0], np.array([0.5, -1.0]))
    expected = (ValueError, "data.y", "0 to 1", "got -1.0 in column 1", "(y + 1) / 2")
    refuses(expected, check_targets, FLAT, sigmoid_cross_entropy, params, sample)
    labeled = softmax_cross_entropy_with_integer_labels
    check_targets(FLAT, labeled, params, Batch(X[0], np.array(1)))
    beyond = (ValueError, "data.y", "whole numbers from 0 to 1", "got 2")
    refuses(beyond, check_targets, FLAT, labeled, params, Batch(X[0], np.array(2)))


def test_the_first_offender_is_found_in_any_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "_NUMBERS", 12)
    y = np.zeros((N, 3))
    y[[17, 30], [2, 0]] = 2.0, 3.0
    assert "got 2.0 in row 17, column 2; pass np.where" not in refusal(
        FLAT, sigmoid_cross_entropy, y
    )
    assert "got 2.0 in row 17, column 2;" in refusal(FLAT, sigmoid_cross_entropy, y)
    labeled = np.zeros(N)
    labeled[23] = 9
    message = refusal(FLAT, softmax_cross_entropy_with_integer_labels, labeled, 3)
    assert "whole numbers from 0 to 2" in message
    assert "got 9.0 in row 23;" in message


def test_a_memory_map_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "y.npy", np.where(np.arange(30_000) == 29_999, 2.0, 0.5)[:, None])
    y = np.load(tmp_path / "y.npy", mmap_mode="r")
    monkeypatch.setattr(checked, "_NUMBERS", 1000)
    largest = 0

    class Watched(checked.Rule):
        @override
        def fine(self, part: Array) -> bool:
            nonlocal largest
            largest = max(largest, part.size)
            return super().fine(part)

    monkeypatch.setattr(checked, "Rule", Watched)
    params = init(key(0), (1, 1))
    with pytest.raises(ValueError, match="row 29999, column 0"):
        check_targets((identity,), sigmoid_cross_entropy, params, Batch(np.zeros((30_000, 1)), y))
    assert largest == 1000


def test_labels_come_back_as_integers() -> None:
    for labels in ([0, 2, 1], np.array([0, 2, 1], np.uint8), np.array([0.0, 2.0, 1.0])):
        got = check_labels("y", labels, 3)
        assert got.dtype == np.intp
        assert got.tolist() == [0, 2, 1]
    own = np.array([0, 2, 1])
    assert check_labels("y", own, 3) is own
    assert check_labels("y", np.array(2), 3).shape == ()


SHAPES: dict[str, tuple[Array, str]] = {
    "labels": (COUNTS.ravel() % 2, "one_hot(y, 2)"),
    "a column": (COUNTS % 2, "one_hot(y.ravel(), 2)"),
    "transposed": (one_hot(COUNTS.ravel() % 2, 2).T, "y.T"),
    "flat": (one_hot(COUNTS.ravel() % 2, 2).ravel(), "y.reshape(40, 2)"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_remedy_for_another_shape_gives_the_same_targets(name: str) -> None:
    y, remedy = SHAPES[name]
    message = refusal(FLAT, softmax_cross_entropy, y, 2)
    assert remedy in message
    fitting = eval(remedy, NAMES | {"y": y})
    look(FLAT, softmax_cross_entropy, fitting)
    np.testing.assert_array_equal(fitting, one_hot(COUNTS.ravel() % 2, 2))
    assert "need params with 3 outputs" in refusal(FLAT, squared_error, X, 2)


# Where loss and data meet.

PARAMS = init(key(0), (3, 4, 1))
WRONG = Batch(X, 2 * ZERO_ONE - 1)
RIGHT = Batch(X, ZERO_ONE)


def fitted(
    train: Batch, validation: Batch | None = None, loss: Loss = sigmoid_cross_entropy
) -> Any:
    return fit(
        FLAT,
        loss,
        sgd(0.1),
        PARAMS,
        train,
        key=key(1),
        batch_size=8,
        max_epochs=2,
        validation=validation,
    )


def trained(pass_: Any, loss: Loss = sigmoid_cross_entropy, acts: Acts = FLAT) -> Any:
    update = train_step(acts, loss, sgd(0.1))
    return list(islice(epochs(update, start(sgd(0.1), PARAMS), repeat(pass_)), 2))


def test_fit_names_the_argument() -> None:
    refuses((ValueError, "train.y", "(y + 1) / 2", "column 0"), fitted, WRONG)
    refuses((ValueError, "validation.y", "(y + 1) / 2", "column 0"), fitted, RIGHT, WRONG)
    assert len(fitted(RIGHT, RIGHT).history.train) == 2


class Lazy:
    def __init__(self, data: Batch) -> None:
        self.data = data

    def __iter__(self) -> Any:
        return iter(minibatches(key(0), 8, self.data))


PASSES: dict[str, Any] = {
    "minibatches": lambda data: minibatches(key(0), 8, data),
    "samples": samples,
    "a list": lambda data: list(minibatches(key(0), 8, data)),
    "chunks": lambda data: batches_from(chunked(16, data), 8),
    "a pass of one's own": Lazy,
}


@pytest.mark.parametrize("name", PASSES)
def test_epochs_look_at_every_kind_of_pass(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape("pass (y + 1) / 2")):
        trained(PASSES[name](WRONG))
    assert len(trained(PASSES[name](RIGHT))) == 2


def test_each_data_set_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def counted(*arguments: Any) -> None:
        looks.append(str(arguments[4:]))
        check_targets(*arguments)

    monkeypatch.setattr("fnn.train._looked.check_targets", counted)
    monkeypatch.setattr("fnn.train._fit.check_targets", counted)
    update = train_step(FLAT, sigmoid_cross_entropy, sgd(0.1))
    state = start(sgd(0.1), PARAMS)
    anew = (minibatches(fold_in(key(0), i), 8, RIGHT) for i in range(5))
    assert len(list(epochs(update, state, anew))) == 5
    assert len(looks) == 1
    looks.clear()
    trained(samples(RIGHT))
    assert len(looks) == 1
    looks.clear()
    trained(list(minibatches(key(0), 8, RIGHT)))
    assert len(looks) == 5  # batches, in the first of two epochs
    looks.clear()
    chunks = chunked(16, RIGHT)
    assert len(list(epochs(update, state, [batches_from(chunks, 8)] * 3))) == 3
    assert len(looks) == 5
    looks.clear()
    fitted(RIGHT, RIGHT)
    assert looks == ["('train',)", "('validation',)"]
    looks.clear()
    other = Batch(X, ZERO_ONE.copy())
    assert len(list(epochs(update, state, [samples(RIGHT), samples(other), samples(other)]))) == 3
    assert len(looks) == 2


def test_epochs_of_a_function_of_ones_own_know_no_loss() -> None:
    update = train_step(FLAT, sigmoid_cross_entropy, sgd(0.1))
    passes = [samples(WRONG)]
    assert len(list(epochs(partial(update), start(sgd(0.1), PARAMS), passes))) == 1


SOLVERS: dict[str, Any] = {
    "lbfgs": lbfgs,
    "scaled_conjugate_gradient": scaled_conjugate_gradient,
    "objective": objective,
}


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_look_at_targets_and_the_last_pair(name: str) -> None:
    solver = SOLVERS[name]
    expected = (ValueError, "batch.y", "(y + 1) / 2", "column 0")
    refuses(expected, solver, FLAT, sigmoid_cross_entropy, PARAMS, WRONG)
    refuses(
        (ValueError, "acts", "identity"), solver, SQUASHED, sigmoid_cross_entropy, PARAMS, RIGHT
    )
    solver(FLAT, sigmoid_cross_entropy, PARAMS, RIGHT)


@pytest.mark.parametrize("solver", [levenberg_marquardt, bayesian_regularization])
def test_least_squares_look_at_what_the_last_pair_reaches(solver: Any) -> None:
    far = Batch(X, 81 * ZERO_ONE)
    expected = (ValueError, "data.y", "sigmoid can reach", "from 0 to 81", "min_max(y, 0, 1)[0]")
    refuses(expected, solver, SQUASHED, PARAMS, far)
    next(iter(solver(SQUASHED, PARAMS, RIGHT)))
    if solver is levenberg_marquardt:
        refuses(
            (ValueError, "validation.y", "sigmoid can reach"),
            lambda: solver(SQUASHED, PARAMS, RIGHT, validation=far),
        )


# The last pair of losses that take logits.

LOGITS = [
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    poisson,
    masked_loss(sigmoid_cross_entropy),
]


@pytest.mark.parametrize("loss", LOGITS, ids=str)
@pytest.mark.parametrize("last", [sigmoid, tanh, softplus, relu, leaky_relu(0.5), selu], ids=str)
def test_a_loss_that_takes_logits_refuses_another_last_pair(loss: Loss, last: Activation) -> None:
    acts = (identity, last)
    message = (ValueError, "acts", "identity", repr(loss), f"got {last}", "(*acts[:-1], identity)")
    refuses(message, train_step, acts, loss, sgd(0.1))
    train_step((*acts[:-1], identity), loss, sgd(0.1))
    train_step(acts, loss._replace(logits=False), sgd(0.1))


@pytest.mark.parametrize("loss", [squared_error, absolute_error, huber(1), pinball(0.1), hinge])
def test_other_losses_take_any_last_pair(loss: Loss) -> None:
    for last in (sigmoid, tanh, softplus):
        train_step((identity, last), loss, sgd(0.1))


def test_an_identity_of_ones_own_is_one() -> None:
    own = Activation(lambda z: z + 0.0, lambda z, a: np.ones_like(z))
    train_step((tanh, own), softmax_cross_entropy, sgd(0.1))
    for other in (
        Activation(lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
        Activation(lambda z: np.clip(z, -1, 1), lambda z, a: (np.abs(z) < 1) * 1.0),
        Activation(lambda z: z[:, :2], lambda z, a: z),
    ):
        expected = (ValueError, "acts", "identity", "your own Activation")
        refuses(expected, train_step, (tanh, other), softmax_cross_entropy, sgd(0.1))


def test_fit_refuses_a_sigmoid_under_logits() -> None:
    refuses(
        (ValueError, "acts", "identity", "got sigmoid"),
        lambda: fit(
            SQUASHED,
            sigmoid_cross_entropy,
            sgd(0.1),
            PARAMS,
            RIGHT,
            key=key(1),
            batch_size=8,
            max_epochs=1,
        ),
    )


def test_many_values_are_not_taken_for_few() -> None:
    seen = Seen.of([np.linspace(0, 1, 400), np.array([np.nan])])
    assert seen == Seen(0.0, 1.0, None)
    assert not seen.only(0, 1)
    assert seen.classes == 0
    assert not seen.pixels


def test_a_list_is_handed_on_as_it_is() -> None:
    update = train_step(FLAT, sigmoid_cross_entropy, sgd(0.1))
    pass_ = list(minibatches(key(0), 8, RIGHT))
    (handed,) = looked_at(update, start(sgd(0.1), PARAMS), [pass_], whole=False)
    assert handed is pass_
    (own,) = looked_at(update, start(sgd(0.1), PARAMS), [Lazy(RIGHT)], whole=True)
    assert type(own) is Lazy


def test_the_engine_looks_at_targets_before_it_trains() -> None:
    update = train_step(FLAT, sigmoid_cross_entropy, sgd(0.1))
    squares = train_step(FLAT, squared_error, sgd(0.1))
    state = start(sgd(0.1), PARAMS)
    wrong, right = minibatches(key(0), 8, WRONG), minibatches(key(0), 8, RIGHT)
    expected = (ValueError, "data.y", "0 to 1", "(y + 1) / 2", "column 0")
    refuses(expected, compiled.train, update, state, [wrong] * 2)
    refuses(expected, compiled.train, update, state, [right, wrong])
    refuses(expected, compiled.train_many, update, [state] * 2, [wrong] * 2)
    refuses(expected, compiled.train_many, [squares, update], [state] * 2, [wrong] * 2)
    assert len(compiled.train(update, state, [right] * 2).losses) == 2
    assert compiled.train_many([squares, update], [state] * 2, [right] * 2).losses.shape == (2, 2)


def test_a_row_without_a_class_is_refused_and_can_be_left_out_or_weigh_nothing() -> None:
    params, y = init(key(0), (3, 4, 2)), np.eye(2)[[0, 1, 0, 1]]
    y[2] = 0.0
    acts, x = (tanh, identity), np.ones((4, 3))
    with pytest.raises(
        ValueError, match=r"^data\.y: expected a class.* got only 0 in row 2; leave"
    ):
        check_targets(acts, softmax_cross_entropy, params, Batch(x, y))
    check_targets(
        acts, softmax_cross_entropy, params, Batch(np.delete(x, 2, 0), np.delete(y, 2, 0))
    )
    weight = np.array([1.0, 1.0, 0.0, 1.0])
    check_targets(acts, softmax_cross_entropy, params, Batch(x, y, weight))
