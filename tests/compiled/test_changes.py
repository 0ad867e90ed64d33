"""What a pair reads is read at every call, and calls that interrupt one another do not mix."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType, FunctionType
from typing import Any

import numba
import numpy as np
import pytest

import fnn
from fnn import Activation, Array, Batch, Loss, Params, compiled, init, key
from fnn.activations import elu, identity, leaky_relu, tanh
from fnn.compiled._build.watch import Watch, own
from fnn.losses import huber, squared_error
from fnn.optimizers import sgd

RATE = 1.0
TABLE = np.array([1.0, 2.0])


@pytest.fixture(autouse=True)
def table() -> None:
    TABLE[1] = 2.0


def helper(z: Array) -> Array:
    return RATE * z


def other_helper(z: Array) -> Array:
    return -3.0 * z


def of_a_global() -> Activation:
    return Activation(lambda z: np.tanh(RATE * z), lambda z, a: RATE * (1 - a * a))


def of_a_helper() -> Activation:
    return Activation(lambda z: 1.0 * helper(z), lambda z, a: helper(np.ones_like(z)))


def of_code() -> Activation:
    def f(z: Array) -> Array:
        return 2.0 * z

    return Activation(f, lambda z, a: f(np.ones_like(z)))


def of_defaults() -> Activation:
    def times(z: Array, factor: float = 2.0) -> Array:
        return factor * z

    return Activation(lambda z: 1.0 * times(z), lambda z, a: times(np.ones_like(z)))


def of_a_cell() -> Activation:
    factor = 2.0

    def f(z: Array) -> Array:
        return factor * z

    return Activation(f, lambda z, a: f(np.ones_like(z)))


def of_an_array() -> Activation:
    return Activation(lambda z: TABLE[1] * z, lambda z, a: TABLE[1] * np.ones_like(z))


def of_a_tuple() -> Activation:
    tables = (0.5, TABLE)
    return Activation(lambda z: tables[1][1] * z, lambda z, a: tables[1][1] * np.ones_like(z))


def of_a_partial() -> Activation:
    def times(table: Array, z: Array) -> Array:
        scaled: Array = table[1] * z
        return scaled

    return Activation(partial(times, TABLE), lambda z, a: TABLE[1] * np.ones_like(z))


def inner(pair: Activation, cell: int = 0) -> Any:
    """The function that the slope of a pair closes over."""
    assert isinstance(pair.df, FunctionType)
    assert pair.df.__closure__ is not None
    return pair.df.__closure__[cell].cell_contents


def rebind(name: str, value: Any) -> Callable[[Activation, pytest.MonkeyPatch], None]:
    return lambda pair, patch: patch.setitem(globals(), name, value)


def change_code(pair: Activation, patch: pytest.MonkeyPatch) -> None:
    def f(z: Array) -> Array:
        return 5.0 * z

    patch.setattr(inner(pair), "__code__", f.__code__)


def change_cell(pair: Activation, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inner(pair).__closure__[0], "cell_contents", 5.0)


def change_defaults(pair: Activation, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inner(pair), "__defaults__", (5.0,))


def change_array(pair: Activation, patch: pytest.MonkeyPatch) -> None:
    TABLE[1] = 5.0


CHANGES: dict[
    str, tuple[Callable[[], Activation], Callable[[Activation, pytest.MonkeyPatch], None]]
] = {
    "a global": (of_a_global, rebind("RATE", 5.0)),
    "the type of a global": (of_a_global, rebind("RATE", -0.0)),
    "a helper's global": (of_a_helper, rebind("RATE", 5.0)),
    "a helper rebound": (of_a_helper, rebind("helper", other_helper)),
    "a helper of numba's": (of_a_helper, rebind("helper", numba.njit(other_helper))),
    "code": (of_code, change_code),
    "defaults": (of_defaults, change_defaults),
    "a cell": (of_a_cell, change_cell),
    "an array": (of_an_array, change_array),
    "an array in a tuple": (of_a_tuple, change_array),
    "an array in a partial": (of_a_partial, change_array),
}


def results(pair: Activation, params: Params, x: Array, module: Any) -> list[Array]:
    acts = (pair, identity)
    found = [module.forward(acts, params, x[0]), module.forward(acts, params, x)]
    value, grads = module.backprop(acts, squared_error, params, Batch(x, x))
    found += [np.array(value), grads[0].w]
    update = fnn.train_step(acts, squared_error, sgd(0.1))
    state, losses = module.scan(update, fnn.start(sgd(0.1), params), fnn.samples(Batch(x, x)))
    return [*found, np.array(losses), state.params[0].w]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_a_pair_reads_is_seen_by_the_next_call(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, change = CHANGES[name]
    pair, params = make(), init(key(0), (2, 3, 2))
    x = np.array([[0.3, -0.2], [0.1, 0.4]])
    before = None
    for _ in range(2):
        found = results(pair, params, x, compiled)
        assert compiled.predict((pair, identity), [params], x[0]).mean == pytest.approx(found[0])
        for one, other in zip(found, results(pair, params, x, fnn), strict=True):
            np.testing.assert_allclose(one, other, 1e-12, 1e-14)
        assert before is None or not np.array_equal(before, found[0])
        before = found[0]
        change(pair, monkeypatch)


def test_a_name_of_pythons_own_that_a_global_hides_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    pair, params, x = (
        Activation(lambda z: 1.0 * abs(z), lambda z, a: np.sign(z)),
        init(key(0), (2, 2)),
        (np.array([1.0, -2.0])),
    )
    compiled.forward((pair,), params, x)
    monkeypatch.setitem(globals(), "abs", other_helper)
    np.testing.assert_allclose(
        compiled.forward((pair,), params, x), fnn.forward((pair,), params, x), 1e-14
    )


def test_a_loss_that_changes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = Loss(lambda o, y: RATE * (o - y).sum(-1), lambda o, y: RATE * np.ones_like(o))
    params, batch = init(key(0), (2, 2)), Batch(np.ones(2), np.zeros(2))
    first = compiled.backprop((identity,), loss, params, batch)[0]
    monkeypatch.setitem(globals(), "RATE", 3.0)
    assert compiled.backprop((identity,), loss, params, batch)[0] == pytest.approx(3.0 * first)


def test_a_function_that_says_it_is_fnns_is_watched_like_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @functools.wraps(tanh.f)
    def f(z: Array) -> Array:
        return RATE * z

    @functools.wraps(tanh.df)
    def df(z: Array, a: Array) -> Array:
        return RATE * np.ones_like(z)

    assert not own(f)
    assert own(tanh.f, tanh.df, leaky_relu().f, elu(2.0).df, huber(1.0).f)
    params, x = init(key(0), (2, 2)), np.array([1.0, -2.0])
    first = compiled.forward((Activation(f, df),), params, x)
    monkeypatch.setitem(globals(), "RATE", 4.0)
    for _ in range(2):
        second = compiled.forward((Activation(f, df),), params, x)
        np.testing.assert_allclose(second, 4.0 * first, 1e-14)
    number: Any = functools.wraps(tanh.df)(lambda z, a: 1.0)
    wrong = Activation(functools.wraps(tanh.f)(lambda z: 2.0 * z), number)
    with pytest.raises(TypeError, match="acts on each number alone"):
        compiled.backprop((wrong,), squared_error, params, Batch(x, x))


def test_fnns_own_pairs_have_nothing_to_watch() -> None:
    assert Watch((tanh.f, tanh.df, leaky_relu(0.2).f, huber(1.0).df)).unchanged is None


def test_a_partial_that_gets_keywords_is_a_change() -> None:
    function = partial(helper)
    watch = Watch((function,))
    assert not watch.changed()
    function.keywords["z"] = 1.0
    assert watch.changed()


def test_a_cell_that_is_emptied_is_a_change() -> None:
    def made() -> tuple[Callable[[], float], Callable[[], None]]:
        value = 1.0

        def read() -> float:
            return value

        def empty() -> None:
            nonlocal value
            del value

        return read, empty

    read, empty = made()
    watch = Watch((read,))
    assert not watch.changed()
    empty()
    assert watch.changed()


def test_a_call_within_a_call_leaves_it_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler may run between any two steps of Python's, here wherever a line begins."""
    acts, params = (tanh, identity), init(key(0), (3, 4, 2))
    others = init(key(1), (3, 4, 2))
    x, other = np.array([0.1, 0.2, 0.3]), np.array([-2.0, 5.0, 1.0])
    batch, other_batch = Batch(x, x[:2]), Batch(other, other[:2])

    def calls() -> list[Array]:
        value, grads = compiled.backprop(acts, squared_error, params, batch)
        rows = compiled.forward(acts, params, np.stack([x, other]))
        return [compiled.forward(acts, params, x), np.array(value), grads[0].w, grads[1].b, rows]

    expected = calls()
    nested = 0

    def interrupt() -> None:
        nonlocal nested
        nested += 1
        sys.settrace(None)
        compiled.forward(acts, params, other)
        compiled.backprop(acts, squared_error, others, other_batch)
        sys.settrace(tracer)

    def tracer(frame: FrameType, event: str, arg: Any) -> Any:
        if "evaluate" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            interrupt()
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        found = calls()
    finally:
        sys.settrace(before)
    assert nested > 100
    for one, exact in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, exact)


def test_a_signal_handler_that_calls_the_same_network_spoils_nothing() -> None:
    if not hasattr(signal, "setitimer"):
        return  # Windows has no timers that send signals
    acts, params = (tanh, identity), init(key(0), (3, 4, 2))
    x, other = np.array([0.1, 0.2, 0.3]), np.array([-2.0, 5.0, 1.0])
    expected = compiled.forward(acts, params, x).tobytes()
    value, _ = compiled.backprop(acts, squared_error, params, Batch(x, x[:2]))
    handled = 0

    def handler(number: int, frame: object) -> None:
        nonlocal handled
        handled += 1
        compiled.forward(acts, params, other)
        compiled.backprop(acts, squared_error, params, Batch(other, other[:2]))
        signal.setitimer(signal.ITIMER_REAL, 1e-4)  # again, and never within itself

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 1e-4)
    try:
        for _ in range(20_000):
            assert compiled.forward(acts, params, x).tobytes() == expected
            if handled >= 300:
                break
        for _ in range(2_000):
            assert compiled.backprop(acts, squared_error, params, Batch(x, x[:2]))[0] == value
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert handled > 0
