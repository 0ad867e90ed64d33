"""The activations against mpmath, each to the accuracy it states, and at the edges."""

from __future__ import annotations

import inspect
import math
import pickle
import pydoc
import re
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from fnn import activations
from fnn.activations import _normal as erfc
from fnn.activations import celu, elu, leaky_relu
from fnn.base import Activation, Array
from tests.activations.fit_erfc import fit
from tests.support.activations import (
    ALPHA,
    DTYPES,
    ORACLES,
    SLOPE,
    Float,
    Real,
    adversarial,
    cdf,
    errors,
    exact,
)


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mp.workprec(200):
        yield


EVERY = pytest.mark.parametrize("name", ORACLES)
FACTORIES = pytest.mark.parametrize(
    ("factory", "name"), [(leaky_relu, "slope"), (elu, "alpha"), (celu, "alpha")]
)
BOTH = pytest.mark.parametrize("dtype", DTYPES)


def stated() -> dict[str, str]:
    """The docstring of each factory, and of the f of each pair."""
    texts = {name: getattr(activations, name).__doc__ for name in ("leaky_relu", "elu", "celu")}
    for name, value in vars(activations).items():
        if isinstance(value, Activation):
            texts[name] = value.f.__doc__
    return {name: text or "" for name, text in texts.items()}


def bounds() -> dict[str, dict[tuple[str, Float], tuple[float, str]]]:
    """By name, then by ("f" or "df", dtype): the error that is stated, and its unit."""
    pattern = re.compile(r"Error:\sf (\S+) / (\S+) (ulp|eps);\sdf (\S+) / (\S+) (ulp|eps);")
    found: dict[str, dict[tuple[str, Float], tuple[float, str]]] = {}
    for name, text in stated().items():
        match = pattern.search(text)
        assert match is not None, name
        f64, f32, f_unit, df64, df32, df_unit = match.groups()
        found[name] = {
            ("f", np.float64): (float(f64), f_unit),
            ("f", np.float32): (float(f32), f_unit),
            ("df", np.float64): (float(df64), df_unit),
            ("df", np.float32): (float(df32), df_unit),
        }
    return found


BOUNDS = bounds()


@EVERY
@BOTH
def test_f_and_df_err_by_no_more_than_is_stated(name: str, dtype: Float) -> None:
    truth, z = ORACLES[name], adversarial(dtype, 40)
    with np.errstate(all="raise", under="ignore", over="ignore" if name == "selu" else "raise"):
        a = truth.pair.f(z)
        df = truth.pair.df(z, a)
    for part, values, formula in (("f", a, truth.exact_f), ("df", df, truth.exact_df)):
        bound, unit = BOUNDS[name][part, dtype]
        error = errors(values, exact(formula, z), unit)
        worst = int(np.argmax(error))
        assert error[worst] <= bound, f"{part} at z={z[worst]!r}: {error[worst]:.2f} {unit}"


def test_every_public_pair_states_its_errors() -> None:
    public = {name for name, value in vars(activations).items() if isinstance(value, Activation)}
    assert set(BOUNDS) == set(ORACLES) == public | {"leaky_relu", "elu", "celu"}


@EVERY
def test_help_and_repr_of_a_pair_say_what_it_is(name: str) -> None:
    pair, text = ORACLES[name].pair, stated()[name]
    made = {"leaky_relu": f"leaky_relu({SLOPE})", "elu": f"elu({ALPHA})", "celu": f"celu({ALPHA})"}
    assert repr(pair) == made.get(name, name)
    assert pair.__doc__ == pair.f.__doc__ == text
    shown = pydoc.render_doc(pair)
    for line in (repr(pair), *inspect.cleandoc(text).split("\n")):
        assert line in shown
    assert "f = " in text
    assert "Source: " in text
    assert pickle.loads(pickle.dumps(pair)).__doc__ == text


@EVERY
def test_the_derivative_by_hand_is_that_of_the_definition(name: str) -> None:
    """Or the truth for df would be one more claim."""
    truth = ORACLES[name]
    for z in map(mp.mpf, (-37.25, -7.5, -2.5, -1.3, -0.75, -0.1, 0.1, 0.75, 1.3, 2.5, 7.5, 37.25)):
        slope = mp.diff(truth.exact_f, z)
        assert abs(slope - truth.exact_df(z)) <= mp.mpf(10) ** -25 * abs(slope)


@EVERY
@BOTH
def test_infinities_give_the_limits_without_a_warning(name: str, dtype: Float) -> None:
    pair, z = ORACLES[name].pair, np.array([-np.inf, np.inf], dtype)
    with np.errstate(all="raise", under="ignore"):
        a = pair.f(z)
        df = pair.df(z, a)
    assert (
        np.array([a[0], df[0], a[1], df[1]]).tolist()
        == np.array(ORACLES[name].limits, dtype).tolist()
    )


