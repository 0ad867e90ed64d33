"""A rate that falls on a plateau: PyTorch's rule, in every loop, as values."""

from __future__ import annotations

import math
from itertools import repeat
from typing import Any

import numpy as np
import pytest

from fnn import Batch, Optimizer, compiled, fit, init, key, minibatches, scan, start, train_step
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.optimizers import adam, adamw, chain, masked, momentum, sgd
from fnn.random import normal
from fnn.train import PlateauState, epochs, observe, reduce_on_plateau
from fnn.tree import leaves
from fnn.tree import scale as scaled

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 6, 2))
DATA = Batch(normal(key(1), (20, 3)), normal(key(2), (20, 2)))
PASS = minibatches(key(3), 8, DATA)
pytestmark = pytest.mark.filterwarnings("ignore::fnn.train.WorseThanConstantWarning")

GOLDEN = (
    # losses, and the rate after each of PyTorch's ReduceLROnPlateau(SGD of rate 1, factor=0.5,
    # patience=2, threshold=0.1, threshold_mode="abs", cooldown=1, min_lr=0.2)
    (5.0, 1.0),
    (4.95, 1.0),  # better, but not by 0.1: one wasted
    (4.85, 1.0),  # better by more than 0.1 than 5.0
    (4.9, 1.0),
    (4.8, 1.0),
    (4.76, 0.5),  # the third that is wasted
    (4.76, 0.5),  # at rest
    (4.76, 0.5),
    (4.76, 0.5),
    (math.nan, 0.25),
    (4.7, 0.25),  # at rest, and yet the best
    (4.7, 0.25),
    (4.7, 0.25),
    (4.7, 0.2),  # and not 0.125
    (4.7, 0.2),
    (4.7, 0.2),
    (4.7, 0.2),
    (4.7, 0.2),
)


def state_of(optimizer: Optimizer) -> PlateauState:
    state: PlateauState = optimizer.init(PARAMS)
    return state


def test_the_scale_is_that_of_pytorch() -> None:
    state = state_of(reduce_on_plateau(0.5, patience=2, min_delta=0.1, cooldown=1, least=0.2))
    for loss, rate in GOLDEN:
        state = observe(state, loss)
        assert state.scale == rate


def test_observing_makes_a_new_state_and_leaves_all_else() -> None:
    optimizer = chain(adam(0.1), reduce_on_plateau(0.5, patience=0))
    state = start(optimizer, PARAMS)
    after = observe(observe(state, 1.0), 1.0)
    assert (state.opt[1].scale, after.opt[1].scale) == (1.0, 0.5)
    assert after.params is not None
    assert all(a is b for a, b in zip(leaves(after.params), leaves(state.params), strict=True))
    assert after.opt[0] == state.opt[0]


@pytest.mark.parametrize(
    ("optimizer", "halved"),
    [
        (sgd(0.1), sgd(0.05)),
        (momentum(0.1), momentum(0.05)),
        (adam(0.1), adam(0.05)),
        (adamw(0.1), adamw(0.05)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("engine", [scan, compiled.scan], ids=["numpy", "compiled"])
def test_a_fallen_scale_is_a_smaller_rate(optimizer: Any, halved: Any, engine: Any) -> None:
    falling = chain(optimizer, reduce_on_plateau(0.5, patience=0))
    state = observe(observe(start(falling, PARAMS), 1.0), 1.0)
    got, losses = engine(train_step(ACTS, squared_error, falling), state, PASS)
    want, _ = scan(train_step(ACTS, squared_error, halved), start(halved, PARAMS), PASS)
    for a, b in zip(leaves(got.params), leaves(want.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)  # a product more to be rounded
    assert got.opt[1] == state.opt[1]
    assert len(losses) == 3


def test_epochs_tell_it_their_losses() -> None:
    optimizer = chain(sgd(0.1), reduce_on_plateau(0.5, patience=1, min_delta=0.02))
    update, state = train_step(ACTS, squared_error, optimizer), start(optimizer, PARAMS)
    walked = list(epochs(update, state, repeat(PASS, 40)))
    for epoch in walked:
        state, losses = scan(update, state, PASS)
        state = observe(state, float(np.average(losses, weights=[8, 8, 4])))
        assert epoch.state.opt[1].scale == state.opt[1].scale
    assert walked[-1].state.opt[1].scale < 1.0


@pytest.mark.parametrize("engine", [None, compiled.scan], ids=["numpy", "compiled"])
def test_fit_tells_it_what_patience_watches(engine: Any) -> None:
    optimizer = chain(sgd(0.3), reduce_on_plateau(0.5, patience=1, least=0.01))
    done = fit(
        ACTS,
        squared_error,
        optimizer,
        PARAMS,
        DATA,
        key=key(5),
        batch_size=5,
        max_epochs=60,
        validation=Batch(normal(key(6), (8, 3)), normal(key(7), (8, 2))),
        engine=engine,
    )
    state = state_of(reduce_on_plateau(0.5, patience=1, least=0.01))
    for loss in done.history.validation:
        state = observe(state, loss)
    assert done.state.opt[1] == state
    assert state.scale == 0.01


def test_it_works_inside_a_mask_and_in_trees_of_ones_own() -> None:
    optimizer = masked(chain(sgd(0.1), reduce_on_plateau(0.5, patience=0)), (True, False))
    state = observe(observe((start(optimizer, PARAMS), 3), 1.0), 1.0)
    after, _ = train_step(ACTS, squared_error, optimizer)(state[0], DATA)
    assert after.opt[1].scale == 0.5
    assert state[1] == 3


def stepping(grads: Any, state: int, params: Any) -> tuple[Any, int]:
    return scaled(-0.1, grads), state + 1


OWN: Optimizer[int] = Optimizer(lambda params: 0, stepping)


@pytest.mark.parametrize("first", [sgd(0.1), OWN], ids=["sgd", "own"])
@pytest.mark.parametrize("many", [False, True], ids=["train", "train_many"])
def test_many_epochs_in_one_call_refuse_it_by_name(many: bool, first: Any) -> None:
    optimizer: Any = chain(first, reduce_on_plateau())
    update, state = train_step(ACTS, squared_error, optimizer), start(optimizer, PARAMS)
    run: Any = compiled.train_many if many else compiled.train
    with pytest.raises(TypeError, match=r"without reduce_on_plateau.*engine=fnn\.compiled\.scan"):
        run(update, [state] if many else state, [PASS])
    epoch = next(epochs(update, state, [PASS], compiled.scan))  # the remedy
    assert epoch.number == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "factor: expected a number between 0 and 1, got 1.0"),
        ({"factor": 0.0}, "factor: expected a number between 0 and 1, got 0.0"),
        ({"patience": -1}, "patience: expected a whole number of at least 0, got -1"),
        ({"cooldown": 0.5}, "cooldown: expected a whole number of at least 0, got 0.5"),
        ({"min_delta": -1.0}, "min_delta: expected a finite number of at least 0, got -1.0"),
        ({"least": 1.5}, "least: expected a number from 0 to 1, got 1.5"),
    ],
)
def test_numbers_outside_their_range_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        reduce_on_plateau(**options)


def test_another_optimizers_state_is_named() -> None:
    optimizer: Any = reduce_on_plateau()
    with pytest.raises(TypeError, match=r"state: expected PlateauState, got SgdState; fnn\.start"):
        train_step(ACTS, squared_error, optimizer)(start(sgd(0.1), PARAMS)._replace(), DATA)
