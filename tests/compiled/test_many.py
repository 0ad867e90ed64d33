"""Many networks are trained as each would be alone."""

from __future__ import annotations

import os
import re
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from fnn import Batch, compiled, forward, init, key, minibatches, samples, start, train_step
from fnn.activations import sigmoid, tanh
from fnn.compiled._plan import feed as plan_feed
from fnn.compiled._plan import limits
from fnn.compiled._plan.limits import LARGE
from fnn.compiled._runtime import many as runtime_many
from fnn.compiled._runtime.many import cores
from fnn.compiled._runtime.train import Run, pieces_for
from fnn.losses import squared_error
from fnn.optimizers import adam, sgd
from fnn.random import Key, fold_in, normal, split
from fnn.train import DivergenceError
from fnn.tree import leaves

ACTS = (tanh, sigmoid)
DATA = Batch(normal(key(1), (12, 3)), 0.5 + 0.1 * normal(key(2), (12, 2)))
UPDATE = train_step(ACTS, squared_error, adam(0.01))


def new(k: Key) -> Any:
    return start(UPDATE.optimizer, init(k, (3, 4, 2)))


STATES = compiled.ensemble(key(0), 7, new)
PASSES = [minibatches(fold_in(key(5), i), 5, DATA) for i in range(4)]


def same(one: Any, other: Any) -> None:
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_ensemble_has_a_member_for_each_key() -> None:
    for member, k in zip(STATES, split(key(0), 7), strict=True):
        same(member, new(k))


@pytest.mark.parametrize("threads", [None, 1, 2, 5])
def test_each_network_is_to_the_bit_what_it_is_alone(threads: int | None) -> None:
    states, losses = compiled.train_many(UPDATE, STATES, PASSES, threads=threads)
    assert losses.shape == (7, 4)
    assert not losses.flags.writeable
    for i, state in enumerate(STATES):
        alone = compiled.train(UPDATE, state, PASSES)
        same(alone.state, states[i])
        np.testing.assert_array_equal(alone.losses, losses[i])


def test_networks_may_have_rates_and_data_of_their_own() -> None:
    updates = [train_step(ACTS, squared_error, adam(0.01 * (i + 1))) for i in range(7)]
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 12, 12) for _ in STATES]
    passes = [[samples(Batch(DATA.x[rows], DATA.y[rows]))] * 3 for rows in drawn]
    states, _ = compiled.train_many(updates, STATES, passes)
    for i, state in enumerate(STATES):
        same(compiled.train(updates[i], state, passes[i]).state, states[i])


def test_threads_train_networks_side_by_side() -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda state: compiled.scan(UPDATE, state, PASSES[0]), STATES))
    for state, (found, losses) in zip(STATES, done, strict=True):
        expected, others = compiled.scan(UPDATE, state, PASSES[0])
        same(expected, found)
        assert losses == others


def test_threads_share_forward_and_backprop() -> None:
    params = [state.params for state in STATES] * 20
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda p: compiled.forward(ACTS, p, DATA.x[0]), params))
        grads = list(pool.map(lambda p: compiled.backprop(ACTS, squared_error, p, DATA), params))
    for p, output, found in zip(params, outputs, grads, strict=True):
        np.testing.assert_array_equal(compiled.forward(ACTS, p, DATA.x[0]), output)
        same(compiled.backprop(ACTS, squared_error, p, DATA), found)


def test_a_prediction_has_the_mean_and_the_spread_of_all() -> None:
    params = [state.params for state in STATES]
    mean, spread = compiled.predict(ACTS, params, DATA.x)
    outputs = np.stack([forward(ACTS, p, DATA.x) for p in params])
    np.testing.assert_allclose(mean, outputs.mean(axis=0), 1e-13)
    np.testing.assert_allclose(spread, outputs.std(axis=0), 1e-12)
    assert not mean.flags.writeable
    assert not spread.flags.writeable