@EVERY
@BOTH
def test_nan_gives_nan_and_leaves_its_neighbors_alone(name: str, dtype: Float) -> None:
    pair, z = ORACLES[name].pair, np.array([1.0, np.nan, -1.0], dtype)
    with np.errstate(all="raise", under="ignore"):
        a = pair.f(z)
        df = pair.df(z, a)
    for values in (a, df):
        assert np.isnan(values).tolist() == [False, True, False]


@EVERY
@BOTH
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 2), (0,), (2, 0), (2, 3, 4)])
def test_shape_and_dtype_are_kept(name: str, dtype: Float, shape: tuple[int, ...]) -> None:
    pair = ORACLES[name].pair
    z = np.linspace(-4, 4, math.prod(shape)).astype(dtype).reshape(shape)
    a = pair.f(z)
    df = pair.df(z, a)
    assert (a.shape, a.dtype) == (df.shape, df.dtype) == (shape, np.dtype(dtype))


@EVERY
def test_arguments_are_only_read(name: str) -> None:
    pair, z = ORACLES[name].pair, np.linspace(-4, 4, 9)
    z.setflags(write=False)
    a = pair.f(z).copy()
    a.setflags(write=False)
    before = z.tobytes(), a.tobytes()
    pair.df(z, a)
    assert (z.tobytes(), a.tobytes()) == before


@EVERY
def test_a_pair_survives_pickling(name: str) -> None:
    pair, z = ORACLES[name].pair, np.linspace(-4, 4, 9)
    again = pickle.loads(pickle.dumps(pair))
    assert isinstance(again, Activation)
    assert again.f(z).tobytes() == pair.f(z).tobytes()
    assert again.df(z, pair.f(z)).tobytes() == pair.df(z, pair.f(z)).tobytes()


@BOTH
def test_selu_overflows_only_where_its_value_is_beyond_the_dtype(dtype: Float) -> None:
    most = np.finfo(dtype).max
    with np.errstate(all="raise"):
        assert np.isfinite(activations.selu.f(np.array(most / dtype(1.06))))
    with np.errstate(over="ignore"):
        assert activations.selu.f(np.array(most)) == np.inf


KINKS = {  # the place, the slope there, and the slopes to its left and right
    "relu": (0, 0, 0, 1),
    "leaky_relu": (0, SLOPE, SLOPE, 1),
    "elu": (0, ALPHA, ALPHA, 1),
    "selu": (0, 1.7580993408473768, 1.7580993408473768, 1.0507009873554805),
    "hard_sigmoid, below": (-3, 0, 0, 1 / 6),
    "hard_sigmoid, above": (3, 0, 1 / 6, 0),
    "relu6, below": (0, 0, 0, 1),
    "relu6, above": (6, 1, 1, 0),
    "hard_tanh, below": (-1, 0, 0, 1),
    "hard_tanh, above": (1, 1, 1, 0),
    "hard_swish, below": (-3, 0, 0, -0.5),
    "hard_swish, above": (3, 1.5, 1.5, 1),
}


@BOTH
@pytest.mark.parametrize("kink", KINKS)
def test_the_slope_at_a_kink_is_the_one_that_is_stated(kink: str, dtype: Float) -> None:
    pair = ORACLES[kink.partition(",")[0]].pair
    place, *slopes = KINKS[kink]
    at = dtype(place)
    z = np.array([at, np.nextafter(at, dtype(-np.inf)), np.nextafter(at, dtype(np.inf))])
    with np.errstate(under="ignore"):
        df = pair.df(z, pair.f(z))
    close = 2 * float(np.finfo(dtype).eps)  # hard_swish is curved, and changes from place to place
    np.testing.assert_allclose(df, np.array(slopes, dtype), rtol=close)


def test_minus_zero_is_zero_at_a_kink() -> None:
    z = np.array([-0.0, 0.0])
    for name in ("relu", "leaky_relu", "elu", "selu"):
        left, right = ORACLES[name].pair.df(z, ORACLES[name].pair.f(z))
        assert left == right


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh", "mish", "hard_swish"])
def test_the_stated_zero_of_the_derivative_is_where_it_changes_sign(name: str) -> None:
    found = re.search(r"0\sat z = (-\d\.\d+)", stated()[name])
    assert found is not None
    z = float(found[1]) + np.array([-6e-5, 6e-5])
    below, above = ORACLES[name].pair.df(z, ORACLES[name].pair.f(z))
    assert below < 0 < above


