"""Nothing learned is lost: what ends training carries it, and fit goes on from it to the bit."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn import (
    Batch,
    Layer,
    Optimizer,
    State,
    compiled,
    fit,
    init,
    key,
    load,
    minibatches,
    save,
    scan,
    start,
    train_step,
)
from fnn.activations import dropout, identity, tanh
from fnn.base import Array
from fnn.data import Minibatches, _passes
from fnn.losses import poisson, squared_error
from fnn.optimizers import MomentumState, adagrad, adam, chain, momentum, rmsprop, sgd
from fnn.random import Key, fold_in, normal, split
from fnn.train import (
    DivergenceError,
    Fit,
    _fit,
    epochs,
    progress_of,
    progress_of_each,
    reduce_on_plateau,
)
from fnn.train._progress import Watch
from fnn.tree import leaves, zeros_like
from fnn.tree import map as tree_map

pytestmark = pytest.mark.filterwarnings("ignore::fnn.train.WorseThanConstantWarning")

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 6, 2))


def table(seed: int, n: int) -> Batch:
    """A function of the inputs, with so much noise that there is something to learn by heart."""
    x = normal(key(seed), (n, 3))
    return Batch(x, np.sin(x[:, :2]) + 0.4 * normal(key(seed + 1), (n, 2)))


DATA, HELD_OUT = table(1, 20), table(3, 12)
OPTIMIZER = chain(adam(0.02), reduce_on_plateau(0.5, patience=2))


def worst(output: Array, target: Array) -> float:
    return float(np.abs(output - target).max())


def noisy(key: Key) -> Any:
    return (dropout(key, 0.3, tanh), identity)


USUAL: dict[str, Any] = {"key": key(6), "batch_size": 6, "max_epochs": 40, "patience": 5}
CASES: dict[str, dict[str, Any]] = {
    "training loss": {},
    "validation": {"validation": HELD_OUT},
    "small steps": {"validation": HELD_OUT, "min_delta": 0.02},
    "metric": {"validation": HELD_OUT, "metric": worst},
    "least metric": {"validation": HELD_OUT, "metric": worst, "metric_mode": "min"},
    "greatest metric": {
        "validation": HELD_OUT,
        "metric": lambda output, target: -worst(output, target),
        "metric_mode": "max",
    },
    "dropout": {"validation": HELD_OUT, "training_acts": noisy},
    "weights": {"train": DATA._replace(weight=np.arange(20.0) % 5)},
    "compiled": {"validation": HELD_OUT, "engine": compiled.scan},
    "an engine of NumPy": {"engine": scan},
}


def trained(params: Any = PARAMS, **options: Any) -> Fit[Any, Any]:
    arguments = {"train": DATA} | USUAL | options
    return fit(ACTS, squared_error, OPTIMIZER, params, arguments.pop("train"), **arguments)


def same(one: object, other: object) -> None:
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


class StopError(Exception):
    """An error of a user's own."""


def ended(error: type[BaseException], epoch: int, **options: Any) -> Fit[Any, Any]:
    """What an error that on_epoch raises after an epoch carries."""

    def on_epoch(now: Any, history: Any) -> None:
        if now.number == epoch:
            raise error

    with pytest.raises(error) as caught:
        trained(on_epoch=on_epoch, **options)
    assert type(caught.value) is error
    done = progress_of(caught.value)
    assert done is not None
    return done


@pytest.mark.parametrize("error", [KeyboardInterrupt, StopError])
@pytest.mark.parametrize("name", CASES)
def test_a_fit_goes_on_to_the_bit_from_what_an_error_left(
    name: str, error: type[BaseException]
) -> None:
    whole = trained(**CASES[name])
    assert len(whole.history.train) > 6
    for epoch in (1, 6, len(whole.history.train)):
        left = ended(error, epoch, **CASES[name])
        assert left.history.train == whole.history.train[:epoch]
        same(trained(left, **CASES[name]), whole)


@pytest.mark.parametrize("name", CASES)
def test_a_fit_goes_on_from_one_that_was_finished_and_saved(name: str, tmp_path: Path) -> None:
    whole = trained(**CASES[name])
    done = trained(**CASES[name], max_epochs=0)
    for most in (3, 4, 9, 40):
        done = trained(done, **CASES[name] | {"max_epochs": most})
        save(tmp_path / "run.npz", done)
        done = load(tmp_path / "run.npz", like=done)
    same(done, whole)
    assert done.history == whole.history
    if len(whole.history.train) < 40:
        same(trained(whole, **CASES[name] | {"max_epochs": 41}), whole)  # patience is at its end


