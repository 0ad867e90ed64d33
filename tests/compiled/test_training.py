"""The compiled engine computes what the NumPy path does, and refuses what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, islice, repeat
from typing import Any

import numpy as np
import pytest

import fnn
from fnn import (
    Activation,
    Batch,
    Layer,
    Loss,
    Optimizer,
    Params,
    State,
    compiled,
    init,
    key,
    minibatches,
    samples,
    start,
    train_step,
)
from fnn.activations import identity, relu, sigmoid, tanh
from fnn.base import Acts
from fnn.compiled._plan import feed as plan_feed
from fnn.compiled._plan import limits, tables
from fnn.compiled._plan import pieces as plan_pieces
from fnn.compiled._plan.layout import layout
from fnn.compiled._plan.limits import LARGE, MANY, PIECE
from fnn.compiled._plan.tables import (
    ALL_PARAMS,
    ALL_WIDTHS,
    DEPTH,
    LAYER,
    LAYERS,
    LOSS,
    OPERATION,
    TARGETS,
    TASK,
    LayerRow,
    OperationRow,
    TaskRow,
)
from fnn.compiled._runtime import evaluate
from fnn.compiled._runtime import train as runtime_train
from fnn.compiled._runtime.session import Session
from fnn.compiled._runtime.train import pieces_for
from fnn.data import Minibatches, Samples
from fnn.initializers import uniform
from fnn.losses import huber, sigmoid_cross_entropy, softmax_cross_entropy, squared_error
from fnn.optimizers import (
    adam,
    chain,
    clip_by_norm,
    clip_by_value,
    masked,
    momentum,
    nesterov,
    scale,
    sgd,
)
from fnn.random import fold_in, normal
from fnn.random import uniform as draw
from fnn.train import DivergenceError, TrainStep, epochs, fit
from fnn.tree import leaves
from tests.support.optimizers import CASES, MORE

# Sums are taken in another order: a few roundings a step, and what a few steps make of them.
ROUNDING = {np.dtype(np.float64): 1e-13, np.dtype(np.float32): 2e-5}

HALF = ((False, True), (True, np.array([True, False])))
OPTIMIZERS: dict[str, Optimizer] = CASES | MORE
OPTIMIZERS |= {"masked in half": masked(chain(scale(2.0), adam(0.01)), HALF)}

# A norm is a sum, alone sgd takes the rate before the product, and these masks are of two layers.
SUMS = {"sgd", "one-cycle sgd", "adam clipped by norm", "clipped afterwards", "adamw of weights"}
SUMS |= {"clipped in threes", "five in a row", "momentum per layer", "per layer twice"}
SUMS |= {"lion of weights", "masked in twos"}
SUMS |= {"decayed in part", "l1 in part", "masked", "masked twice", "masked in half"}
SUMS |= {"masked in twos", "lion of weights", "momentum per layer", "per layer twice"}
SUMS |= {"five in a row"}


def table(n: int = 20, n_in: int = 3, n_out: int = 2, weight: bool = False) -> Batch:
    weights = draw(key(3), (n,), 0.1, 1.0) if weight else None
    return Batch(normal(key(1), (n, n_in)), draw(key(2), (n, n_out), 0.1, 0.9), weights)


def agree(one: Any, other: Any, tolerance: float) -> None:
    for a, b in zip(leaves(one), leaves(other), strict=True):
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert not b.flags.writeable
        np.testing.assert_allclose(a, b, tolerance, tolerance)


def both_scan(
    update: TrainStep[Any], state: State[Any], pass_: Samples | Minibatches
) -> tuple[Any, Any]:
    return fnn.scan(update, state, pass_), compiled.scan(update, state, pass_)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_walks_as_on_the_numpy_path(name: str, dtype: Any) -> None:
    update = train_step((tanh, sigmoid), squared_error, OPTIMIZERS[name])
    state = start(update.optimizer, init(key(0), (3, 4, 2), dtype=dtype))
    for pass_ in (samples(table()), minibatches(key(5), 6, table(weight=True))):
        by_numpy, by_machine = both_scan(update, state, pass_)
        agree(by_numpy, by_machine, ROUNDING[np.dtype(dtype)])
        again = both_scan(update, by_numpy[0], pass_)  # where schedules and moments have begun
        agree(*again, ROUNDING[np.dtype(dtype)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - SUMS))
def test_where_nothing_is_summed_an_optimizer_agrees_to_the_bit(name: str, dtype: Any) -> None:
    optimizer = OPTIMIZERS[name]
    update = train_step((identity,), squared_error, optimizer)
    state = start(optimizer, init(key(0), (1, 1), dtype=dtype))
    by_numpy, by_machine = both_scan(update, state, samples(table(30, 1, 1)))
    agree(by_numpy, by_machine, 0.0)


@pytest.mark.parametrize(
    "optimizer", [sgd(0.5), momentum(0.05), nesterov(0.05), chain(clip_by_norm(1.0), sgd(0.5))]
)
def test_a_thousand_epochs_of_8_3_8_agree_to_12_digits(optimizer: Optimizer) -> None:
    """Not so for adam and its kin: they divide by roots of what is nearly 0, which is chaotic."""
    data = Batch(np.eye(8), np.eye(8))
    update = train_step((sigmoid, sigmoid), squared_error, optimizer)
    state = start(optimizer, init(key(3), (8, 3, 8), uniform(), uniform()))
    *_, last = islice(epochs(update, state, repeat(samples(data))), 1000)
    done = compiled.train(update, state, repeat(samples(data), 1000))
    assert len(done.losses) == 1000
    assert done.losses[-1] == pytest.approx(last.loss, rel=1e-12)
    agree(last.state, done.state, 1e-12)


STEEP = Activation(lambda z: 1.0 * z, lambda z, a: np.where(z == 0.0, np.inf, 1.0))

NETWORKS: dict[str, tuple[Acts, Loss, tuple[int, ...]]] = {
    "one layer": ((identity,), squared_error, (3, 2)),
    "four layers": ((sigmoid, tanh, relu, identity), huber(0.3), (3, 5, 9, 17, 2)),
    "wide": ((relu, identity), squared_error, (3, 70, 2)),
    "a width of 1": ((tanh, identity), sigmoid_cross_entropy, (3, 1, 2)),
    "classes": ((tanh, identity), softmax_cross_entropy, (3, 6, 2)),
    "a slope that is infinite at 0, as padding is": (
        (STEEP, STEEP, identity),
        squared_error,
        (3, 5, 6, 2),
    ),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_shape_and_loss_agrees(name: str, dtype: Any) -> None:
    acts, loss, sizes = NETWORKS[name]
    if loss is softmax_cross_entropy:
        dtype = np.float64  # it takes 4 s to compile
    params, near = init(key(0), sizes, dtype=dtype), ROUNDING[np.dtype(dtype)]
    update = train_step(acts, loss, sgd(0.05))
    state = start(update.optimizer, params)
    for pass_ in (
        samples(table()),
        minibatches(key(5), 6, table()),
        minibatches(key(5), 1, table()),
    ):
        agree(*both_scan(update, state, pass_), near)
    for batch in (table(7), table(7, weight=True), Batch(table().x[0], table().y[0])):
        expected = fnn.backprop(acts, loss, params, batch)
        agree(expected, compiled.backprop(acts, loss, params, batch), near)
        output = fnn.forward(acts, params, batch.x)
        agree(output, compiled.forward(acts, params, batch.x), near)


@pytest.mark.parametrize("weight", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", ["sgd", "adam", "adam clipped by norm"])
def test_large_batches_which_blas_multiplies_agree(name: str, weight: bool) -> None:
    data = table(300, 50, 10, weight)
    update = train_step((relu, sigmoid), squared_error, OPTIMIZERS[name])
    state = start(update.optimizer, init(key(0), (50, 40, 10)))
    pass_ = minibatches(key(1), 128, data)  # the last batch is short
    assert LARGE < 128 * (50 * 40 + 40 * 10)
    agree(*both_scan(update, state, pass_), 1e-12)
    done = compiled.train(update, state, [pass_, pass_])
    *_, last = epochs(update, state, [pass_, pass_])
    agree((last.state, last.loss), (done.state, done.losses[-1]), 1e-12)
    acts, params = update.acts, state.params
    expected = fnn.backprop(acts, squared_error, params, data)
    agree(expected, compiled.backprop(acts, squared_error, params, data), 1e-12)
    agree(fnn.forward(acts, params, data.x), compiled.forward(acts, params, data.x), 1e-12)


@pytest.mark.filterwarnings("ignore::fnn.train.WorseThanConstantWarning")
def test_epochs_and_fit_take_the_engine_and_come_to_the_same() -> None:
    data = table(weight=True)
    options: dict[str, Any] = {"key": key(1), "batch_size": 6, "max_epochs": 5}
    options["validation"] = table(8)
    params = init(key(0), (3, 4, 2))
    arguments = (tanh, sigmoid), squared_error, adam(0.01), params, data
    by_numpy, by_machine = (
        fit(*arguments, **options),
        fit(*arguments, **options, engine=compiled.scan),
    )
    agree(tuple(by_numpy), tuple(by_machine), 1e-12)
    update = train_step((tanh, sigmoid), squared_error, sgd(0.1))
    state = start(update.optimizer, params)
    passes = [samples(table()), minibatches(key(2), 3, table())]
    for one, other in zip(
        epochs(update, state, passes), epochs(update, state, passes, compiled.scan), strict=True
    ):
        agree(one, other, 1e-12)


@pytest.mark.parametrize("piece", [PIECE, 1], ids=["at once", "pass by pass"])
def test_training_stops_after_the_epoch_that_reaches_the_target(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_pieces, "PIECE", piece)
    update = train_step((tanh, sigmoid), squared_error, sgd(0.1))
    state = start(update.optimizer, init(key(0), (3, 4, 2)))
    data = table()
    passes = [minibatches(fold_in(key(4), i), 6, data) for i in range(30)]
    losses = compiled.train(update, state, passes).losses
    target = losses[12]
    assert target < min(losses[:12])
    done = compiled.train(update, state, iter(passes), target=target)
    assert done.losses == losses[:13]
    *_, last = islice(epochs(update, state, passes), 13)
    agree(last.state, done.state, 1e-12)


@pytest.mark.parametrize("piece", [PIECE, 1], ids=["at once", "pass by pass"])
def test_passes_over_different_data_are_trained_one_after_another(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_pieces, "PIECE", piece)
    monkeypatch.setattr(plan_feed, "PIECE", piece)
    update = train_step((tanh, sigmoid), squared_error, adam(0.01))
    state = start(update.optimizer, init(key(0), (3, 4, 2)))
    one, other = table(), table(7)
    passes: list[Samples | Minibatches] = [samples(one), samples(one), samples(other)]
    passes += [minibatches(key(0), 2, one), minibatches(key(1), 3, other)]
    found = compiled.train(update, state, passes)
    expected = list(epochs(update, state, passes))
    assert found.losses == pytest.approx([epoch.loss for epoch in expected], rel=1e-12)
    agree(expected[-1].state, found.state, 1e-12)


DIVERGING: dict[str, tuple[Optimizer, Acts]] = {
    "at once": (sgd(1e200), (tanh, identity)),
    "in a later epoch": (sgd(3.0), (identity, identity)),
    "with clipping": (chain(clip_by_value(1.0), sgd(1e300)), (tanh, identity)),
    "with a norm": (chain(clip_by_norm(1.0), sgd(1e300)), (tanh, identity)),
    "with momentum": (momentum(2.0), (identity, identity)),
    "at the first step of the 17th": (sgd(0.5), (tanh, identity)),
    "in the 42nd": (sgd(0.8), (tanh, identity)),
}


@pytest.mark.parametrize("piece", [PIECE, 1], ids=["at once", "pass by pass"])
@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("name", DIVERGING)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_divergence_is_told_in_the_same_words_with_the_same_state(
    name: str, batch: int | None, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "at the first step of the 17th" and batch is not None:
        batch = None  # in batches of 3 it goes well
    monkeypatch.setattr(plan_pieces, "PIECE", piece)
    optimizer, acts = DIVERGING[name]
    update = train_step(acts, squared_error, optimizer)
    state = start(optimizer, init(key(0), (3, 4, 2)))
    passes: list[Any] = [samples(table()) if batch is None else minibatches(key(0), batch, table())]
    passes *= 100
    errors = []
    for run in (
        lambda: list(epochs(update, state, passes)),
        lambda: list(epochs(update, state, passes, compiled.scan)),
        lambda: compiled.train(update, state, passes),
    ):
        with pytest.raises(DivergenceError) as caught:
            run()
        errors.append(caught.value)
    for error in errors[1:]:
        assert str(error) == str(errors[0])
        assert (error.epoch, error.step) == (errors[0].epoch, errors[0].step)
        # What blows up blows up its roundings as well: from 1e-16 by the digits that are lost.
        agree(errors[0].state, error.state, 1e-6)


@pytest.mark.parametrize("piece", [PIECE, 1], ids=["at once", "pass by pass"])
@pytest.mark.parametrize("name", ["at once", "with clipping", "with a norm"])
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_what_numpy_survives_is_a_divergence_where_it_happened(
    name: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its roundings the NumPy path may survive; here it is told to, so that nobody explains."""
    monkeypatch.setattr(plan_pieces, "PIECE", piece)
    monkeypatch.setattr(runtime_train, "epochs", lambda *rest: ())
    optimizer, acts = DIVERGING[name]
    update = train_step(acts, squared_error, optimizer)
    state = start(optimizer, init(key(0), (3, 4, 2)))
    data = table()
    for batch in (3, 20):
        passes = [minibatches(key(i), batch, data) for i in range(9)]
        with pytest.raises(DivergenceError) as expected:
            list(epochs(update, state, passes))
        with pytest.raises(DivergenceError) as found:
            compiled.train(update, state, passes)
        assert str(found.value) == str(expected.value)
        assert type(found.value.__cause__) is type(expected.value.__cause__)
        agree(expected.value.state, found.value.state, 1e-6)


