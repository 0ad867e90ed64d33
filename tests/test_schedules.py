"""Schedules pass through the points worked out by hand, and drive an optimizer."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fnn import Batch, Layer, LayerGrad, Optimizer, scan, start, train_step
from fnn.activations import identity
from fnn.losses import squared_error
from fnn.optimizers import (
    adagrad,
    adam,
    adamw,
    chain,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    scale,
    sgd,
)
from fnn.schedules import (
    Schedule,
    constant,
    cosine,
    exponential,
    inverse_time,
    one_cycle,
    piecewise,
    warm_up,
)
from fnn.tree import leaves

ROOT = math.sqrt(0.5)
POINTS: dict[str, tuple[Schedule, dict[int, float]]] = {
    "constant": (constant(0.3), {0: 0.3, 1: 0.3, 10**9: 0.3}),
    "exponential": (exponential(0.8, 0.5), {0: 0.8, 1: 0.4, 3: 0.1, 5000: 0.0}),
    "exponential, slower": (
        exponential(0.8, 0.25, every=4),
        {0: 0.8, 2: 0.4, 4: 0.2, 5: 0.2 * ROOT},
    ),
    "exponential growth": (exponential(0.1, 2.0), {0: 0.1, 3: 0.8}),
    "inverse time": (
        inverse_time(0.6, 0.5, every=10),
        {0: 0.6, 10: 0.4, 20: 0.3, 40: 0.2, 5: 0.48},
    ),
    "piecewise": (
        piecewise((0.3, 0.2, 0.1), (10, 20)),
        {0: 0.3, 9: 0.3, 10: 0.2, 19: 0.2, 20: 0.1, 10**6: 0.1},
    ),
    "piecewise of one": (piecewise((0.3,), ()), {0: 0.3, 7: 0.3}),
    "cosine": (
        cosine(0.5, 8, 0.1),
        {0: 0.5, 2: 0.3 + 0.2 * ROOT, 4: 0.3, 6: 0.3 - 0.2 * ROOT, 8: 0.1, 9: 0.1, 16: 0.1},
    ),
    "cosine to nothing": (cosine(0.5, 3), {0: 0.5, 1: 0.375, 2: 0.125, 3: 0.0, 4: 0.0}),
    "warm-up": (warm_up(5, 0.5), {0: 0.0, 1: 0.1, 4: 0.4, 5: 0.5, 100: 0.5}),
    "warm-up from above": (warm_up(4, 0.2, first=1.0), {0: 1.0, 1: 0.8, 3: 0.4, 4: 0.2}),
    "warm-up of a schedule": (
        warm_up(2, exponential(0.8, 0.5)),
        {0: 0.0, 1: 0.4, 2: 0.8, 3: 0.4, 5: 0.1},
    ),
    "one-cycle": (  # up over steps 0 to 4, down over steps 4 to 12
        one_cycle(1.0, 13, rise=5 / 13, div=4.0, final_div=2.0),
        {0: 0.25, 2: 0.625, 4: 1.0, 6: 0.5625 + 0.4375 * ROOT, 8: 0.5625, 12: 0.125, 99: 0.125},
    ),
}
each_schedule = pytest.mark.parametrize("name", POINTS)


@each_schedule
def test_a_schedule_passes_through_its_points(name: str) -> None:
    schedule, points = POINTS[name]
    for step, rate in points.items():
        assert schedule(step) == pytest.approx(rate, rel=1e-14, abs=1e-16), step
        assert type(schedule(step)) is float


@each_schedule
def test_a_schedule_can_be_pickled(name: str) -> None:
    schedule, points = POINTS[name]
    twin = pickle.loads(pickle.dumps(schedule))
    assert [twin(step) for step in points] == [schedule(step) for step in points]


@pytest.mark.parametrize(
    "make",
    [sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, nadam],
    ids=lambda f: f.__name__,
)
def test_an_optimizer_takes_the_rate_of_each_step(make: Callable[[Any], Optimizer]) -> None:
    """With the state at hand, a step at rate(t) is the step of a fixed rate of that size."""
    rates = (0.5, 0.0, 0.25)
    params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    scheduled = make(lambda step: rates[step])
    state = scheduled.init(params)
    for step, rate in enumerate(rates):
        grads = (LayerGrad(np.array([[step - 0.5]]), np.array([1.0 + step])),)
        want, after = make(rate).update(grads, state, params)
        got, state = scheduled.update(grads, state, params)
        for a, b in zip(leaves((got, state)), leaves((want, after)), strict=True):
            np.testing.assert_array_equal(a, b)
        if rate == 0.0:
            assert not any(array.any() for array in leaves(got))


def test_each_part_of_a_chain_counts_its_own_steps() -> None:
    params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    optimizer = chain(sgd(piecewise((1.0, 2.0), (1,))), chain(scale(-1.0), sgd(lambda t: 10.0**t)))
    state = optimizer.init(params)
    grads = (LayerGrad(np.array([[1.0]]), np.array([1.0])),)
    seen = []
    for _ in range(3):
        updates, state = optimizer.update(grads, state, params)
        seen.append(updates[0].b.item())
    assert seen == [-1.0, -20.0, -200.0]


def test_a_decaying_rate_averages_noise_away() -> None:
    """With rate 1 / (2 (1 + t)), descent on (w x - y)^2 at x = 1 keeps the mean of the y seen."""
    y = np.array([3.0, -1.0, 4.0, 10.0, -6.0])
    update = train_step((identity,), squared_error, sgd(inverse_time(0.5, 1.0)))
    params = (Layer(np.zeros((1, 1)), np.zeros(1)),)
    state = start(update.optimizer, params)
    batches = [Batch(np.zeros(1), y[i : i + 1]) for i in range(5)]  # x = 0: only b learns
    state, _ = scan(update, state, batches)
    assert state.params[0].b.item() == pytest.approx(y.mean(), rel=1e-15)


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: constant(-1.0), "rate: expected a finite number of at least 0, got -1.0"),
    (lambda: constant(math.nan), "rate: expected a finite number, got nan"),
    (lambda: exponential(0.1, -0.5), "factor: expected a finite number of at least 0"),
    (lambda: exponential(0.1, 0.5, 0), "every: expected a whole number of at least 1, got 0"),
    (lambda: inverse_time(0.1, math.inf), "decay: expected a finite number, got inf"),
    (lambda: inverse_time(0.1, 1.0, -2), "every: expected a whole number of at least 1"),
    (lambda: piecewise((0.1,), (5,)), "rates: expected 2, one more than boundaries, got 1"),
    (
        lambda: piecewise((0.1, -0.1), (5,)),
        r"rates\[1\]: expected a finite number of at least 0",
    ),
    (lambda: piecewise((3, 2, 1), (5, 5)), r"boundaries: expected increasing .* got \(5, 5\)"),
    (
        lambda: piecewise((2, 1), (0,)),
        r"boundaries\[0\]: expected a whole number of at least 1",
    ),
    (lambda: cosine(0.1, 0), "steps: expected a whole number of at least 1, got 0"),
    (lambda: cosine(0.1, 10, -1.0), "last: expected a finite number of at least 0"),
    (lambda: warm_up(0, 0.1), "steps: expected a whole number of at least 1, got 0"),
    (lambda: warm_up(5, -0.1), "rate: expected a finite number of at least 0"),
    (lambda: one_cycle(1.0, 1), "steps: expected a whole number of at least 2, got 1"),
    (lambda: one_cycle(1.0, 100, rise=0.01), "rise: expected a share of the steps"),
    (lambda: one_cycle(1.0, 100, rise=1.0), "rise: expected a share of the steps"),
    (lambda: one_cycle(1.0, 100, div=0.5), "div: expected a finite number of at least 1, got 0.5"),
    (
        lambda: one_cycle(1.0, 100, final_div=0.0),
        "final_div: expected a finite number of at least 1, got 0.0",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=range(len(BAD)))
def test_what_makes_no_schedule_is_told(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (lambda step: -0.1, ValueError, r"rate\(0\): expected a finite number of at least 0"),
        (lambda step: math.nan, ValueError, r"rate\(0\): expected a finite number, got nan"),
        (lambda step: "fast", TypeError, r"rate\(0\): expected a number, got str 'fast'"),
    ],
)
def test_a_schedules_bad_rate_is_told_with_its_step(
    rate: Callable[[int], Any], error: type[Exception], message: str
) -> None:
    params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    grads = (LayerGrad(np.array([[1.0]]), np.array([1.0])),)
    optimizer = sgd(rate)
    with pytest.raises(error, match=message):
        optimizer.update(grads, optimizer.init(params), params)


def test_a_schedule_prints_its_numbers() -> None:
    assert repr(constant(0.1)) == "constant(rate=0.1)"
    nested = warm_up(4, cosine(0.1, 10))
    inner = "cosine(rate=0.1, steps=10, last=0.0)"
    assert repr(nested) == f"warm_up(steps=4, then={inner}, first=0.0)"
    assert repr(adam(nested)) == f"adam({nested!r})"
    assert pickle.loads(pickle.dumps(nested))(7) == nested(7)
    assert repr(pickle.loads(pickle.dumps(nested))) == repr(nested)
