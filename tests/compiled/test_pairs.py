"""Pairs are compiled from their own functions, whoever wrote them, and are what they were."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import mpmath
import numba
import numpy as np
import pytest

import fnn
from fnn import (
    Activation,
    Array,
    Batch,
    Layer,
    Loss,
    compiled,
    init,
    key,
    samples,
    start,
    train_step,
)
from fnn._core.numbers import describe
from fnn.activations import identity, sigmoid
from fnn.compiled._build.fingerprint import fingerprint
from fnn.compiled._runtime import pairs
from fnn.compiled._runtime.calls import address_of, function_at
from fnn.losses import masked_loss, squared_error
from fnn.optimizers import sgd
from tests.support.oracles import ACTIVATIONS, LOSSES

DTYPES = [np.dtype(np.float64), np.dtype(np.float32)]
RNG = np.random.default_rng(0)
EVERYWHERE = np.concatenate(
    [
        *(RNG.standard_normal(300) * size for size in (1e-3, 1.0, 10.0, 100.0, 1e4)),
        [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 88.0, -104.0, 710.0, -745.0],
    ]
)


def values_and_slopes(act: Activation, z: Array) -> tuple[Array, Array]:
    code = pairs.activation(0, act, z.dtype)
    a, d, again = (np.empty_like(z) for _ in range(3))
    function_at("activation", code.both)(z.size, address_of(z), address_of(a), address_of(d))
    function_at("value", code.value)(z.size, address_of(z), address_of(again))
    np.testing.assert_array_equal(a, again)
    return a, d


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_built_in_activation_is_what_it_is_in_numpy(name: str, dtype: np.dtype[Any]) -> None:
    """Within the roundings of NumPy's exp and ours, in ulp or, where terms cancel, in eps."""
    act, z = ACTIVATIONS[name][0], EVERYWHERE.astype(dtype)
    a, d = values_and_slopes(act, z)
    eps = 4 * np.finfo(dtype).eps
    tiny = 1e-300 if dtype == np.float64 else 1e-30
    cancels = eps if name in ("gelu", "gelu_tanh", "silu", "mish") else 0.0
    with np.errstate(all="ignore"):
        expected = act.f(z)
        np.testing.assert_allclose(a, expected, eps, tiny * eps)
        np.testing.assert_allclose(d, act.df(z, expected), eps, max(cancels, tiny * eps))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("name", "bound"), [("exp", 1.1), ("expm1", 2.0), ("tanh", 3.0), ("log1p", 1.0)]
)
def test_our_functions_are_within_ulps_of_exact_over_the_whole_dtype(
    name: str, bound: float, dtype: np.dtype[Any]
) -> None:
    f = getattr(np, name)
    info = np.finfo(dtype)
    low, high = math.log(info.smallest_subnormal), math.log(info.max)
    near = RNG.standard_normal(1000), np.linspace(-3.0, 3.0, 3001)
    small = RNG.standard_normal(500) * 10.0 ** RNG.uniform(-30.0, 0.0, 500)
    z = np.concatenate([np.linspace(low - 2, high - 1e-3, 4001), *near, small]).astype(dtype)
    if name == "log1p":
        z = z[z > -1.0]
    a, _ = values_and_slopes(Activation(f, lambda z, a: a), z)
    exact = [getattr(mpmath, name)(mpmath.mpf(float(zi))) for zi in z]
    error = [float(abs(mpmath.mpf(float(ai)) - e)) for ai, e in zip(a, exact, strict=True)]
    ulp = [float(np.spacing(dtype.type(min(abs(e), info.max)))) for e in exact]
    assert max(map(operator.truediv, error, ulp)) <= bound
    edges = np.array([np.inf, -np.inf, np.nan, high + 1.0, low - 1.0, 0.0, -1.0, -2.0], dtype)
    edges = edges if name == "log1p" else edges[:-2]
    with np.errstate(all="ignore"):
        expected = f(edges)
    np.testing.assert_array_equal(
        values_and_slopes(Activation(f, lambda z, a: a), edges)[0], expected
    )