def test_an_error_says_which_network_it_was() -> None:
    any_targets = squared_error._replace(targets=None)
    updates = [UPDATE] * 6 + [train_step(ACTS, any_targets, sgd(1e200))]
    states = [*STATES[:6], start(sgd(1e200), STATES[6].params)]
    bad = Batch(DATA.x * 1e200, DATA.y)
    passes = [[samples(DATA)]] * 6 + [[samples(bad._replace(y=bad.y * 1e200))]]
    with pytest.raises(DivergenceError) as caught:
        compiled.train_many(updates, states, passes)
    assert caught.value.__notes__ == ["in states[6]"]


def no_piece(*arguments: object) -> Any:
    raise AssertionError("trained")


ANY: Any = compiled
REFUSED: dict[str, tuple[Any, Any, Any, str]] = {
    "too few updates": (
        [UPDATE] * 3,
        STATES,
        PASSES,
        "update: expected one for all, or one for ea",
    ),
    "a function": (print, STATES, PASSES, "update: expected what fnn.train_step returns, got"),
    "no states": (UPDATE, [], PASSES, "states: expected at least one, got none; ensemble"),
    "too few passes": (UPDATE, STATES, [PASSES] * 3, "passes: expected one for all, or one for ea"),
    "one pass": (
        UPDATE,
        STATES,
        PASSES[0],
        "passes: expected a sequence of passes, got Minibatche",
    ),
    "its data": (UPDATE, STATES, DATA, "passes: expected a sequence of passes, got Batch"),
    "an iterator": (UPDATE, STATES, iter(PASSES), "passes: expected a sequence of passes, got l"),
    "one pass among sequences": (
        UPDATE,
        STATES,
        [PASSES] * 6 + PASSES[:1],
        r"passes\[6\]: expected a sequence of passes, got Minibatches; \[pass_\] . n repeats one",
    ),
    "sequences of two lengths": (
        UPDATE,
        STATES,
        [PASSES] * 6 + [PASSES[:3]],
        "passes: expected equally many for each network, got from 3 to 4; train those of",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_match_is_refused_before_training(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_many, "pieces_for", no_piece)
    *arguments, message = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        ANY.train_many(*arguments)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_threads_are_a_whole_number_from_1_on(
    threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_many, "pieces_for", no_piece)
    with pytest.raises(ValueError, match=r"^threads: expected a whole number of at least 1, got"):
        compiled.train_many(UPDATE, STATES, PASSES, threads=threads)


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (init(key(0), (3, 5, 2)), "(3, 5, 2) of float64"),
        (init(key(0), (3, 4, 2), dtype=np.float32), "(3, 4, 2) of float32"),
    ],
)
def test_networks_of_another_kind_cannot_share_passes(other: Any, kind: str) -> None:
    states = [*STATES[:2], start(UPDATE.optimizer, other)]
    message = f"states: expected sizes (3, 4, 2) of float64 like states[0], got sizes {kind};"
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        compiled.train_many(UPDATE, states, PASSES)


def test_predictions_of_no_networks_or_of_unlike_ones_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^many: expected the params of at least one network"):
        compiled.predict(ACTS, [], DATA.x)
    params = [STATES[0].params, init(key(0), (3, 4, 1))]
    message = r"^many\[1\]: expected outputs \(12, 2\) like those of many\[0\], got \(12, 1\);"
    with pytest.raises(ValueError, match=message):
        compiled.predict(ACTS, params, DATA.x)


def test_cores_are_counted_where_no_system_tells_of_affinity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores() == os.cpu_count()


@pytest.mark.parametrize("large", [0, LARGE], ids=["by blas", "by loops"])
def test_a_network_goes_no_further_than_its_piece_where_another_failed(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LARGE", large)
    monkeypatch.setattr(plan_feed, "PIECE", 1)
    update = train_step((tanh, tanh), squared_error, sgd(0.1))
    run = Run(update, start(update.optimizer, init(key(0), (3, 4, 2))))
    session = run.session
    pass_ = minibatches(key(1), 2, Batch(np.ones((20, 3)), np.ones((20, 2))))
    session.stopped = lambda: session.taken == 4
    with pytest.raises(CancelledError):
        run.through(pieces_for(session, [pass_]))
    assert session.taken == 4
