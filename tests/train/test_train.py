"""The train step composes backprop, the optimizer and the update; epochs repeat it lazily."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import count, islice, repeat
from typing import Any

import numpy as np
import pytest

from fnn import (
    Batch,
    Layer,
    apply_updates,
    backprop,
    init,
    key,
    minibatches,
    samples,
    scan,
    start,
    step,
    train_step,
)
from fnn.activations import sigmoid, tanh
from fnn.losses import squared_error
from fnn.optimizers import sgd
from fnn.random import fold_in, normal, uniform
from fnn.train import epochs
from fnn.tree import leaves

ACTS = (tanh, sigmoid)
DATA = Batch(normal(key(1), (7, 3)), uniform(key(2), (7, 2)))
UPDATE = train_step(ACTS, squared_error, sgd(0.1))
STATE = start(UPDATE.optimizer, init(key(0), (3, 4, 2)))


def test_a_train_step_is_backprop_and_the_optimizer_and_the_update() -> None:
    state, loss = UPDATE(STATE, DATA)
    value, grads = backprop(ACTS, squared_error, STATE.params, DATA)
    updates, opt = UPDATE.optimizer.update(grads, STATE.opt, STATE.params)
    assert (loss, state.opt) == (value, opt)
    for got, want, descended in zip(
        leaves(state.params),
        leaves(apply_updates(STATE.params, updates)),
        leaves(step(STATE.params, grads, 0.1)),
        strict=True,
    ):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(got, descended)
        assert not got.flags.writeable


def test_a_schedule_reads_the_number_of_the_step_from_zero() -> None:
    seen = []

    def schedule(steps: int) -> float:
        seen.append(steps)
        return 0.1 / (1 + steps)

    update = train_step(ACTS, squared_error, sgd(schedule))
    state, _ = scan(update, start(update.optimizer, STATE.params), samples(DATA))
    params = STATE.params
    for i, batch in enumerate(samples(DATA)):
        params = step(params, backprop(ACTS, squared_error, params, batch)[1], 0.1 / (1 + i))
    assert seen == list(range(7))
    for got, want in zip(leaves(state.params), leaves(params), strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_train_step_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(UPDATE))
    for a, b in zip(leaves(again(STATE, DATA)), leaves(UPDATE(STATE, DATA)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_start_copies_what_the_caller_could_still_write() -> None:
    w = np.ones((3, 1))
    state = start(sgd(0.1), (Layer(w, np.zeros(1)),))
    w[:] = 5
    assert state.params[0].w.sum() == 3
    assert w.flags.writeable


def test_epochs_are_trained_only_when_asked_for() -> None:
    calls = []

    def update(state: int, batch: Batch) -> tuple[int, float]:
        calls.append(state)
        return state + 1, float(state)

    run = epochs(update, 0, repeat(samples(DATA)))
    assert calls == []
    first = next(run)
    assert (first.number, first.state, first.loss, len(calls)) == (1, 7, 3.0, 7)
    second = next(run)
    assert (second.number, second.state, second.loss) == (2, 14, 10.0)


def test_an_epoch_is_the_scan_over_its_pass() -> None:
    passes = (minibatches(fold_in(key(3), i), 3, DATA) for i in count())
    state = STATE
    for epoch in islice(epochs(UPDATE, STATE, passes), 3):
        pass_ = minibatches(fold_in(key(3), epoch.number - 1), 3, DATA)
        state, losses = scan(UPDATE, state, pass_)
        assert epoch.loss == pytest.approx(np.average(losses, weights=[3, 3, 1]), rel=1e-15)
        for got, want in zip(leaves(epoch.state), leaves(state), strict=True):
            np.testing.assert_array_equal(got, want)


def test_the_loss_of_an_epoch_is_the_mean_over_rows_whatever_their_weights() -> None:
    def constant(state: None, batch: Batch) -> tuple[None, float]:
        return None, float(len(batch.x))

    weighted = DATA._replace(weight=np.arange(1.0, 8.0))
    pass_ = [minibatches(key(0), 7, weighted)[0], minibatches(key(0), 3, weighted)[2]]
    epoch = next(epochs(constant, None, [pass_]))
    assert epoch.loss == pytest.approx((7 * 7 + 1 * 1) / 8, rel=1e-15)


def test_a_pass_that_could_be_read_once_is_refused_before_any_training() -> None:
    def generator() -> Iterator[Batch]:
        yield from samples(DATA)

    with pytest.raises(TypeError, match="passes: expected passes that can be read again, got"):
        next(epochs(UPDATE, STATE, repeat(generator())))


def test_an_empty_pass_is_an_error() -> None:
    with pytest.raises(ValueError, match="passes: expected batches in every pass, got none"):
        next(epochs(UPDATE, STATE, [[]]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (((np.tanh,), squared_error, sgd(0.1)), r"acts\[0\]: expected an Activation\(f, df\) pair"),
        ((ACTS, tanh, sgd(0.1)), "loss: expected a Loss"),
        ((ACTS, squared_error, sgd), "optimizer: expected an Optimizer"),
    ],
)
def test_bad_parts_of_a_train_step_are_named(parts: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        train_step(*parts)