def loss_and_slope(loss: Loss, output: Array, target: Array) -> tuple[float, Array]:
    code = function_at("loss", pairs.loss(loss, output.dtype, output.size))
    slope = np.empty_like(output)
    return float(
        code(output.size, address_of(output), address_of(target), address_of(slope))
    ), slope


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_every_built_in_loss_is_what_it_is_in_numpy(name: str, dtype: np.dtype[Any]) -> None:
    if name == "softmax_cross_entropy" and dtype == np.float32:
        dtype = np.dtype(np.float64)  # it takes 8 s to compile
    loss = LOSSES[name][0]
    for size in (1.0, 30.0):
        output = (size * RNG.standard_normal(5)).astype(dtype)
        target = np.array([0.0, 1.0, 0.0, 0.0, 0.0], dtype)
        found, slope = loss_and_slope(loss, output, target)
        tolerance = 10 * float(np.finfo(dtype).eps)
        assert found == pytest.approx(float(loss.f(output, target)), rel=tolerance, abs=tolerance)
        np.testing.assert_allclose(slope, loss.df(output, target), tolerance, tolerance)


@pytest.mark.parametrize(
    "output",
    [
        [np.inf, 0.0, -np.inf],
        [np.inf, np.inf, 1.0],
        [np.nan, 0.0, 1.0],
        [0.0, 1.0, np.nan],
        [-np.inf, -np.inf, -np.inf],
        [2.0, 2.0, 2.0],
        [-1e308, 1e308, 0.0],
    ],
)
def test_extreme_logits_are_what_they_are_in_numpy(output: list[float]) -> None:
    loss = LOSSES["softmax_cross_entropy"][0]
    logits = np.array(output)
    for target in (np.array([0.0, 1.0, 0.0]), np.array([0.5, 0.0, 0.5])):
        with np.errstate(all="ignore"):
            expected, slopes = loss.f(logits, target), loss.df(logits, target)
        found, slope = loss_and_slope(loss, logits, target)
        np.testing.assert_allclose(found, float(expected), 1e-15)
        np.testing.assert_allclose(slope, slopes, 1e-15)


def test_a_loss_of_known_targets_compiles_too() -> None:
    loss, output = masked_loss(squared_error), np.array([1.0, 2.0, 3.0])
    found, slope = loss_and_slope(loss, output, np.array([0.0, np.nan, 5.0]))
    assert found == 5.0
    np.testing.assert_array_equal(slope, [2.0, 0.0, -4.0])


GAIN = 1.7


def helper(z: Array) -> Array:
    return np.where(z > 0, GAIN * z, np.exp(z) - 1.0)


def slope_of(z: Array, a: Array) -> Array:
    return np.where(z > 0, GAIN, np.exp(z))


def bent(bend: float, z: Array) -> Array:
    squared: Array = bend * z * z
    return squared + helper(z)


def bent_slope(bend: float, z: Array, a: Array) -> Array:
    twice: Array = 2.0 * bend * z
    return twice + slope_of(z, a)


def closing_over(factor: float) -> Activation:
    return Activation(lambda z: factor * np.sin(z), lambda z, a: factor * np.cos(z))


OWN: dict[str, Activation] = {
    "ufuncs": Activation(np.sin, lambda z, a: np.cos(z)),
    "a helper and a global": Activation(helper, slope_of),
    "a closure": closing_over(0.3),
    "partials": Activation(partial(bent, 0.1), partial(bent_slope, 0.1)),
    "clipped": Activation(
        lambda z: np.clip(z, -0.5, 0.5) + z,
        lambda z, a: np.where(abs(z) < 0.5, np.ones_like(z), np.zeros_like(z)) + np.ones_like(z),
    ),
    "math": Activation(lambda z: math.pi * z, lambda z, a: math.pi + 0.0 * z),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", OWN)
def test_a_users_pair_trains_as_on_the_numpy_path(name: str, dtype: np.dtype[Any]) -> None:
    act = OWN[name]
    data = Batch(RNG.standard_normal((10, 3)), RNG.random((10, 2)))
    update = train_step((act, sigmoid), squared_error, sgd(0.1))
    state = start(update.optimizer, init(key(0), (3, 4, 2), dtype=dtype.type))
    expected, losses = fnn.scan(update, state, samples(data))
    found, others = compiled.scan(update, state, samples(data))
    tolerance = 100 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(others, losses, tolerance)
    for one, other in zip(found.params, expected.params, strict=True):
        np.testing.assert_allclose(one.w, other.w, tolerance, tolerance)


def test_a_users_loss_that_ties_outputs_together_compiles() -> None:
    def f(output: Array, target: Array) -> Array:
        total: Array = (output - target).sum(-1)
        return total * total

    def df(output: Array, target: Array) -> Array:
        slope: Array = 2.0 * (output - target).sum(-1) * np.ones_like(output)
        return slope

    found, slope = loss_and_slope(Loss(f, df), np.array([1.0, 2.0]), np.array([0.0, 0.5]))
    assert found == 6.25
    np.testing.assert_array_equal(slope, [5.0, 5.0])


def unfit(z: Array) -> Array:
    return np.asarray([float(str(v)) for v in z])


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (
            Activation(unfit, slope_of),
            "acts[1]: expected a pair that numba can compile, got the fun",
        ),
        (Activation(lambda z: z.sum(), slope_of), "it uses .sum, which needs whole arrays"),
    ],
)
def test_a_pair_that_numba_cannot_compile_is_named_with_the_reason(
    pair: Activation, reason: str
) -> None:
    params = init(key(0), (3, 4, 2))
    with pytest.raises(TypeError, match=r"fnn\.scan runs it as it is$") as caught:
        compiled.forward((identity, pair), params, np.ones(3))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fingerprint_tells_functions_apart_by_all_that_they_reach() -> None:
    same = [fingerprint(closing_over(0.3).f), fingerprint(closing_over(0.3).f)]
    assert same[0] == same[1] is not None
    others: list[Callable[..., Any]] = [closing_over(0.4).f, helper, slope_of, unfit, np.sin]
    others += [lambda z: z in {1.0, 2.0}, partial(np.add, np.float32(0.1))]
    others += [partial(bent, 0.1), partial(bent, 0.2), lambda z, k=1: z, lambda z, k=2: z]
    assert len({fingerprint(f) for f in others} | {same[0]}) == len(others) + 1


