"""An optimizer of one's own trains with gradients in machine code, and its update in Python."""

from __future__ import annotations

import math
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pytest

import fnn
from fnn import Batch, Optimizer, compiled, init, key, minibatches, samples, tree
from fnn.activations import identity, tanh
from fnn.compiled._plan import limits
from fnn.losses import squared_error
from fnn.optimizers import adam, chain, clip_by_norm, masked
from fnn.train import DivergenceError

RNG = np.random.default_rng(8)
ACTS, PARAMS = (tanh, identity), init(key(0), (3, 5, 2))
DATA = Batch(RNG.standard_normal((13, 3)), RNG.random((13, 2)), RNG.random(13) + 0.5)


class Walk(NamedTuple):
    """The state of an optimizer of one's own."""

    steps: int
    carried: Any


def own(rate: float) -> Optimizer[Walk]:
    """Momentum whose mass grows with the steps."""

    def start(params: Any) -> Walk:
        return Walk(0, tree.zero_grads(params) if hasattr(tree, "zero_grads") else None)

    def update(grads: Any, state: Walk, params: Any) -> Any:
        mass = state.steps / (state.steps + 3)
        carried = grads
        if state.carried is not None:
            carried = tree.add(grads, tree.scale(mass, state.carried))
        return tree.scale(-rate, carried), Walk(state.steps + 1, carried)

    return Optimizer(start, update)


def shrinking(grads: Any, state: int, params: Any) -> Any:
    """Descent with a decay, which reads the params."""
    decayed = tree.map(lambda g, p: -0.05 * (g + 0.1 * p), grads, tree.scale(1.0, params))
    return decayed, state + 1


OPTIMIZERS: dict[str, Optimizer[Any]] = {
    "of the params": Optimizer(lambda params: 0, shrinking),
    "alone": own(0.05),
    "after clipping": chain(clip_by_norm(0.5), own(0.05)),
    "before adam": chain(own(-0.5), adam(0.01)),
    "masked": masked(own(0.05), (True, (False, True))),
}


def same(found: Any, expected: Any) -> None:
    for one, other in zip(found.params, expected.params, strict=True):
        np.testing.assert_allclose(one.w, other.w, 1e-12, 1e-14)
        np.testing.assert_allclose(one.b, other.b, 1e-12, 1e-14)


@pytest.mark.parametrize("by_blas", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_trains_as_on_the_numpy_path(
    name: str, by_blas: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_blas:
        monkeypatch.setattr(limits, "LARGE", 1)
    update = fnn.train_step(ACTS, squared_error, OPTIMIZERS[name])
    state = fnn.start(update.optimizer, PARAMS)
    for pass_ in (samples(DATA), minibatches(key(1), 5, DATA)):
        expected, losses = fnn.scan(update, state, pass_)
        found, others = compiled.scan(update, state, pass_)
        np.testing.assert_allclose(others, losses, 1e-12)
        same(found, expected)
        assert str(type(found.opt)) == str(type(expected.opt))
        *_, last = fnn.epochs(update, state, repeat(pass_, 4))
        trained = compiled.train(update, state, [pass_] * 4)
        same(trained.state, last.state)
        assert trained.losses[-1] == pytest.approx(last.loss, rel=1e-12)
        half = compiled.train(update, state, [pass_] * 9, target=trained.losses[2])
        first = next(i for i, loss in enumerate(trained.losses) if loss <= trained.losses[2])
        assert half.losses == trained.losses[: first + 1]
        many = compiled.train_many(update, [state] * 3, [pass_] * 4)
        same(many.states[2], last.state)


def test_fit_takes_it_with_an_engine() -> None:
    def fitted(engine: Any) -> Any:
        return fnn.fit(
            ACTS,
            squared_error,
            own(0.05),
            PARAMS,
            DATA,
            key=key(3),
            batch_size=4,
            max_epochs=5,
            engine=engine,
        )

    plain, quick = fitted(None), fitted(compiled.scan)
    np.testing.assert_allclose(quick.history.train, plain.history.train, 1e-12)
    same(quick.state, plain.state)


def test_the_states_that_it_makes_are_its_own_and_stay_as_they_are() -> None:
    update = fnn.train_step(ACTS, squared_error, own(0.05))
    state = fnn.start(update.optimizer, PARAMS)
    before = [layer.w.copy() for layer in state.params]
    first, _ = compiled.scan(update, state, samples(DATA))
    kept = [layer.w.copy() for layer in first.params]
    second, _ = compiled.scan(update, first, samples(DATA))
    assert (first.opt.steps, second.opt.steps) == (13, 26)
    assert not first.params[0].w.flags.writeable
    for layer, w in zip((*state.params, *first.params), (*before, *kept), strict=True):
        np.testing.assert_array_equal(layer.w, w)


def test_an_update_that_diverges_is_reported_as_on_the_numpy_path() -> None:
    update = fnn.train_step(ACTS, squared_error, own(1e6))
    state = fnn.start(update.optimizer, PARAMS)
    with pytest.raises(DivergenceError) as plain:
        list(fnn.epochs(update, state, [samples(DATA)] * 9))
    with pytest.raises(DivergenceError) as quick:
        compiled.train(update, state, [samples(DATA)] * 9)
    assert (quick.value.epoch, quick.value.step) == (plain.value.epoch, plain.value.step)
    clipped = fnn.train_step(ACTS, squared_error, chain(own(1.0), clip_by_norm(1.0)))
    ill = Batch(DATA.x, np.where(np.arange(26).reshape(13, 2) == 17, math.inf, DATA.y))
    with pytest.raises(FloatingPointError, match="norm"):
        compiled.scan(clipped, fnn.start(clipped.optimizer, PARAMS), samples(ill))


def test_a_state_of_its_own_that_is_not_finite_is_a_divergence() -> None:
    def growing(grads: Any, state: Any, params: Any) -> Any:
        with np.errstate(over="ignore"):
            return tree.scale(-0.01, grads), state * 1e100

    update = fnn.train_step(ACTS, squared_error, Optimizer(lambda params: np.ones(1), growing))
    state = fnn.start(update.optimizer, PARAMS)
    with pytest.raises(DivergenceError, match="optimizer state"):
        compiled.train(update, state, [samples(DATA)] * 3)
    kept = fnn.start(Optimizer(lambda params: np.full(1, np.inf), growing), PARAMS)
    assert len(compiled.train(update, kept, [samples(DATA)] * 3).losses) == 3


def test_an_error_of_the_update_reaches_the_caller() -> None:
    def failing(grads: Any, state: int, params: Any) -> Any:
        if state == 3:
            raise RuntimeError("four steps")
        return tree.scale(-0.1, grads), state + 1

    update = fnn.train_step(ACTS, squared_error, Optimizer(lambda params: 0, failing))
    with pytest.raises(RuntimeError, match="four steps"):
        compiled.scan(update, fnn.start(update.optimizer, PARAMS), samples(DATA))
    writing = fnn.train_step(
        ACTS, squared_error, Optimizer(lambda p: (), lambda g, s, p: (g[0].w.fill(0.0), s))
    )
    with pytest.raises(ValueError, match="read-only"):
        compiled.scan(writing, fnn.start(writing.optimizer, PARAMS), samples(DATA))
