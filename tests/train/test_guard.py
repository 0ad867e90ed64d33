"""A guarded update ends a hand-made loop where its loss is not finite, in both engines alike."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from fnn import Batch, Layer, compiled, init, key, minibatches, samples, scan, start, train_step
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.optimizers import adam, chain, clip_by_norm, sgd
from fnn.random import normal
from fnn.train import DivergenceError, GuardedStep, epochs, guard
from fnn.tree import leaves

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 4, 2))
DATA = Batch(normal(key(1), (7, 3)), normal(key(2), (7, 2)))
UPDATE = train_step(ACTS, squared_error, chain(clip_by_norm(1e9), adam(0.1)))
STATE = start(UPDATE.optimizer, PARAMS)
ENGINES = pytest.mark.parametrize("engine", [scan, compiled.scan], ids=["numpy", "compiled"])


@ENGINES
def test_a_guarded_update_is_the_update_where_all_is_finite(engine: Any) -> None:
    got, want = engine(guard(UPDATE), STATE, samples(DATA)), engine(UPDATE, STATE, samples(DATA))
    assert got[1] == want[1]
    for a, b in zip(leaves(got[0]), leaves(want[0]), strict=True):
        np.testing.assert_array_equal(a, b)


def spoiled(row: int, column: int, value: float) -> Batch:
    y = DATA.y.copy()
    y[row, column] = value
    return DATA._replace(y=y)


@ENGINES
@pytest.mark.filterwarnings("ignore:invalid:RuntimeWarning")
def test_a_target_that_is_not_finite_is_named_by_step_row_and_column(engine: Any) -> None:
    update = guard(train_step(ACTS, squared_error, sgd(0.1)))
    state = start(sgd(0.1), PARAMS)
    message = "^loss: expected a finite number, got nan in step 5; batch.y has nan in column 1: fil"
    with pytest.raises(FloatingPointError, match=message):
        engine(update, state, samples(spoiled(4, 1, math.nan)))
    pass_ = minibatches(key(3), 3, spoiled(4, 1, math.inf))
    batch, row = divmod(int(np.flatnonzero(pass_.rows == 4)[0]), 3)
    message = f"got inf in step {batch + 1}; batch.y has inf in row {row}, column 1: fill it in"
    with pytest.raises(FloatingPointError, match=message):
        engine(update, state, pass_)


@ENGINES
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_params_that_overflowed_are_named_and_so_is_a_loss_that_did(engine: Any) -> None:
    linear = init(key(0), (3, 2))
    state = start(sgd(1e200), linear)
    update = guard(train_step((identity,), squared_error, sgd(1e200)))
    with pytest.raises(FloatingPointError, match="got inf in step 2; try a smaller rate, inputs"):
        engine(update, state, samples(DATA))
    bad = (Layer(linear[0].w, np.array([0.0, np.inf])),)
    with pytest.raises(FloatingPointError, match="step 1; params has inf: go back to an earlier"):
        engine(update, start(sgd(1e200), bad), samples(DATA))


def test_without_a_guard_both_engines_go_on_alike() -> None:
    data = spoiled(0, 0, math.nan)
    update = train_step(ACTS, squared_error, sgd(0.1))
    state = start(sgd(0.1), PARAMS)
    with np.errstate(invalid="ignore"):
        one, other = (engine(update, state, samples(data)) for engine in (scan, compiled.scan))
    np.testing.assert_array_equal(one[1], other[1])
    assert np.isnan(one[0].params[0].w).all()
    assert np.isnan(other[0].params[0].w).all()


def test_any_update_can_be_guarded_and_epochs_name_the_epoch() -> None:
    def update(state: int, batch: Batch) -> tuple[int, float]:
        return state + 1, math.inf if state == 5 else 1.0

    guarded = guard(update)
    assert guarded(4, DATA) == (5, 1.0)
    with pytest.raises(
        FloatingPointError, match=r"^loss: expected a finite number, got inf; try a"
    ):
        guarded(5, DATA)
    with pytest.raises(DivergenceError, match="got inf in epoch 2, step 3; try") as e:
        list(epochs(guarded, 0, [[DATA] * 3] * 9))
    assert isinstance(e.value.__cause__, FloatingPointError)


@pytest.mark.parametrize("engine", [None, compiled.scan], ids=["numpy", "compiled"])
def test_epochs_take_a_guarded_step_with_an_engine(engine: Any) -> None:
    passes = [minibatches(key(i), 3, DATA) for i in range(3)]
    got, want = epochs(guard(UPDATE), STATE, passes, engine), epochs(UPDATE, STATE, passes, engine)
    assert [epoch.loss for epoch in got] == [epoch.loss for epoch in want]


def test_a_guarded_update_can_be_pickled() -> None:
    again: GuardedStep = pickle.loads(pickle.dumps(guard(UPDATE)))
    assert again(STATE, DATA)[1] == UPDATE(STATE, DATA)[1]


def test_the_engine_refuses_a_guarded_function_of_ones_own() -> None:
    def update(state: Any, batch: Batch) -> tuple[Any, float]:
        return state, 1.0

    scan_any: Any = compiled.scan
    with pytest.raises(TypeError, match=r"^update: expected what fnn\.train_step returns, got"):
        scan_any(guard(update), STATE, samples(DATA))