def test_more_patience_goes_on_where_less_ended() -> None:
    short, long = (trained(validation=HELD_OUT, patience=patience) for patience in (2, 6))
    assert len(short.history.train) < len(long.history.train)
    same(trained(short, validation=HELD_OUT, patience=6), long)


def test_what_an_error_carries_are_the_best_params_the_last_state_and_the_history() -> None:
    seen: list[Any] = []
    options: dict[str, Any] = {"patience": None, "max_epochs": 60}
    for validation in (None, HELD_OUT):
        seen.clear()
        trained(**options, validation=validation, on_epoch=lambda *now: seen.append(now))
        done = ended(StopError, 60, **options, validation=validation)
        figures = seen[-1][1].train if validation is None else seen[-1][1].validation
        assert done.history == seen[-1][1]
        same(done.state, seen[-1][0].state)
        same(done.params, seen[int(np.argmin(figures))][0].state.params)
        same(done.params, done.best)


def test_an_error_of_the_metric_carries_the_epochs_that_were_measured() -> None:
    calls: list[int] = []

    def metric(output: Array, target: Array) -> float:
        calls.append(1)
        return 1 / (4 - len(calls))

    with pytest.raises(ZeroDivisionError) as caught:
        trained(validation=HELD_OUT, metric=metric)
    done = progress_of(caught.value)
    assert done is not None
    whole = trained(validation=HELD_OUT, metric=worst)
    assert done.history.validation == whole.history.validation[:3]
    assert done.history.metric == (1 / 3, 1 / 2, 1.0)
    same(trained(done, validation=HELD_OUT, metric=worst).state, whole.state)


def test_an_error_before_training_carries_nothing() -> None:
    with pytest.raises(ValueError, match="batch_size") as caught:
        trained(batch_size=0)
    assert progress_of(caught.value) is None
    assert progress_of_each(caught.value) == ()


def test_a_divergence_after_forty_epochs_carries_what_they_learned() -> None:
    """From step 160 on the rate is such that the loss overflows."""
    optimizer = sgd(lambda step: 0.05 if step < 160 else 1e40)
    arguments: Any = ACTS, squared_error, optimizer, PARAMS, DATA
    options: dict[str, Any] = {"key": key(5), "batch_size": 5, "validation": HELD_OUT}
    for engine in (None, compiled.scan):
        with pytest.raises(DivergenceError) as caught:
            fit(*arguments, **options, max_epochs=60, engine=engine)
        error = caught.value
        whole = fit(*arguments, **options, max_epochs=40, engine=engine)
        assert error.epoch == 41
        assert isinstance(error.progress, Fit)
        same(error.progress, whole)
        assert error.progress.history == whole.history
        assert all(np.isfinite(array).all() for array in leaves(error.state.params))
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.epoch, again.what) == (str(error), 41, error.what)
        same(again.progress, error.progress)


class SpentError(Exception):
    """An error of an update."""


def failing(at: int) -> Callable[[Any, Batch], tuple[Any, float]]:
    """An update of one's own that raises at a step."""
    update = train_step(ACTS, squared_error, sgd(0.3))

    def step(state: Any, batch: Batch) -> tuple[Any, float]:
        if state.opt.steps == at:
            raise SpentError
        return update(state, batch)

    return step


@pytest.mark.parametrize("engine", [None, scan], ids=["steps", "engine"])
def test_an_error_of_an_own_update_leaves_epochs_with_the_ones_before(engine: Any) -> None:
    state = start(sgd(0.3), PARAMS)
    passes = list(map(minibatches, map(key, range(9)), repeat(5), repeat(DATA)))
    with pytest.raises(SpentError) as caught:
        list(epochs(failing(23), state, passes, engine))
    done = progress_of(caught.value)
    walked = list(epochs(train_step(ACTS, squared_error, sgd(0.3)), state, passes[:5]))
    losses = [epoch.loss for epoch in walked]
    assert done is not None
    assert done.history == (tuple(losses), (), ())
    same(done.state, walked[-1].state)
    same(done.params, walked[int(np.argmin(losses))].state.params)