@pytest.mark.filterwarnings("error")
def test_means_of_losses_near_the_largest_number_are_told_without_a_warning() -> None:
    update = train_step((identity,), squared_error, sgd(0.0))
    state = start(update.optimizer, init(key(0), (3, 2)))
    data = table()._replace(y=np.full((20, 2), 9e153))
    done = compiled.train(update, state, [samples(data)])
    assert done.losses == (np.inf,)


@pytest.mark.parametrize("held", [sgd(0.1), chain(clip_by_norm(1.0), momentum(0.1))])
def test_a_frozen_layer_between_infinite_outputs_and_a_saturated_one_trains(
    held: Optimizer,
) -> None:
    with np.errstate(over="ignore", invalid="ignore"):  # 2e308, and 0 times it in a gradient
        layers = (
            Layer(np.array([[1e308, 0.3, 0.2], [1e308, 0.3, 0.2]]), np.zeros(3)),
            Layer(np.ones((3, 3)), np.zeros(3)),
            Layer(np.full((3, 1), 0.5), np.zeros(1)),
        )
        update = train_step(
            (relu, tanh, identity), squared_error, masked(held, (True, False, True))
        )
        pass_ = samples(Batch(np.ones((4, 2)), np.ones((4, 1))))
        state, losses = fnn.scan(update, start(update.optimizer, layers), pass_)
        assert np.isfinite(losses).all()
        found = compiled.scan(update, start(update.optimizer, layers), pass_)
        agree((state, losses), found, 1e-13)


