"""Scaling: exact statistics, defined outcomes at the edges, and networks that absorb it."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fnn import Layer, forward, init, initializers, key
from fnn.activations import identity, tanh
from fnn.base import Array, Params
from fnn.data import Scaling, absorb, min_max, standardize
from fnn.random import normal, uniform
from fnn.tree import leaves

EPS = 2.0**-52
N = 20_000
Z = normal(key(0), (N,))
COLUMNS = {
    "normal": Z,
    "sorted": np.sort(uniform(key(1), (N,))),
    "two": np.array([3.0, 3.0000000001]),
    "mean 1e12 times the deviation": 1e12 + Z[:1000],
    "mean 1e15 times the deviation": 1e15 + Z[:1000],
    "near the largest": 1e308 * np.tanh(Z[:1000]) / 1.2,
    "near the smallest": 1e-300 * Z[:1000],
    "subnormal": 1e-315 * Z[:1000],
    "skewed": np.exp(5 * Z),
    "an outlier": np.concatenate([[1e300], Z[:1000]]),
    "nearly constant": np.concatenate([[1e8 + 1], np.full(999, 1e8)]),
    "mean 0": np.concatenate([Z, -Z]),
    "bytes": (Z[:1000] * 40 + 128).clip(0, 255).astype(np.uint8),
    "integers": 10**12 + np.arange(1001),
    "bools": Z[:1000] > 1.5,
    "float32": (1e6 + Z[:1000]).astype(np.float32),
    "large float32": np.tanh(Z[:1000]).astype(np.float32) * np.float32(3e38),
    "float16": (100 + Z[:1000]).astype(np.float16),
}


def exact(column: Array) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """The mean, the standard deviation and the mean distance from the mean, to 60 digits."""
    values = [Fraction(float(value)) for value in column]
    mean = sum(values, Fraction()) / len(values)
    gaps = [value - mean for value in values]
    variance = sum((gap * gap for gap in gaps), Fraction()) / len(values)
    distance = sum(map(abs, gaps), Fraction()) / len(values)
    with mpmath.workdps(60):
        m, v, d = (mpmath.mpf(q.numerator) / q.denominator for q in (mean, variance, distance))
        return m, mpmath.sqrt(v), d


@pytest.mark.parametrize("name", COLUMNS)
def test_mean_and_deviation_are_those_of_exact_arithmetic(name: str) -> None:
    column = COLUMNS[name]
    others = np.ones_like(column)
    table = np.stack([others, column, others], axis=1)  # numbers of one column are not neighbors
    with np.errstate(all="raise", under="ignore"):
        scaled, scaling = standardize(table)
    mean, deviation, distance = exact(column)
    got_mean, got = float(scaling.shift[1]), float(scaling.scale[1])
    with mpmath.workdps(60):
        assert abs(got_mean - mean) <= mpmath.mpf(math.ulp(got_mean)) / 2 + 2 * EPS * distance
        assert abs(got - deviation) <= 3 * math.ulp(got)
        expected = [float((float(v) - mpmath.mpf(got_mean)) / got) for v in column[:100]]
    kind = np.finfo(scaled.dtype)
    np.testing.assert_allclose(
        scaled[:100, 1].astype(float), expected, kind.eps, kind.smallest_subnormal
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_min_max_reaches_both_ends_and_nothing_beyond(name: str) -> None:
    column = COLUMNS[name]
    scaled, scaling = min_max(column[:, None])
    assert (scaled.min(), scaled.max()) == (0, 1)
    span = mpmath.mpf(float(column.max())) - mpmath.mpf(float(column.min()))
    assert abs(float(scaling.scale[0]) - span) <= math.ulp(float(span))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.1, 0.9), (5.0, 7.0), (-3, -1)])
def test_min_max_maps_to_any_interval(low: float, high: float) -> None:
    x = normal(key(2), (50, 3), 4.0, 2.0)
    scaled, _ = min_max(x, low, high)
    np.testing.assert_allclose(scaled.min(axis=0), low, rtol=1e-13)
    np.testing.assert_allclose(scaled.max(axis=0), high, rtol=1e-13)
    np.testing.assert_array_equal(scaled.argsort(axis=0), x.argsort(axis=0))


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e-310, 1e300, 2.0**53 - 1])
def test_a_constant_column_becomes_zero_and_moves_by_its_value_alone(value: float) -> None:
    for scaled, scaling in (standardize([[value]] * 7), min_max([[value]] * 7)):
        assert scaled.tolist() == [[0.0]] * 7
        assert (scaling.shift[0], scaling.scale[0]) == (value, 1)
        assert scaling.invert(scaled)[0, 0] == value
    assert min_max([[value]], 0.25, 3)[1].scale[0] == 1


def test_a_constant_column_becomes_the_low_end() -> None:
    assert min_max([[5.0], [5.0]], -1, 1)[0].tolist() == [[-1.0], [-1.0]]


def test_a_deviation_too_small_for_the_dtype_counts_as_constant() -> None:
    scaled, scaling = standardize([[0.0], [5e-324]])
    assert scaling.scale[0] == 1
    assert np.isfinite(scaled).all()


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("f2", "f2"),
        ("f4", "f4"),
        (">f4", "=f4"),
        (">f8", "=f8"),
        ("i1", "f8"),
        ("u1", "f8"),
        ("i8", "f8"),
        ("?", "f8"),
        ("g", "g"),
    ],
)
def test_the_floating_dtype_is_kept_and_the_statistics_are_wide(kind: str, result: str) -> None:
    x = np.array([[0, 1], [1, 1], [1, 0], [0, 0]]).astype(kind)
    for scaled, scaling in (standardize(x), min_max(x, -1, 1)):
        wide = np.promote_types(np.dtype(result), np.float64)
        assert scaling.shift.dtype == scaling.scale.dtype == wide
        for array in (scaled, scaling.apply(x), scaling.invert(x), scaling.apply(x[0])):
            assert array.dtype == np.dtype(result)
        assert scaled.tolist() == [[-1, 1], [1, 1], [1, -1], [-1, -1]]
    assert Scaling(np.array([1]), np.array([2])).apply([5]).tolist() == [2.0]


@settings(max_examples=50, deadline=None)
@given(
    arrays(float, (5, 2), elements=st.floats(-1e6, 1e6)),
    st.floats(-1e6, 1e6),
    st.sampled_from([standardize, min_max]),
)
def test_invert_undoes_apply_to_rounding(x: Array, value: float, make: Any) -> None:
    scaled, scaling = make(x)
    np.testing.assert_array_equal(scaling.apply(x), scaled)
    np.testing.assert_array_equal(scaling.apply(x[3]), scaled[3])
    new = np.array([value, -value])
    error = np.abs(scaling.invert(scaling.apply(new)) - new)
    assert (error <= EPS * (2 * np.abs(new - scaling.shift) + np.abs(new))).all()


def test_new_data_takes_the_scaling_of_the_old_and_missing_values_stay_missing() -> None:
    _, scaling = standardize([[1.0, 10.0], [3.0, 30.0]])
    np.testing.assert_array_equal(scaling.apply([5.0, np.nan]), [3.0, np.nan])
    np.testing.assert_array_equal(scaling.invert([[3.0, np.nan]]), [[5.0, np.nan]])


def test_scalings_are_plain_frozen_values_and_data_is_left_alone() -> None:
    x = np.arange(6.0).reshape(3, 2)
    scaled, scaling = standardize(x)
    assert x.flags.writeable
    assert x.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    for array in (*scaling, scaled, scaling.apply(x), scaling.invert(x)):
        assert not array.flags.writeable
    again = pickle.loads(pickle.dumps(scaling))
    np.testing.assert_array_equal(again.apply(x), scaled)


ACTS = (tanh, identity)
X = normal(key(3), (20, 3), dtype=np.float64) * [0.1, 30.0, 1.0] + [5.0, -70.0, 0.0]
INPUTS = standardize(X)[1]
OUTPUTS = min_max(normal(key(4), (20, 2), 100.0, 30.0), -1, 1)[1]


def scaled_forward(params: Params, x: Array, outputs: Scaling | None = None) -> Array:
    output = forward(ACTS[-len(params) :], params, INPUTS.apply(x))
    return output if outputs is None else outputs.invert(output)


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 2)])
def test_an_absorbing_network_takes_and_gives_raw_units(sizes: tuple[int, ...]) -> None:
    params = init(key(5), sizes, b_init=lambda key, shape, dtype: normal(key, shape))
    acts = ACTS[-len(params) :]
    for x in (X, X[0]):
        got = forward(acts, absorb(params, inputs=INPUTS), x)
        np.testing.assert_allclose(got, scaled_forward(params, x), rtol=1e-12, atol=1e-13)
        got = forward(acts, absorb(params, inputs=INPUTS, outputs=OUTPUTS), x)
        np.testing.assert_allclose(got, scaled_forward(params, x, OUTPUTS), rtol=1e-12)
        got = forward(acts, absorb(params, outputs=OUTPUTS), INPUTS.apply(x))
        np.testing.assert_allclose(got, scaled_forward(params, x, OUTPUTS), rtol=1e-12)


def test_absorbing_scales_both_ways_is_absorbing_them_at_once() -> None:
    params = init(key(6), (3, 4, 2))
    once = absorb(params, inputs=INPUTS, outputs=OUTPUTS)
    twice = absorb(absorb(params, outputs=OUTPUTS), inputs=INPUTS)
    for a, b in zip(leaves(once), leaves(twice), strict=True):
        np.testing.assert_array_equal(a, b)


def test_absorbed_params_are_rounded_once_to_their_own_dtype() -> None:
    wide = init(key(7), (3, 4, 2))
    params = tuple(Layer(w.astype(np.float32), b.astype(np.float32)) for w, b in wide)
    same = tuple(Layer(w.astype(np.float64), b.astype(np.float64)) for w, b in params)
    for got, want in zip(
        leaves(absorb(params, inputs=INPUTS, outputs=OUTPUTS)),
        leaves(absorb(same, inputs=INPUTS, outputs=OUTPUTS)),
        strict=True,
    ):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, want.astype(np.float32))


def test_absorb_copies_what_the_caller_could_still_write() -> None:
    params = (Layer(np.ones((3, 4)), np.zeros(4)), Layer(np.ones((4, 2)), np.zeros(2)))
    for absorbed in (absorb(params), absorb(params, inputs=INPUTS)):
        for array, own in zip(leaves(absorbed), leaves(params), strict=True):
            assert not array.flags.writeable
            assert own.flags.writeable
            assert not np.shares_memory(array, own)
    for a, b in zip(leaves(absorb(params)), leaves(params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [standardize, min_max])
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([[1.0, 2.0], [3.0, np.nan]], ValueError, "x: expected finite .* nan in row 1, column 1"),
        ([[1.0, -np.inf], [3.0, 4.0]], ValueError, "x: expected .* -inf in row 0, column 1"),
        ([1.0, 2.0], ValueError, r"x: expected \(n, width\), .* got \(2,\); reshape it"),
        (np.empty((0, 2)), ValueError, "x: expected at least one row, got none"),
        ([["a"]], TypeError, "x: expected real numbers"),
        ([[-1.7e308], [1.7e308]], ValueError, "x: expected a range within float64 in column 0"),
    ],
)
def test_columns_that_cannot_be_scaled_are_named(
    make: Any, x: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], r"x: expected \(3,\) or \(n, 3\) for a scaling of 3 columns, got \(2,\)"),
        (np.ones((3, 2)), r"got \(3, 2\)"),
        (np.ones((1, 1, 3)), r"got \(1, 1, 3\)"),
        (1.0, r"got \(\)"),
    ],
)
def test_data_of_another_width_is_not_broadcast(x: Any, message: str) -> None:
    for method in (INPUTS.apply, INPUTS.invert):
        with pytest.raises(ValueError, match=message):
            method(x)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf)])
def test_an_interval_without_an_inside_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        min_max([[1.0], [2.0]], low, high)


def test_a_scaling_that_does_not_fit_the_params_is_named() -> None:
    params = init(key(8), (3, 4, 2))
    with pytest.raises(ValueError, match=r"inputs: expected a scaling of 3 columns .* one of 2"):
        absorb(params, inputs=OUTPUTS)
    with pytest.raises(ValueError, match=r"outputs: expected a scaling of 2 columns .* one of 3"):
        absorb(params, outputs=INPUTS)
    wrong: Any = (INPUTS.shift, INPUTS.scale)
    with pytest.raises(TypeError, match=r"inputs: expected a Scaling, got a tuple of 2"):
        absorb(params, inputs=wrong)
    half = init(key(8), (3, 2), dtype=np.float16)
    with pytest.raises(ValueError, match=r"inputs: .* float16 can absorb.*convert the params"):
        absorb(half, inputs=Scaling(np.zeros(3), np.full(3, 1e-9)))


def test_a_scaling_of_ones_own_may_be_of_lists() -> None:
    shift: Any = [1.0, 2.0]
    scale: Any = [2.0, 4.0]
    own = Scaling(shift, scale)
    np.testing.assert_array_equal(own.apply([[3.0, 10.0]]), [[1.0, 2.0]])
    np.testing.assert_array_equal(own.invert([[1.0, 2.0]]), [[3.0, 10.0]])
    (layer,) = absorb(init(key(0), (2, 1)), inputs=own)
    (plain,) = init(key(0), (2, 1))
    np.testing.assert_allclose(layer.w, plain.w / [[2.0], [4.0]], rtol=1e-15)


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf])
def test_a_scale_that_nothing_can_be_divided_by_is_refused(scale: float) -> None:
    bad = Scaling(np.zeros(2), np.array([1.0, scale]))
    for use in (bad.apply, bad.invert):
        with pytest.raises(ValueError, match=r"scaling: .*give a constant column scale 1"):
            use([1.0, 2.0])
    with pytest.raises(ValueError, match=r"inputs: .*give a constant column scale 1"):
        absorb(init(key(0), (2, 1)), inputs=bad)


def test_absorbed_outputs_are_computed_in_float64() -> None:
    """In float32, w * scale and b * scale + shift would each be rounded twice or more."""
    params = init(key(3), (3, 40), b_init=initializers.normal(1.0), dtype=np.float32)
    scaling = Scaling(np.linspace(-1.0, 1.0, 40) / 3, np.linspace(0.1, 1.9, 40) / 7)
    (layer,) = absorb(params, outputs=scaling)
    (w, b), (shift, scale) = params[0], scaling
    np.testing.assert_array_equal(layer.w, (w.astype(float) * scale).astype(np.float32))
    np.testing.assert_array_equal(layer.b, (b.astype(float) * scale + shift).astype(np.float32))


@pytest.mark.parametrize("part", ["shift", "scale"])
def test_a_scaling_that_is_no_numbers_is_refused_by_name(part: str) -> None:
    words: Any = np.array(["1", "2"])
    bad = Scaling(np.zeros(2), np.ones(2))._replace(**{part: words})
    with pytest.raises(TypeError, match=rf"scaling\.{part}: expected real numbers"):
        bad.apply([1.0, 2.0])


@pytest.mark.parametrize("scaler", [standardize, min_max])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_that_vary_by_rounding_alone_are_constant(scaler: Any, dtype: Any) -> None:
    """A third of three times a number, and a last digit more or less of absolute temperature."""
    eps = np.finfo(dtype).eps
    rounded = np.where(np.arange(200) % 3 == 0, 0.1, 0.1 * (1 + eps))
    warm = 273.15 * (1 + eps * (np.arange(200) % 2))
    real = 273.15 * (1 + 16 * eps * (np.arange(200) % 2))
    x = np.column_stack([rounded, warm, real, np.full(200, 0.1)]).astype(dtype)
    scaled, scaling = scaler(x)
    assert scaling.scale[[0, 1, 3]].tolist() == [1, 1, 1]
    assert np.abs(scaled[:, [0, 1, 3]]).max() <= 300 * eps
    assert 0 < scaling.scale[2] < 1e-3
    assert np.ptp(scaled[:, 2]) >= 0.9