def test_epochs_of_another_carry_give_it_back_whole() -> None:
    def update(state: float, batch: Batch) -> tuple[float, float]:
        return state / 2, 1 / (state - 1)

    with pytest.raises(ZeroDivisionError) as caught:
        list(epochs(update, 8.0, repeat([DATA])))
    done = progress_of(caught.value)
    assert done is not None
    carry: Any = done.state
    assert carry == 1.0
    assert len(done.history.train) == 3


def test_a_pass_that_cannot_be_made_is_no_loss_either() -> None:
    def passes() -> Any:
        yield minibatches(key(1), 5, DATA)
        raise SpentError

    for run in (
        lambda update, state: list(epochs(update, state, passes())),
        lambda update, state: compiled.train(update, state, passes()),
    ):
        with pytest.raises(SpentError) as caught:
            run(train_step(ACTS, squared_error, sgd(0.1)), start(sgd(0.1), PARAMS))
        assert progress_of(caught.value) is not None


def test_a_state_keeps_the_optimizers_own_and_its_arrays_are_frozen() -> None:
    optimizer = momentum(0.05)
    arguments = ACTS, squared_error, optimizer
    once = fit(*arguments, PARAMS, DATA, key=key(1), batch_size=5, max_epochs=3)
    state: State[np.float64, MomentumState] = pickle.loads(pickle.dumps(once.state))
    assert state.opt.carried.flags.writeable
    again = fit(*arguments, state, DATA, key=key(2), batch_size=5, max_epochs=2)
    assert again.state.opt.steps == 4 * 5
    assert len(again.history.train) == 2
    update, walked = train_step(*arguments), once.state
    for i in range(2):
        walked, _ = scan(update, walked, minibatches(fold_in(split(key(2))[0], i), 5, DATA))
    same(again.state, walked)
    none = fit(*arguments, state, DATA, key=key(2), batch_size=5, max_epochs=0)
    assert not any(array.flags.writeable for array in leaves(none) if isinstance(array, np.ndarray))


@pytest.mark.parametrize("name", ["validation", "metric"])
def test_a_fit_is_not_gone_on_with_other_figures(name: str) -> None:
    options: dict[str, Any] = {"validation": HELD_OUT, "metric": worst, "max_epochs": 2}
    done, without = trained(**options), dict(options, **{name: None})
    if name == "validation":
        without["metric"] = None
    with pytest.raises(ValueError, match=f"^{name}: expected as in the fit to go on.* got none"):
        trained(done, **without)
    less = trained(**without)
    with pytest.raises(ValueError, match=f"^{name}: expected as in .*has 0 figures.* got some"):
        trained(less, **options)
    trained(less.state, **options)  # the remedy


@pytest.mark.parametrize("min_delta", [0.03, 0.6])
def test_improvements_of_at_most_min_delta_do_not_count_and_may_be_the_best(
    min_delta: float,
) -> None:
    losses = trained(validation=HELD_OUT, patience=None).history.validation
    options: dict[str, Any] = {"validation": HELD_OUT, "patience": 3, "min_delta": min_delta}
    done = trained(**options)
    reference, waited, n = math.inf, 0, 0
    while waited < 3:
        better = losses[n] < reference - min_delta
        reference, waited = (losses[n], 0) if better else (reference, waited + 1)
        n += 1
    assert n < len(losses)
    assert done.history.validation == losses[:n]
    best = int(np.argmin(losses[:n]))
    assert best > 0  # and with 0.6 only the first epoch counted as an improvement
    same(done.params, trained(**options | {"max_epochs": best + 1}).state.params)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_best_params_are_those_of_the_best_metric(mode: Any) -> None:
    seen: list[Any] = []
    done = trained(
        validation=HELD_OUT,
        metric=lambda output, target: float(np.median(output * target)),
        metric_mode=mode,
        on_epoch=lambda epoch, history: seen.append(epoch.state.params),
    )
    figures = done.history.metric
    best = int(np.argmin(figures) if mode == "min" else np.argmax(figures))
    assert 0 < best < len(figures) - 1 or len(figures) == best + 6
    same(done.params, seen[best])
    assert best != int(np.argmin(done.history.validation))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric_mode": "least", "metric": worst}, 'metric_mode: expected "min", "max" or None'),
        ({"metric_mode": "min"}, "metric_mode: expected a metric that it is for, got none; pass"),
        ({"min_delta": -1.0}, "min_delta: expected a finite number of at least 0, got -1.0"),
        (
            {"metric_mode": "max", "metric": lambda output, target: math.nan},
            "metric: expected a number to choose the best params by, got nan in epoch 1; return",
        ),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        trained(validation=HELD_OUT, **options)


