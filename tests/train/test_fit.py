"""fit is made of the public pieces: the same epochs, the best params, the figures of both sets."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn import Batch, Optimizer, Params, forward, init, key, minibatches, scan, start, train_step
from fnn.activations import dropout, identity, silu, tanh
from fnn.base import Acts, Array, State
from fnn.losses import squared_error
from fnn.network import mean_loss
from fnn.optimizers import SgdState, chain, clip_by_norm, clip_by_value, scale, sgd
from fnn.random import Key, fold_in, normal, split
from fnn.testing import check_gradients
from fnn.train import DivergenceError, Epoch, Fit, History, epochs, fit
from fnn.tree import leaves

# Most of these fits stop after a few epochs, and so long before they are of any use.
pytestmark = pytest.mark.filterwarnings("ignore::fnn.train.WorseThanConstantWarning")

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 6, 2))
DATA = Batch(normal(key(1), (20, 3)), normal(key(2), (20, 2)))
HELD_OUT = Batch(normal(key(3), (8, 3)), normal(key(4), (8, 2)))

Seen = list[tuple[Epoch[State[np.float64, SgdState]], History]]


def equal(one: object, other: object) -> bool:
    pairs = zip(leaves(one), leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def noisy(key: Key) -> Acts:
    return (dropout(key, 0.3, tanh), identity)


def overfit(seen: Seen, patience: int | None = None) -> Fit[np.float64, SgdState]:
    """More units than rows can pin down: the validation loss turns before the training loss."""
    return fit(
        ACTS,
        squared_error,
        sgd(0.1),
        PARAMS,
        DATA,
        key=key(6),
        batch_size=5,
        max_epochs=60,
        validation=HELD_OUT,
        patience=patience,
        on_epoch=lambda epoch, history: seen.append((epoch, history)),
    )


def test_fit_is_the_epochs_that_one_would_write() -> None:
    done = fit(ACTS, squared_error, sgd(0.05), PARAMS, DATA, key=key(5), batch_size=8, max_epochs=4)
    order = split(key(5))[0]
    update = train_step(ACTS, squared_error, sgd(0.05))
    passes = (minibatches(fold_in(order, i), 8, DATA) for i in range(4))
    walked = list(epochs(update, start(sgd(0.05), PARAMS), passes))
    assert equal(done.state, walked[-1].state)
    assert done.history == History(tuple(epoch.loss for epoch in walked), (), ())
    assert equal(done.params, walked[-1].state.params)


def test_two_fits_with_the_same_arguments_are_bit_identical() -> None:
    def once() -> Fit[np.float64, SgdState]:
        return fit(
            ACTS,
            squared_error,
            sgd(0.05),
            PARAMS,
            DATA,
            key=key(5),
            batch_size=8,
            max_epochs=5,
            validation=HELD_OUT,
            training_acts=noisy,
        )

    assert equal(once(), once())


def test_the_best_params_have_the_least_validation_loss_and_the_state_is_the_last() -> None:
    seen: Seen = []
    done = overfit(seen)
    best = int(np.argmin(done.history.validation))
    assert best < 59
    assert equal(done.params, seen[best][0].state.params)
    assert mean_loss(ACTS, squared_error, done.params, HELD_OUT) == done.history.validation[best]
    assert equal(done.state, seen[-1][0].state)
    assert len(seen) == len(done.history.train) == 60


def test_patience_stops_after_so_many_epochs_without_a_better_one() -> None:
    seen: Seen = []
    done = overfit(seen, patience=4)
    best = int(np.argmin(done.history.validation))
    assert len(done.history.validation) == best + 1 + 4 < 60


def test_on_epoch_sees_every_epoch_with_the_history_so_far() -> None:
    seen: Seen = []
    done = overfit(seen)
    for i, (epoch, history) in enumerate(seen, 1):
        assert epoch.number == len(history.train) == len(history.validation) == i
        assert history.train == done.history.train[:i]


def test_a_metric_is_recorded_on_the_validation_data() -> None:
    def worst(output: Array, target: Array) -> float:
        return float(np.abs(output - target).max())

    done = fit(
        ACTS,
        squared_error,
        sgd(0.05),
        PARAMS,
        DATA,
        key=key(5),
        batch_size=8,
        max_epochs=3,
        validation=HELD_OUT,
        metric=worst,
    )
    output = forward(ACTS, done.state.params, HELD_OUT.x)
    assert done.history.metric[-1] == worst(output, HELD_OUT.y)
    assert len(done.history.metric) == 3


def test_no_epochs_leave_the_params_as_they_are() -> None:
    done = fit(ACTS, squared_error, sgd(0.1), PARAMS, DATA, key=key(5), batch_size=8, max_epochs=0)
    assert equal(done.params, PARAMS)
    assert done.history == History((), (), ())


def test_a_diverging_run_stops_where_it_diverged_with_the_last_finite_state() -> None:
    with pytest.raises(DivergenceError, match=r"in epoch \d+, step \d+; try a smaller rate") as e:
        fit(
            (identity, identity),
            squared_error,
            sgd(5.0),
            PARAMS,
            DATA,
            key=key(5),
            batch_size=8,
            max_epochs=500,
        )
    assert 1 <= e.value.step <= 3
    params: Params = e.value.state.params
    assert all(np.isfinite(array).all() for array in leaves(params))
    done = e.value.state.opt.steps
    assert done == 3 * (e.value.epoch - 1) + e.value.step - 2


def test_without_validation_the_params_are_the_last_not_those_of_the_least_loss() -> None:
    """A rate that is too large for the end: the training loss goes up and down."""
    done = fit(ACTS, squared_error, sgd(0.3), PARAMS, DATA, key=key(5), batch_size=4, max_epochs=9)
    assert done.history.train[-1] > min(done.history.train)
    assert equal(done.params, done.state.params)


def test_a_loss_that_stays_the_same_is_no_progress() -> None:
    done = fit(
        ACTS,
        squared_error,
        sgd(0.0),
        PARAMS,
        DATA,
        key=key(5),
        batch_size=20,
        max_epochs=50,
        validation=HELD_OUT,
        patience=3,
    )
    assert len(done.history.train) == 4


def test_every_step_drops_out_by_a_key_of_its_own_that_orders_no_rows() -> None:
    seen: list[Key] = []

    def recorded(key: Key) -> Acts:
        seen.append(key)
        return ACTS

    fit(
        ACTS,
        squared_error,
        sgd(0.1),
        PARAMS,
        DATA,
        key=key(5),
        batch_size=8,
        max_epochs=4,
        training_acts=recorded,
    )
    order = split(key(5))[0]
    assert len(set(seen)) == 12
    assert not {order, *(fold_in(order, i) for i in range(12))} & set(seen)


def huge(validation: Batch | None, **options: Any) -> Fit[np.float64, SgdState]:
    """One step, whose rate makes params near 1e307 of a gradient near 1."""
    return fit(
        ACTS,
        squared_error,
        sgd(options.pop("rate", 1e307)),
        PARAMS,
        options.pop("data", DATA),
        key=key(5),
        batch_size=20,
        max_epochs=1,
        validation=validation,
        **options,
    )


def test_a_validation_loss_that_is_not_finite_is_no_best_one() -> None:
    with pytest.raises(DivergenceError, match=r"^validation loss: .* got inf in epoch 1, step 1"):
        huge(HELD_OUT)


def test_params_that_the_last_step_of_an_epoch_made_infinite_are_not_handed_out() -> None:
    seen: list[Any] = []
    data = DATA._replace(y=1e3 * DATA.y)
    with pytest.raises(DivergenceError, match=r"^params after the step: .* epoch 1, step 1") as e:
        huge(None, data=data, on_epoch=lambda epoch, history: seen.append(epoch))
    assert not seen
    assert equal(e.value.state.params, PARAMS)


def test_a_metric_gets_arrays_and_is_recorded_as_a_float() -> None:
    listed = Batch(HELD_OUT.x.tolist(), HELD_OUT.y.tolist())
    done = fit(
        ACTS,
        squared_error,
        sgd(0.1),
        PARAMS,
        Batch(DATA.x.tolist(), DATA.y.tolist()),
        key=key(5),
        batch_size=8,
        max_epochs=1,
        validation=listed,
        metric=lambda output, target: np.square(output - target).mean(),
    )
    assert type(done.history.metric[0]) is float


def no_update(*arguments: object) -> Any:
    raise AssertionError("trained")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "negative epochs": ({"max_epochs": -1}, "max_epochs: expected a whole number of at least 0"),
    "half an epoch": ({"max_epochs": 2.5}, "max_epochs: expected a whole number of at least 0"),
    "no rows a batch": ({"batch_size": 0}, "batch_size: expected a whole number of at least 1"),
    "no patience": ({"patience": 0}, "patience: expected a whole number of at least 1"),
    "nothing to measure on": ({"metric": np.vdot}, "metric: expected validation data to measure"),
    "class labels": ({"train": DATA._replace(y=DATA.y[:, 0])}, r"train\.y: .*fnn\.one_hot\(y, 2"),
    "unlike validation": (
        {"validation": DATA._replace(y=DATA.y[:, :1])},
        r"validation\.y: .*\(20, 2\)",
    ),
    "pairs of each step, compiled": (
        {"training_acts": noisy, "engine": no_update},
        r"engine: expected None, the default, as training_acts .* leave out engine or train",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_told_before_any_training(name: str) -> None:
    options, message = BAD[name]
    usual: dict[str, Any] = {"key": key(5), "batch_size": 8, "max_epochs": 1, "train": DATA}
    arguments = usual | options
    with pytest.raises(ValueError, match=f"^{message}"):
        fit(ACTS, squared_error, Optimizer(lambda params: (), no_update), PARAMS, **arguments)


@pytest.mark.parametrize("clip", [clip_by_norm(1e3), clip_by_value(1e3)])
def test_a_gradient_that_cannot_be_clipped_stops_as_a_loss_does(clip: Optimizer) -> None:
    """Weights near 1e308 make outputs, loss and gradient overflow, and clipping comes first."""
    with pytest.raises(DivergenceError, match=r"^grads: .* in epoch 1, step 2; try") as e:
        fit(
            (identity,),
            squared_error,
            chain(clip, scale(-1e308)),
            init(key(0), (3, 2)),
            DATA,
            key=key(5),
            batch_size=8,
            max_epochs=2,
        )
    assert isinstance(e.value.__cause__, FloatingPointError)
    assert (e.value.epoch, e.value.step) == (1, 2)
    assert all(np.isfinite(array).all() for array in leaves(e.value.state.params))


def test_a_keyboard_interrupt_loses_no_epoch_that_on_epoch_saw() -> None:
    seen: Seen = []

    def interrupt(epoch: Epoch[State[np.float64, SgdState]], history: History) -> None:
        seen.append((epoch, history))
        if epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            ACTS,
            squared_error,
            sgd(0.05),
            PARAMS,
            DATA,
            key=key(5),
            batch_size=8,
            max_epochs=9,
            on_epoch=interrupt,
        )
    again = fit(
        ACTS, squared_error, sgd(0.05), PARAMS, DATA, key=key(5), batch_size=8, max_epochs=3
    )
    assert equal(seen[-1][0].state, again.state)


def test_ctrl_c_leaves_the_last_epoch_that_on_epoch_saw_whole() -> None:
    script = Path(__file__).with_name("interrupted_fit.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(3):
            assert child.stdout.readline() == "epoch\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.read().splitlines()[-1] == "whole"
    assert child.returncode == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["train", "validation"])
def test_inputs_that_are_not_finite_are_named_by_row_and_column(name: str, bad: float) -> None:
    x = DATA.x.copy()
    x[4, 1] = bad
    data = {"train": DATA, "validation": DATA} | {name: Batch(x, DATA.y)}
    with pytest.raises(ValueError, match=rf"{name}\.x: .*row 4.*column 1"):
        fit(
            ACTS,
            squared_error,
            sgd(0.1),
            PARAMS,
            data["train"],
            key=key(5),
            batch_size=8,
            max_epochs=1,
            validation=data["validation"],
        )


def test_dropout_has_an_exact_gradient_and_keeps_the_mean() -> None:
    acts = (dropout(key(7), 0.4, tanh), dropout(key(8), 0.2, silu), identity)  # silu' reads a
    check_gradients(acts, squared_error, init(key(9), (3, 8, 6, 2)), DATA)
    dropped = dropout(key(7), 0.4, identity).f(np.ones((400, 500)))
    assert set(np.unique(dropped)) == {0.0, 1 / 0.6}
    # 200,000 independent units: five standard errors of their mean.
    assert dropped.mean() == pytest.approx(1.0, abs=5 * math.sqrt(0.4 / 0.6 / 200_000))


def test_dropout_is_a_function_of_its_key() -> None:
    z = normal(key(1), (50, 4))
    one, same, other = (dropout(key(i), 0.5, tanh) for i in (7, 7, 8))
    np.testing.assert_array_equal(one.f(z), same.f(z))
    np.testing.assert_array_equal(one.f(z) == 0, one.df(z, one.f(z)) == 0)
    assert not np.array_equal(one.f(z), other.f(z))
    assert dropout(key(1), 0.0, tanh).f(z) == pytest.approx(np.tanh(z), rel=1e-15)
    assert one.f(z.astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match="rate: expected a number from 0 to below 1, got 1"):
        dropout(key(1), 1.0, tanh)
    untyped: Any = np.tanh
    with pytest.raises(TypeError, match=r"acts\[0\]: expected an Activation"):
        dropout(key(1), 0.5, untyped)


def wrapped(update: Any, state: Any, pass_: Any) -> Any:
    """An engine of one's own around another, as to count or to log."""
    return scan(update, state, pass_)