def test_scan_goes_on_where_a_loss_is_not_finite_as_fnn_scan_does() -> None:
    update = train_step((identity,), squared_error, sgd(1e200))
    state = start(update.optimizer, init(key(0), (3, 2)))
    with np.errstate(all="ignore"):
        _, expected = fnn.scan(update, state, samples(table()))
    _, losses = compiled.scan(update, state, samples(table()))
    np.testing.assert_array_equal(np.isfinite(losses), np.isfinite(expected))


W, B = np.ones((3, 2)), np.ones(2)
GOOD: dict[str, Any] = {"acts": (tanh, identity), "params": init(key(0), (3, 4, 2))}
GOOD |= {"loss": squared_error, "x": table().x, "y": table().y, "weight": None}
BAD: dict[str, dict[str, Any]] = {
    "a list of pairs": {"acts": [tanh, identity]},
    "a function for a pair": {"acts": (np.tanh, identity)},
    "too few pairs": {"acts": (tanh,)},
    "a number for params": {"params": 3.0},
    "layers that do not chain": {"params": (Layer(W, B), Layer(W, B))},
    "params of integers": {"params": (Layer(W.astype(int), B), Layer(np.ones((2, 2)), B))},
    "x too wide": {"x": np.ones((20, 7))},
    "x of rank 3": {"x": np.ones((20, 3, 1))},
    "x of strings": {"x": np.array([["a", "b", "c"]])},
    "a function for a loss": {"loss": np.square},
    "one target a row": {"y": np.ones(20)},
    "targets too wide": {"y": np.ones((20, 3))},
    "no rows": {"x": np.ones((0, 3)), "y": np.ones((0, 2))},
    "too few weights": {"weight": np.ones(3)},
    "weights below 0": {"weight": np.full(20, -1.0)},
    "a weight below 0": {"x": table().x[0], "y": table().y[0], "weight": -1.0},
}