def squares(grads: Any, state: Any, params: Any) -> tuple[Any, Any]:
    """Adagrad by hand."""
    sums = tree_map(lambda old, g: old + g * g, state, grads)
    return tree_map(lambda g, s: -0.01 * g / np.sqrt(s), grads, sums), sums


OWN: Optimizer = Optimizer(zeros_like, squares)


@pytest.mark.parametrize(
    "engine", [None, compiled.scan, compiled.train], ids=["steps", "scan", "train"]
)
@pytest.mark.parametrize(
    "optimizer", [adam(0.01), rmsprop(0.01), adagrad(0.01), OWN], ids=["adam", "rms", "ada", "own"]
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_square_that_overflows_in_the_optimizer_is_a_divergence(
    optimizer: Any, engine: Any
) -> None:
    """In float32 a gradient near 1e20 is finite, and its square is not: nothing moves again."""
    x = np.array([[50.0], [1.0]], np.float32)
    data = Batch(x, np.ones((2, 1), np.float32))
    params = (Layer(np.full((1, 1), 0.92, np.float32), np.zeros(1, np.float32)),)
    update = train_step((identity,), poisson, optimizer)
    passes = repeat(minibatches(key(1), 2, data), 5)
    state = start(optimizer, params)
    many: Callable[[], Any] = partial(compiled.train, update, state, passes)
    one_by_one: Callable[[], Any] = partial(list, epochs(update, state, passes, engine))
    with pytest.raises(
        DivergenceError, match=r"^optimizer state[\w.\[\]]+ after the step: .*inf"
    ) as e:
        (many if engine is compiled.train else one_by_one)()
    assert (e.value.epoch, e.value.step) == (1, 1)
    same(e.value.state.params, params)
    done = progress_of(e.value)
    assert done is not None
    same(done.state.params, params)


def test_the_state_of_a_divergence_has_no_overflow_of_an_earlier_step_in_it() -> None:
    """The square overflows in the first of three steps, and shows at the end of the epoch."""
    params = (Layer(np.full((1, 1), 0.92, np.float32), np.zeros(1, np.float32)),)
    state = start(adam(0.01), params)
    hot, calm = (Batch(np.array([[x]], np.float32), np.ones((1, 1))) for x in (50.0, 1.0))
    with pytest.raises(DivergenceError, match=r"^optimizer state\.v .* epoch 2, step 3; try") as e:
        list(
            epochs(train_step((identity,), poisson, adam(0.01)), state, [[calm], [hot, calm, calm]])
        )
    assert e.value.state.opt.steps == 1
    assert np.isfinite(e.value.state.opt.v).all()


def test_small_improvements_add_up_to_one_that_counts() -> None:
    watch = Watch()
    waited = []
    for figure in (1.0, 0.98, 0.96, 0.95, 0.92, 0.9):
        watch = watch.seen(figure, 0.03)
        waited.append(watch.waited)
    assert waited == [0, 1, 0, 1, 0, 1]
    assert (watch.least, watch.reference) == (0.9, 0.92)


def test_a_state_that_begins_infinite_may_stay_so() -> None:
    """As the least of none so far, in an optimizer of one's own."""
    state = State(PARAMS, (np.array(np.inf), sgd(0.1).init(PARAMS)))
    plain = train_step(ACTS, squared_error, sgd(0.1))

    def update(state: Any, batch: Batch) -> tuple[Any, float]:
        after, loss = plain(State(state.params, state.opt[1]), batch)
        return State(after.params, (state.opt[0], after.opt)), loss

    assert len(list(epochs(update, state, [minibatches(key(1), 5, DATA)] * 2))) == 2


def test_data_are_looked_at_once_and_gathered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    batches: list[int] = []
    made = Minibatches._batch

    def looked(name: str, x: object) -> None:
        looks.append(name)

    def gathered(self: Minibatches, i: int) -> Batch:
        batches.append(i)
        return made(self, i)

    monkeypatch.setattr(_passes, "check_finite", looked)
    monkeypatch.setattr(_fit, "check_finite", looked)
    monkeypatch.setattr(Minibatches, "_batch", gathered)
    options: dict[str, Any] = {"patience": None, "max_epochs": 10, "batch_size": 4}
    trained(**options)
    assert len(batches) == 50
    assert len(looks) <= 2
    batches.clear()
    trained(**options, engine=scan)
    assert len(batches) == 50
