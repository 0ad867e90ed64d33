"""What train and train_many had learned is carried by whatever exception ends them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn import Batch, compiled, init, key, minibatches, samples, start, train_step
from fnn.activations import identity, tanh
from fnn.compiled._plan import pieces as plan_pieces
from fnn.compiled._plan.limits import PIECE
from fnn.losses import squared_error
from fnn.optimizers import adam, sgd
from fnn.random import normal
from fnn.train import DivergenceError, epochs, progress_of, progress_of_each
from fnn.tree import leaves

ACTS = (tanh, identity)
DATA = Batch(normal(key(1), (20, 3)), normal(key(2), (20, 2)))
PASSES = [minibatches(key(i), 6, DATA) for i in range(9)]
UPDATE = train_step(ACTS, squared_error, adam(0.3))  # with which losses go up and down
STATES = [start(UPDATE.optimizer, init(key(i), (3, 4, 2))) for i in (1, 2, 4)]
SIZES = pytest.mark.parametrize("piece", [PIECE, 1], ids=["at once", "pass by pass"])


class BrokenError(Exception):
    """An error of a user's own."""


def same(one: object, other: object) -> None:
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def broken(n: int) -> Iterator[Any]:
    yield from PASSES[:n]
    raise BrokenError


@SIZES
def test_an_error_between_passes_leaves_the_pieces_before(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes are read ahead: what is not trained yet when one fails to come is not learned."""
    monkeypatch.setattr(plan_pieces, "PIECE", piece)
    with pytest.raises(BrokenError) as caught:
        compiled.train(UPDATE, STATES[0], broken(9))
    done = progress_of(caught.value)
    assert done is not None
    assert len(done.history.train) == (9 if piece == 1 else 0)
    if piece == 1:
        again = compiled.train(UPDATE, STATES[0], PASSES)
        best = 1 + int(np.argmin(again.losses))
        assert best < 9
        same(done.state, again.state)
        assert done.history == (again.losses, (), ())
        same(done.params, compiled.train(UPDATE, STATES[0], PASSES[:best]).state.params)
    else:
        same(done.params, STATES[0].params)


def failing(i: int) -> Any:
    """The update and the state of a network that diverges in its epoch number 6."""
    optimizer = sgd(lambda step: 0.05 if step < 5 * 4 else 1e200)
    return train_step(ACTS, squared_error, optimizer), start(optimizer, init(key(i), (3, 4, 2)))


def test_a_divergence_carries_the_epochs_of_the_pieces_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_pieces, "PIECE", 1)
    update, state = failing(0)
    with pytest.raises(DivergenceError) as caught:
        compiled.train(update, state, PASSES)
    with pytest.raises(DivergenceError) as expected, np.errstate(all="ignore"):
        list(epochs(update, state, PASSES))
    assert (caught.value.epoch, caught.value.step) == (expected.value.epoch, expected.value.step)
    found, want = caught.value.progress, expected.value.progress
    assert found is not None
    assert want is not None
    assert len(found.history.train) == 5
    for a, b in zip(leaves(found), leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)  # some roundings of each engine


def test_each_network_beside_one_that_failed_keeps_what_it_learned() -> None:
    pairs = [(UPDATE, STATES[0]), failing(1), (UPDATE, STATES[2])]
    updates, states = zip(*pairs, strict=True)
    with pytest.raises(DivergenceError, match="epoch 6") as caught:
        compiled.train_many(updates, states, PASSES, threads=1)
    assert caught.value.__notes__ == ["in states[1]"]
    first, second, third = progress_of_each(caught.value)
    again = compiled.train(UPDATE, STATES[0], PASSES)
    same(first.state, again.state)
    assert first.history.train == again.losses
    best = 1 + int(np.argmin(again.losses))
    same(first.params, compiled.train(UPDATE, STATES[0], PASSES[:best]).state.params)
    same(second.params, states[1].params)  # one piece has all passes
    assert third.history.train in ((), compiled.train(UPDATE, STATES[2], PASSES).losses)


def test_a_wrong_state_among_many_is_named_beside_the_others() -> None:
    states: Any = [STATES[0], start(UPDATE.optimizer, init(key(0), (3, 5, 2)))]
    with pytest.raises(ValueError, match=r"^states: expected sizes") as caught:
        compiled.train_many(UPDATE, states, [samples(DATA)], threads=1)
    each = progress_of_each(caught.value)
    assert [len(done.history.train) for done in each] == [1, 0]
    same(each[1].state, states[1])


@pytest.mark.parametrize("name", ["train", "train_many"])
def test_ctrl_c_leaves_whole_epochs_and_the_best_of_them(name: str) -> None:
    script = Path(__file__).with_name("interrupted_train.py")
    with subprocess.Popen([sys.executable, script, name], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for _ in range(30):
            assert run.stdout.readline() == "passes\n"
        run.send_signal(signal.SIGINT)
        *lengths, verdict = run.stdout.read().splitlines()[-1].split()
    assert run.returncode == 0
    assert verdict == "whole"
    assert max(map(int, lengths)) > 1000