def error_of(call: Callable[[Any], object], engine: Any) -> tuple[type[Exception], str] | None:
    try:
        call(engine)
    except (TypeError, ValueError) as error:
        return type(error), str(error)
    return None


@pytest.mark.parametrize("name", BAD)
def test_bad_networks_and_batches_get_the_errors_of_the_numpy_path(name: str) -> None:
    one = GOOD | BAD[name]
    batch = Batch(one["x"], one["y"], one["weight"])
    engines: tuple[Any, ...] = (fnn, compiled)
    calls: list[Callable[[Any], object]] = [
        lambda engine: engine.backprop(one["acts"], one["loss"], one["params"], batch),
        lambda engine: engine.forward(one["acts"], one["params"], one["x"]),
    ]
    errors = [[error_of(call, engine) for call in calls] for engine in engines]
    assert errors[0] == errors[1]
    assert errors[0][0] is not None


def state_of(optimizer: Optimizer, params: Params[Any] = GOOD["params"]) -> State[Any]:
    return start(optimizer, params)


WRONG: dict[str, tuple[Optimizer, Any, Any]] = {
    "params for a state": (sgd(0.1), GOOD["params"], samples(table())),
    "another optimizer's state": (adam(0.1), state_of(sgd(0.1)), samples(table())),
    "another network's state": (
        adam(0.1),
        State(GOOD["params"], state_of(adam(0.1), init(key(0), (3, 2))).opt),
        samples(table()),
    ),
    "a state of half a step": (
        adam(0.1),
        State(GOOD["params"], state_of(adam(0.1)).opt._replace(steps=1.5)),
        samples(table()),
    ),
    "a state before the first step": (
        chain(clip_by_norm(1.0), sgd(0.1)),
        State(GOOD["params"], ((), state_of(sgd(0.1)).opt._replace(steps=-1))),
        samples(table()),
    ),
    "no pair of states": (chain(sgd(0.1), scale(1.0)), state_of(sgd(0.1)), samples(table())),
    "a mask of another network": (
        masked(sgd(0.1), (True,)),
        state_of(sgd(0.1)),
        samples(table()),
    ),
    "a rate below 0": (sgd(lambda step: 0.1 - step), state_of(sgd(0.1)), samples(table())),
    "x too wide": (sgd(0.1), state_of(sgd(0.1)), samples(table(n_in=4))),
    "targets too wide": (sgd(0.1), state_of(sgd(0.1)), minibatches(key(0), 3, table(n_out=3))),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_states_and_passes_get_the_errors_of_the_numpy_path(name: str) -> None:
    optimizer, state, pass_ = WRONG[name]
    update = train_step((tanh, identity), squared_error, optimizer)
    expected = error_of(lambda engine: engine.scan(update, state, pass_), fnn)
    assert expected == error_of(lambda engine: engine.scan(update, state, pass_), compiled)
    assert expected is not None


ANY: Any = compiled


def refused(optimizer: Any = None, dtype: Any = np.float64, pass_: Any = None) -> Any:
    optimizer = optimizer or sgd(0.1)
    update = train_step((tanh, identity), squared_error, optimizer)
    state = state_of(optimizer, init(key(0), (3, 4, 2), dtype=dtype))
    return compiled.scan(update, state, pass_ or samples(table()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: refused(dtype=np.float16), "params: expected float32 or float64, got float16"),
        (lambda: refused(pass_=[table()]), "pass_: expected samples.data. or minibatches"),
        (lambda: refused(pass_=iter(samples(table()))), "pass_: expected samples.data. or minib"),
        (
            lambda: ANY.scan(print, None, samples(table())),
            "update: expected what fnn.train_step returns, got the function print",
        ),
        (lambda: ANY.train(print, None, table()), "update: expected what fnn.train_step"),
    ],
)
def test_what_only_the_numpy_path_takes_is_refused_with_the_remedy(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        call()


SHUFFLED = minibatches(key(5), 6, table())
ODD: dict[str, Any] = {
    "reversed": replace(SHUFFLED, rows=SHUFFLED.rows[::-1]),
    "every other": replace(SHUFFLED, rows=SHUFFLED.rows[::2]),
    "of one byte": replace(SHUFFLED, rows=SHUFFLED.rows.astype(np.uint8)),
    "from the end": replace(SHUFFLED, rows=np.array([-1, 3, -20, 0])),
    "none": replace(SHUFFLED, rows=SHUFFLED.rows[:0]),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("large", [1, LARGE], ids=["by blas", "by loops"])
def test_rows_in_any_order_are_taken(name: str, large: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "LARGE", large)
    update = train_step((tanh, sigmoid), squared_error, adam(0.1))
    agree(*both_scan(update, state_of(adam(0.1)), ODD[name]), 1e-12)


@pytest.mark.parametrize("large", [1, LARGE], ids=["by blas", "by loops"])
def test_a_batch_that_comes_again_is_told_from_others(large: int, monkeypatch: Any) -> None:
    """One of a whole pass is gathered once: another order, other data and a part of it are not."""
    monkeypatch.setattr(limits, "LARGE", large)
    update = train_step((tanh, sigmoid), squared_error, sgd(0.1))
    whole, other = (minibatches(key(i), 20, table()) for i in (0, 1))
    part = replace(whole, rows=whole.rows[:19])
    elsewhere = minibatches(key(0), 20, table(weight=True))
    passes = [whole, whole, other, part, whole, elsewhere, elsewhere, whole]
    found = compiled.train(update, state_of(sgd(0.1)), passes)
    expected = list(epochs(update, state_of(sgd(0.1)), passes))
    assert found.losses == pytest.approx([epoch.loss for epoch in expected], rel=1e-12)
    agree(expected[-1].state, found.state, 1e-12)


def test_columns_of_the_kernels_tables_are_where_python_writes_their_fields() -> None:
    for row, length in ((LayerRow, LAYER), (TaskRow, TASK), (OperationRow, OPERATION)):
        columns = [getattr(tables, field.upper()) for field in row._fields]
        assert columns == list(range(length))
    plan = layout((3, 5, 2), np.dtype(np.float64))
    head = {DEPTH: 2, LOSS: 9, ALL_PARAMS: 4 * 8 + 6 * 4, ALL_WIDTHS: 8 + 4, TARGETS: 3}
    net = plan.net([6, 7], 9, 3).tolist()
    assert {column: net[column] for column in head} == head
    assert net[LAYERS:] == [*LayerRow(3, 5, 8, 6), *LayerRow(5, 2, 4, 7)]


def test_new_orders_of_the_same_data_are_one_piece() -> None:
    update = train_step((tanh, sigmoid), squared_error, sgd(0.1))
    session = Session(update, state_of(sgd(0.1)))
    data, other = Batch(np.ones((20, 3)), np.ones((20, 2))), table()
    passes = [minibatches(key(i), 6, data) for i in range(9)]
    passes += [minibatches(key(i), 6, other) for i in range(5)]
    assert [len(piece.passes) for piece in pieces_for(session, passes)] == [9, 5]


def test_passes_are_read_as_they_are_needed() -> None:
    read = []
    data = table()

    def endless() -> Iterator[Minibatches]:
        for i in count():
            read.append(i)
            yield minibatches(key(i), 20, data)

    update = train_step((tanh, sigmoid), squared_error, sgd(0.1))
    reached = compiled.train(update, state_of(sgd(0.1)), endless(), target=1e9)
    assert len(reached.losses) == 1
    assert len(read) == MANY // 20


SHORT = Batch(table().x, table().y[:15])
BEYOND: dict[str, Any] = {
    "beyond the last": replace(SHUFFLED, rows=np.array([0, 20])),
    "beyond the last in a later batch": replace(SHUFFLED, rows=np.arange(21)),
    "before the first": replace(SHUFFLED, rows=np.array([0, -21])),
    "fractions": replace(SHUFFLED, rows=np.array([0.5, 1.0])),
    "too few targets": replace(SHUFFLED, data=SHORT),
    "too few targets for samples": replace(samples(table()), data=SHORT),
    "too few weights": replace(
        SHUFFLED, data=table()._replace(weight=np.ones(15)), rows=np.arange(20), size=20
    ),
}


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("large", [1, LARGE], ids=["by blas", "by loops"])
def test_rows_that_are_not_there_are_an_error(name: str, large: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "LARGE", large)
    update = train_step((tanh, sigmoid), squared_error, adam(0.1))
    for scan in (fnn.scan, compiled.scan):
        with pytest.raises(TypeError if name == "fractions" else IndexError):
            scan(update, state_of(adam(0.1)), BEYOND[name])


def test_training_on_an_empty_pass_is_an_error() -> None:
    update = train_step((tanh, sigmoid), squared_error, adam(0.1))
    for train in (compiled.train, lambda *rest: list(epochs(*rest))):
        with pytest.raises(ValueError, match=r"^passes: expected batches .* none in epoch 2$"):
            train(update, state_of(adam(0.1)), [SHUFFLED, ODD["none"]])


def test_a_weight_of_one_sample_counts_for_nothing() -> None:
    update, pass_ = (
        train_step((tanh, sigmoid), squared_error, sgd(0.1)),
        Samples(table(weight=True)),
    )
    agree(*both_scan(update, state_of(sgd(0.1)), pass_), 1e-13)


@pytest.mark.parametrize("wrong", [np.eye(3), table(), [table()]], ids=["array", "data", "list"])
def test_every_pass_of_many_is_looked_at(wrong: Any) -> None:
    update = train_step((tanh, sigmoid), squared_error, adam(0.1))
    with pytest.raises(TypeError, match=r"^pass_: expected samples\(data\) or minibatches"):
        compiled.train(update, state_of(adam(0.1)), [SHUFFLED, wrong])


def test_forward_remembers_no_arrays_that_may_move() -> None:
    params = (Layer(np.ones((3, 2)), np.zeros(2)),)
    acts, x = (identity,), np.ones(3)
    before = len(evaluate._memory.networks)
    compiled.forward(acts, params, x)
    assert len(evaluate._memory.networks) == before
    kept = params[0].b
    kept.resize(2000, refcheck=False)
    kept.resize(2, refcheck=False)
    kept[...] = 7.0
    np.testing.assert_array_equal(compiled.forward(acts, params, x), [10.0, 10.0])


@pytest.mark.parametrize("target", [np.nan, np.inf, "low", None])
def test_a_target_is_a_finite_number_or_none_at_all(target: Any) -> None:
    """No loss is at most NaN: training would go on to the end of all passes."""
    update = train_step((tanh, identity), squared_error, sgd(0.1))
    with pytest.raises((TypeError, ValueError), match=r"^target: expected a (finite )?number, got"):
        compiled.train(update, state_of(sgd(0.1)), [samples(table())], target=target)


def test_training_for_no_passes_is_an_error() -> None:
    update = train_step((tanh, identity), squared_error, sgd(0.1))
    with pytest.raises(ValueError, match=r"^passes: expected at least one, got none$"):
        compiled.train(update, state_of(sgd(0.1)), [])
    with pytest.raises(TypeError, match=r"^passes: expected passes of batches, got a"):
        ANY.train(update, state_of(sgd(0.1)), np.ones(3))


def test_arrays_of_any_kind_come_in_and_none_is_changed() -> None:
    data = Batch(table().x.astype(">f4")[::2], np.asfortranarray(table(10).y), None)
    params = tuple(Layer(np.asfortranarray(w), b.copy()) for w, b in init(key(0), (3, 4, 2)))
    update = train_step((tanh, sigmoid), squared_error, adam(0.1))
    state = State(params, update.optimizer.init(params))
    before = [np.array(a).tobytes() for a in leaves((data.x, data.y, state))]
    passes: list[Samples | Minibatches] = [samples(data), minibatches(key(0), 3, data)]
    for pass_ in passes:
        agree(*both_scan(update, state, pass_), 1e-12)
    arguments = update.acts, update.loss, params, data
    agree(fnn.backprop(*arguments), compiled.backprop(*arguments), 1e-12)
    for x in (data.x, data.x[0], data.x.tolist(), data.x[0].tolist()):
        output = compiled.forward(update.acts, params, x)
        agree(fnn.forward(update.acts, params, x), output, 1e-12)
    assert before == [np.array(a).tobytes() for a in leaves((data.x, data.y, state))]


def test_forward_sees_params_as_they_are_and_outputs_are_nobody_elses() -> None:
    params = tuple(Layer(w.copy(), b.copy()) for w, b in init(key(0), (3, 4, 2)))
    acts, x = (tanh, identity), np.ones(3)
    first = compiled.forward(acts, params, x)
    kept = first.copy()
    params[0].w[...] = 2.0  # they are the user's own
    second = compiled.forward((tanh, identity), params, x)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(second, fnn.forward(acts, params, x), 1e-13)
    for i in range(40):  # more networks than are remembered
        other = init(key(i), (3, 4, 2))
        expected = fnn.forward(acts, other, x)
        np.testing.assert_allclose(compiled.forward(acts, other, x), expected, 1e-13)
    relus = (relu, identity)
    np.testing.assert_allclose(
        compiled.forward(relus, params, x), fnn.forward(relus, params, x), 1e-13
    )


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.parametrize("optimizer", [sgd(1e30), chain(clip_by_norm(1.0), sgd(1e300))])
def test_divergence_of_large_batches_is_told_in_the_same_words(optimizer: Optimizer) -> None:
    update = train_step((identity, identity), squared_error, optimizer)
    state = start(optimizer, init(key(0), (50, 40, 10)))
    passes = [minibatches(key(i), 128, table(300, 50, 10)) for i in range(9)]
    with pytest.raises(DivergenceError) as expected:
        list(epochs(update, state, passes))
    with pytest.raises(DivergenceError) as found:
        compiled.train(update, state, passes)
    assert str(found.value) == str(expected.value)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_a_gradient_that_cannot_be_clipped_raises_in_scan_too() -> None:
    optimizer, acts = DIVERGING["with clipping"]
    update = train_step(acts, squared_error, optimizer)
    state = start(optimizer, init(key(0), (3, 4, 2)))
    messages = []
    for engine in (fnn.scan, compiled.scan):
        with pytest.raises(FloatingPointError) as caught:
            engine(update, state, samples(table()))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_a_network_of_no_inputs_learns_its_bias() -> None:
    params: Params = (Layer(np.empty((0, 2)), np.ones(2)),)
    data = Batch(np.empty((5, 0)), table(5).y)
    update = train_step((tanh,), squared_error, sgd(0.1))
    agree(*both_scan(update, start(update.optimizer, params), samples(data)), 1e-13)
    for batch in (data, data._replace(weight=np.ones(5)), Batch(data.x[0], data.y[0], np.ones(()))):
        arguments = update.acts, update.loss, params, batch
        agree(fnn.backprop(*arguments), compiled.backprop(*arguments), 1e-13)


def test_batches_of_many_sizes_share_memory() -> None:
    params = init(key(0), (50, 40, 10))
    for n in (300, 250, 200, 300):
        data = table(n, 50, 10)
        arguments = (relu, sigmoid), squared_error, params, data
        agree(fnn.backprop(*arguments), compiled.backprop(*arguments), 1e-12)


def test_a_list_of_pairs_is_refused_even_where_its_network_is_remembered() -> None:
    params = init(key(0), (3, 4, 2))
    acts = (tanh, identity)
    pairs: Any = list(acts)
    compiled.forward(acts, params, np.ones(3))
    with pytest.raises(TypeError, match=r"^acts: expected a tuple of Activation pairs, got a list"):
        compiled.forward(pairs, params, np.ones(3))
    compiled.forward(acts, params, np.ones(3))