@pytest.mark.parametrize("engine", [scan, wrapped], ids=["scan", "wrapped"])
def test_an_engine_comes_to_the_bits_of_no_engine(engine: Any) -> None:
    options: dict[str, Any] = {"key": key(5), "batch_size": 6, "max_epochs": 3, "validation": DATA}
    arguments = ACTS, squared_error, sgd(0.01), PARAMS, DATA
    plain, folded = fit(*arguments, **options), fit(*arguments, **options, engine=engine)
    assert folded.history == plain.history
    for got, want in zip(leaves(folded), leaves(plain), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("engine", [scan, wrapped], ids=["scan", "wrapped"])
def test_a_divergence_under_an_engine_is_told_as_without(engine: Any) -> None:
    """After two epochs that go well: the state before comes from the second."""
    arguments = (identity,), squared_error, sgd(1e18), init(key(0), (3, 2)), DATA
    options: dict[str, Any] = {"key": key(5), "batch_size": 8, "max_epochs": 99}
    found = []
    for chosen in (None, engine):
        with pytest.raises(DivergenceError) as e:
            fit(*arguments, **options, engine=chosen)
        found.append(e.value)
    plain, folded = found
    assert plain.epoch > 2
    assert (folded.epoch, folded.step, folded.what) == (plain.epoch, plain.step, plain.what)
    assert str(folded) == str(plain)
    for got, want in zip(leaves(folded.state), leaves(plain.state), strict=True):
        np.testing.assert_array_equal(got, want)