def test_gelu_tanh_is_as_near_to_gelu_as_is_stated() -> None:
    z = np.linspace(-10, 10, 2001)
    gap = np.abs(activations.gelu.f(z) - activations.gelu_tanh.f(z)).max()
    assert 0.0004 < gap <= 0.0005


def test_factories_without_arguments_are_those_of_the_papers() -> None:
    z = np.array([-2.0])
    assert leaky_relu().f(z) == -0.02
    assert elu().f(z) == np.expm1(-2.0)


def test_the_leaky_relu_of_slope_0_is_relu_and_of_slope_1_the_identity() -> None:
    z = np.array([-np.inf, -2.0, 0.0, 3.0, np.inf])
    assert leaky_relu(0) == activations.relu
    assert leaky_relu(1).f(z).tolist() == z.tolist()


@pytest.mark.parametrize("number", [np.float64(0.25), np.float32(0.25), np.array(0.25)])
@pytest.mark.parametrize("factory", [leaky_relu, elu, celu])
def test_a_factory_takes_numpy_numbers_and_still_keeps_float32(
    factory: Callable[[Any], Activation], number: Any
) -> None:
    pair, z = factory(number), np.array([-1.0, 2.0], np.float32)
    assert pair.f(z).dtype == pair.df(z, pair.f(z)).dtype == np.float32


@pytest.mark.parametrize(
    ("factory", "name"), [(leaky_relu, "slope"), (elu, "alpha"), (celu, "alpha")]
)
@pytest.mark.parametrize("bad", ["0.1", None, 1j, [0.1], np.ones(2), True, np.tanh])
def test_a_factory_wants_a_number(
    factory: Callable[[Any], Activation], name: str, bad: object
) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: expected a number, got "):
        factory(bad)


@pytest.mark.parametrize(
    ("factory", "name"), [(leaky_relu, "slope"), (elu, "alpha"), (celu, "alpha")]
)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 10**400])
def test_a_factory_wants_a_finite_number(
    factory: Callable[[Any], Activation], name: str, bad: float
) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected a finite number, got "):
        factory(bad)


@pytest.mark.parametrize("bad", [-0.01, 1.01, 100])
def test_leaky_relu_wants_a_slope_between_those_of_relu_and_identity(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^slope: expected a number from 0 to 1, got "):
        leaky_relu(bad)


@pytest.mark.parametrize("bad", [0, -1.0])
def test_celu_wants_an_alpha_above_0(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^alpha: expected a finite number above 0, got "):
        celu(bad)


@BOTH
@pytest.mark.parametrize("alpha", [1e-3, 1e3])
def test_celu_neither_overflows_nor_warns_whatever_its_alpha(alpha: float, dtype: Float) -> None:
    most = np.finfo(dtype).max
    pair, z = celu(alpha), np.array([-most, -1.0, 0.0, most], dtype)
    with np.errstate(all="raise", under="ignore"):
        a = pair.f(z)
        df = pair.df(z, a)
        assert pair.d2f is not None
        bend = pair.d2f(z, a)
    exact = dtype(alpha * math.expm1(-1.0 / alpha))
    limits = np.array([-alpha, exact, 0.0, most], dtype)
    np.testing.assert_allclose(a, limits, rtol=float(4 * np.finfo(dtype).eps))
    slope = math.exp(-1.0 / alpha)
    np.testing.assert_allclose(df, np.array([0.0, slope, 1.0, 1.0]), rtol=1e-6)
    np.testing.assert_allclose(
        bend, np.array([0.0, slope, 1.0, 0.0]) / [1, alpha, alpha, 1], rtol=1e-6
    )


def test_the_coefficients_of_erfc_are_those_of_its_fit() -> None:
    numerator, denominator, error = fit()
    assert pytest.approx(numerator, rel=1e-13) == erfc._NUMERATOR
    assert pytest.approx(denominator, rel=1e-13) == erfc._DENOMINATOR
    assert error < 5e-18


@BOTH
@pytest.mark.parametrize(
    ("factor", "truth"),
    [
        (erfc.gauss, lambda x: mp.exp(-x * x / 2)),
        (erfc.gauss_over_tail, lambda x: mp.exp(-x * x / 2) / cdf(-x)),
    ],
)
def test_the_factors_of_erfc_err_by_no_more_than_is_stated(
    factor: Callable[[Array], Array], truth: Callable[[Real], Real], dtype: Float
) -> None:
    within = re.search(r"within (\S+) / (\S+) ulp", factor.__doc__ or "")
    assert within is not None
    x = adversarial(dtype, 40)
    x = x[(x >= 0) & (x <= 39)]
    with np.errstate(all="raise", under="ignore"):
        error = errors(factor(x), exact(truth, x), "ulp")
    assert error.max() <= float(within[1 + DTYPES.index(dtype)])