def test_a_fingerprint_changes_with_a_global(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(partial(bent, 0.1))
    monkeypatch.setitem(globals(), "GAIN", 1.8)
    assert fingerprint(partial(bent, 0.1)) != before


class Bend(NamedTuple):
    at: float
    slope: float


class Other(NamedTuple):
    slope: float
    at: float


def reaching(value: Any) -> Callable[[Any], Any]:
    return lambda z: value * z


def test_a_fingerprint_tells_values_apart_by_their_kind_and_content() -> None:
    values: list[Any] = [Bend(1.0, 2.0), Bend(2.0, 1.0), Other(1.0, 2.0), (1.0, 2.0)]
    values += [np.array([1.0, 2.0]), np.array([[1.0, 2.0]]), np.array([2.0, 1.0])]
    values += [
        np.array([1.0, 2.0]).view(np.int64),
        np.array([1.0, 2.0], np.float32),
        np.asfortranarray(np.eye(2)),
    ]
    values += [np.float32, np.float64, float, np.where, np.clip, math.exp, abs, np, np.linalg]
    found = [fingerprint(reaching(value)) for value in values]
    twins = [np.array(value) if isinstance(value, np.ndarray) else value for value in values]
    assert found == [fingerprint(reaching(twin)) for twin in twins]
    assert len(set(found)) == len(values)


BEYOND: dict[str, Any] = {
    "a list": [0.5, 2.0],
    "an array that is not in order": np.arange(9.0)[::2],
    "an array of more than a megabyte": np.ones(125_001),
    "an array of objects": np.array([1.0, None]),
    "a matrix": np.eye(2).view(np.matrix),
    "a module": re,
    "a method": Bend(1.0, 2.0)._asdict,
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_may_change_unseen_is_refused(name: str) -> None:
    value, params = BEYOND[name], init(key(0), (3, 2))
    act = Activation(lambda z: z * value[1], lambda z, a: value[1])
    message = re.escape(f"it reaches {describe(value)}, which compiled code cannot keep; make it")
    with pytest.raises(
        TypeError, match=rf"^acts\[0\]: expected a pair .* {message}.*fnn\.scan run"
    ):
        compiled.forward((act,), params, np.ones(3))


def agree_with_numpy(act: Activation) -> None:
    params, batch = init(key(0), (3, 2)), Batch(np.ones((4, 3)), np.ones((4, 2)))
    update = train_step((act,), squared_error, sgd(0.1))
    state, pass_ = start(update.optimizer, params), samples(batch)
    expected, found = fnn.scan(update, state, pass_), compiled.scan(update, state, pass_)
    np.testing.assert_allclose(found[1], expected[1], 1e-13)
    value, _ = compiled.backprop((act,), squared_error, params, batch)
    assert value == pytest.approx(fnn.backprop((act,), squared_error, params, batch)[0], 1e-13)
    output = compiled.forward((act,), params, np.ones(3))
    np.testing.assert_allclose(output, fnn.forward((act,), params, np.ones(3)), 1e-13)


def test_an_array_that_a_pair_closes_over_may_change() -> None:
    table = np.array([0.5, 2.0])
    act = Activation(lambda z: z * table[1], lambda z, a: table[1] + 0.0 * z)
    for gain in (2.0, 3.0, 2.0):
        table[1] = gain
        agree_with_numpy(act)


def linear(z: Array) -> Array:
    return GAIN * z


quickly: Any = linear


def test_a_helper_of_numbas_is_compiled_anew_of_the_values_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By then it is compiled for numbers, of a value that was, which numba does only once."""
    monkeypatch.setitem(globals(), "quickly", numba.njit(linear))
    assert quickly(1.0) == 1.7
    monkeypatch.setitem(globals(), "GAIN", 2.5)
    slope = numba.njit(lambda z, a: GAIN + 0.0 * z)
    for act in (Activation(lambda z: quickly(z) + 0.0, slope), Activation(quickly, slope)):
        a, d = values_and_slopes(act, np.array([1.0, -2.0]))
        np.testing.assert_array_equal(a, [2.5, -5.0])
        np.testing.assert_array_equal(d, [2.5, 2.5])


def recursive(z: Any) -> Any:
    return z if z < 1.0 else recursive(z - 1.0)


def test_a_function_that_calls_itself_has_a_fingerprint() -> None:
    assert fingerprint(recursive) == fingerprint(recursive) is not None


def raising(z: Array) -> Array:
    if z > 1e9:
        raise ValueError(f"too large: {z}")
    return z


def asserting(output: Array, target: Array) -> Array:
    assert output[0] < 1e9
    total: Array = (output - target).sum(-1)
    return total


def printing(z: Array) -> Array:
    print(z)
    return z


def writing(output: Array, target: Array) -> Array:
    output[0] = 0.0
    total: Array = (output - target).sum(-1)
    return total


def writing_through(output: Array, target: Array) -> Array:
    np.ascontiguousarray(target)[...] = 7.0  # numba forgets that it is read-only
    return np.ones_like(output)


def ones(output: Array, target: Array) -> Array:
    return np.ones_like(output)


def one(z: Array, a: Array) -> Array:
    return np.ones_like(z)


def through(z: Array) -> Array:
    return raising(z) + 1.0


def summing(output: Array, target: Array) -> Array:
    total: Array = (output - target).sum(-1)
    return total


def distance(output: Array, target: Array) -> Any:
    length: Any = np.linalg.norm(output - target)
    return length


def direction(output: Array, target: Array) -> Array:
    slope: Array = (output - target) / distance(output, target)
    return slope


def constant(z: Array) -> Any:
    return 1.0


def flat(z: Array, a: Array) -> Any:
    return 1.0


TABLE = np.array([0.0, 1.0, 4.0, 9.0])

REFUSED: dict[str, tuple[Activation | Loss, str]] = {
    "raises": (Activation(raising, one), "raising raises exceptions, which"),
    "calls what raises": (Activation(through, one), "raising raises exceptions, which"),
    "asserts": (Loss(asserting, ones), ", which compiled code cannot"),  # pytest rewrites it
    "prints": (Activation(printing, one), "it may raise exceptions, or prints"),
    "prints vectors": (Loss(lambda o, y: printing(o).sum(-1), ones), "exceptions, or prints"),
    "writes": (Loss(writing, ones), "setitem"),
    "writes in the slope": (Loss(summing, writing), "setitem"),
    "allocates": (
        Activation(lambda z: z * np.ones(1).sum(), one),
        "it uses .ones, which needs whole arrays",
    ),
    "looks up": (
        Activation(lambda z: TABLE[np.int64(np.abs(z))], one),
        "it may raise exceptions, or prints",
    ),
    "is one number": (Activation(constant, one), "acts on each number alone"),
    "has one slope": (Activation(lambda z: z, flat), "acts on each number alone"),
    "writes through a view": (Loss(summing, writing_through), "expected a pair "),
    "too few slopes": (Loss(summing, lambda o, y: o[:1]), "2 slopes for a sample of 2"),
    "too many": (Loss(summing, lambda o, y: np.ones(5)), "2 slopes for a sample of 2"),
    "other shapes": (Loss(lambda o, y: (o - np.ones(5)).sum(-1), ones), "broadcast"),
    "a slope that is not masked": (masked_loss(squared_error)._replace(df=ones), "numba can comp"),
    "many losses": (Loss(lambda o, y: o[:1] - y[:1], ones), "with one loss"),
}


def sizing(output: Array, target: Array) -> Array:
    more: Array = (output - target).sum(-1) + np.zeros(int(9.0 - np.abs(output).sum(-1))).sum()
    return more


def test_a_loss_that_raises_is_no_number_and_training_raises_what_it_did() -> None:
    update = train_step((identity,), Loss(sizing, ones), sgd(0.1))
    pass_ = samples(Batch(np.zeros((2, 2)), np.ones((2, 2))))
    well, ill = (
        start(update.optimizer, (Layer(np.zeros((2, 2)), np.full(2, b)),)) for b in (2.0, 50.0)
    )
    expected, found = fnn.scan(update, well, pass_), compiled.scan(update, well, pass_)
    assert found[1] == pytest.approx(expected[1], rel=1e-13)
    assert np.isnan(compiled.scan(update, ill, pass_)[1][0])
    with pytest.raises(ValueError, match="negative"):
        fnn.scan(update, ill, pass_)
    with pytest.raises(ValueError, match="negative"):
        compiled.train(update, ill, [pass_])


def test_a_norm_raises_nothing_and_compiles() -> None:
    output, target = np.array([3.0, 4.0]), np.zeros(2)
    found, slope = loss_and_slope(Loss(distance, direction), output, target)
    assert found == pytest.approx(5.0, rel=1e-15)
    np.testing.assert_allclose(slope, [0.6, 0.8], 1e-15)


@pytest.mark.parametrize("name", REFUSED)
def test_pairs_that_machine_code_cannot_run_as_they_are_are_refused(name: str) -> None:
    pair, why = REFUSED[name]
    params = init(key(0), (3, 2))
    acts, loss = ((pair,), squared_error) if isinstance(pair, Activation) else ((identity,), pair)
    with pytest.raises(
        TypeError, match=r"^(acts\[0\]|loss): .*fnn\.scan runs it as it is"
    ) as caught:
        compiled.backprop(acts, loss, params, Batch(np.ones(3), np.ones(2)))
    assert why in str(caught.value)


def chosen(output: Array, target: Array) -> Array:
    total: Array = -output[int(target[0])]
    return total


def chosen_slope(output: Array, target: Array) -> Array:
    slope = np.zeros_like(output)
    slope[int(target[0])] = -1.0
    return slope


@pytest.mark.parametrize("pair", [(chosen, chosen_slope), (summing, chosen_slope)])
def test_an_index_out_of_range_makes_a_loss_nan_and_touches_no_memory(
    pair: tuple[Callable[..., Array], Callable[..., Array]],
) -> None:
    params, x = init(key(0), (3, 2)), np.ones(3)
    loss = Loss(*pair)
    for label in (2.0, 1e5, 1e12, -3.0):
        batch = Batch(x, np.array([label, 0.0]))
        with pytest.raises(IndexError):
            fnn.backprop((identity,), loss, params, batch)
        value, grads = compiled.backprop((identity,), loss, params, batch)
        assert np.isnan(value)
        assert np.isnan(grads[0].w).all()
        update = train_step((identity,), loss, sgd(0.1))
        pass_ = samples(Batch(x[None], batch.y[None]))
        with pytest.raises(IndexError):  # as on the NumPy path, which it goes through again
            compiled.train(update, start(update.optimizer, params), [pass_])


def test_a_built_in_loss_may_have_a_slope_of_ones_own() -> None:
    def clipped(output: Array, target: Array) -> Array:
        slope: Array = np.minimum(2.0 * (output - target), 0.3)
        return slope

    params, batch = init(key(0), (3, 2)), Batch(np.ones((4, 3)), np.zeros((4, 2)))
    loss = Loss(squared_error.f, clipped)
    expected = fnn.backprop((identity,), loss, params, batch)
    found = compiled.backprop((identity,), loss, params, batch)
    assert found[0] == pytest.approx(expected[0], rel=1e-14)
    np.testing.assert_allclose(found[1][0].w, expected[1][0].w, 1e-13)


def test_a_global_that_changes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    act = Activation(helper, slope_of)
    for gain in (1.7, 2.5):
        monkeypatch.setitem(globals(), "GAIN", gain)
        agree_with_numpy(act)


def test_a_number_beyond_float32_is_infinite_there_without_a_warning() -> None:
    act = Activation(
        lambda z: np.minimum(z, 1e39), lambda z, a: np.minimum(np.maximum(z, 1.0), 1.0)
    )
    z = np.array([3.0, -3.0], np.float32)
    np.testing.assert_array_equal(values_and_slopes(act, z)[0], z)


def test_a_sum_of_losses_beyond_float32_is_infinite() -> None:
    output, target = np.full(4, 1.5e19, np.float32), np.zeros(4, np.float32)
    assert loss_and_slope(squared_error, output, target)[0] == math.inf
