"""The losses against mpmath, against the identities that tie them together, and at the edges."""

from __future__ import annotations

import math
import pickle
import pydoc
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from fnn.base import Array, Loss
from fnn.losses import (
    absolute_error,
    huber,
    log_softmax,
    pinball,
    poisson,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    squared_error,
)
from tests.support.losses import DELTA, ORACLES, QUANTILE, REALS, Case, logits, true_log_softmax

Real = Any  # an mpmath number
Float = np.float32 | np.float64
DTYPES = (np.float64, np.float32)

CASES: dict[str, tuple[Loss, Case]] = {}
for _name, _row in ORACLES.items():
    if _row.case is not None:
        CASES[_name] = _row.loss, _row.case
    if _row.soft is not None:
        CASES[f"{_name}, soft"] = _row.loss, _row.soft
EVERY = {name: loss for name, (loss, _) in CASES.items()} | {"softmax": softmax_cross_entropy}


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mp.workprec(200):
        yield


def adversarial(dtype: type[Float], most: float) -> Array:
    """Zero, subnormals, the neighbors of 1, where exp starts to vanish or overflow, the ends."""
    info, rng = np.finfo(dtype), np.random.default_rng(7)
    edges = [0, info.smallest_subnormal, info.tiny, info.eps / 2, info.eps, 1e-8, 0.1, 0.5]
    edges += [1 - info.eps / 2, 1, 1 + info.eps, 2, 5, 9, 16.6, 17.4, 36.7, 37, 87, 88, 103, 104]
    edges += [500, 700, 709, 740, 745, 746, 1e4, most]
    logs = np.exp(rng.uniform(math.log(float(info.tiny)), math.log(most), 30))
    sizes = np.concatenate([edges, logs, rng.uniform(0, 40, 30), rng.uniform(0, 2, 30)])
    sizes = sizes[sizes <= most]
    grid: Array = np.unique(np.concatenate([-sizes, sizes]).astype(dtype))
    return grid


def worst(
    got: Array, true: list[Real], parts: list[Real] | None, dtype: type[Float]
) -> tuple[float, int]:
    """The greatest error, in ulp of the truth or in eps of the parts, and where it is."""
    info = np.finfo(dtype)
    errors = []
    for i, (a, b) in enumerate(zip(got.tolist(), true, strict=True)):
        if parts is None:
            unit = float(np.spacing(np.abs(dtype(float(b)))))
        else:
            unit = max(parts[i], mp.mpf(float(info.tiny))) * mp.mpf(float(info.eps))
        errors.append(float(abs(mp.mpf(a) - b) / mp.mpf(unit)))
    return max(errors), int(np.argmax(errors))


def said(document: Any) -> str:
    """A docstring in one line."""
    return " ".join((document.__doc__ or "").split())


@pytest.mark.parametrize("name", CASES)
def test_the_docstring_states_the_accuracy_that_is_tested(name: str) -> None:
    loss, case = CASES[name]
    errors = said(loss.f).partition("Error: ")[2]
    of_f, _, of_df = errors.partition("; df ")
    for text, bound, part in ((of_f, case.bound, case.part), (of_df, case.bound_df, case.part_df)):
        assert f"{bound[0]:g} / {bound[1]:g} {'ulp' if part is None else 'eps'}" in text


@pytest.mark.parametrize("name", EVERY)
def test_help_and_repr_of_a_loss_say_what_it_is(name: str) -> None:
    loss = EVERY[name]
    names = {"huber": f"huber({DELTA})", "pinball": f"pinball({QUANTILE})"}
    names["softmax"] = "softmax_cross_entropy"
    assert repr(loss) == names.get(name, name.partition(",")[0])
    assert loss.__doc__ == loss.f.__doc__
    shown = " ".join(pydoc.render_doc(loss).split())
    assert repr(loss) in shown
    assert said(loss.f) in shown
    for part in ("f = ", "df = ", "Error: f ", "Source: "):
        assert part in shown


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_as_accurate_as_the_docstring_says(
    name: str, dtype: type[Float]
) -> None:
    loss, case = CASES[name]
    greatest = float(np.finfo(dtype).max)
    most = {"squared_error": 0.9 * greatest**0.5, "poisson": math.log(greatest) - 0.1}
    z = adversarial(dtype, most.get(name, greatest / 4))
    output = np.tile(z, len(case.targets))
    target = np.repeat(np.array(case.targets, dtype), len(z))
    if case.targets is REALS:  # residuals of one ulp, and of a tenth
        output = np.concatenate([output, z, z])
        target = np.concatenate([target, np.nextafter(z, dtype(0)), z * dtype(1.1)])
    with np.errstate(all="raise", under="ignore"):
        values = loss.f(output[:, None], target[:, None])
        slopes = loss.df(output[:, None], target[:, None])[:, 0]
    assert values.dtype == slopes.dtype == dtype
    pairs = [(mp.mpf(a), mp.mpf(b)) for a, b in zip(output.tolist(), target.tolist(), strict=True)]
    which = DTYPES.index(dtype)
    for got, truth, bound, part in (
        (values, case.f, case.bound, case.part),
        (slopes, case.df, case.bound_df, case.part_df),
    ):
        parts = None if part is None else [part(*pair) for pair in pairs]
        error, i = worst(got, [truth(*pair) for pair in pairs], parts, dtype)
        assert error <= bound[which], (output[i], target[i], got[i])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("classes", "of_p", "of_f", "of_df"), [(2, 2.5, 3, 3.5), (10, 2.5, 3, 3.5), (100, 5, 7, 5)]
)
def test_softmax_and_its_cross_entropy_are_as_accurate_as_the_docstring_says(
    classes: int, of_p: float, of_f: float, of_df: float, dtype: type[Float]
) -> None:
    if classes >= 10:
        bounds = f"f {of_f:g} / {of_f:g} eps and df {of_df:g} / {of_df:g} eps for {classes}"
        assert bounds in said(softmax_cross_entropy.f)
        assert f"{of_p:g} / {of_p:g} eps for {classes}" in said(softmax)
    z = logits(dtype, classes)
    rng = np.random.default_rng(1)
    hot = np.eye(classes)[z.argmax(-1)]
    cold = np.eye(classes)[rng.integers(0, classes, len(z))]
    soft = rng.dirichlet(np.ones(classes), len(z))
    eps = float(np.finfo(dtype).eps)
    log_p = [true_log_softmax([mp.mpf(v) for v in row]) for row in z.tolist()]
    flat = [v for row in log_p for v in row]
    p = [mp.exp(v) for v in flat]
    ones = [mp.mpf(1)] * len(p)
    with np.errstate(all="raise", under="ignore"):
        assert worst(softmax(z).ravel(), p, ones, dtype)[0] <= of_p
        assert worst(log_softmax(z).ravel(), flat, [max(1, -v) for v in flat], dtype)[0] <= 2
        for y in (hot, cold, soft, 0.9 * hot + 0.1 / classes, 3 * soft):
            target = y.astype(dtype)
            exact = [[mp.mpf(v) for v in row] for row in target.tolist()]
            f = [-mp.fdot(a, b) for a, b in zip(exact, log_p, strict=True)]
            mass = max(1, float(y.sum(-1).max()))
            df = [
                mp.exp(v) * mp.fsum(row) - yi
                for row, logs in zip(exact, log_p, strict=True)
                for yi, v in zip(row, logs, strict=True)
            ]
            got, slopes = softmax_cross_entropy.f(z, target), softmax_cross_entropy.df(z, target)
            assert got.dtype == slopes.dtype == dtype
            assert worst(got, f, [max(1, v) for v in f], dtype)[0] <= of_f
            assert worst(slopes.ravel(), df, ones, dtype)[0] <= of_df * mass
    small = softmax_cross_entropy.f(z, hot.astype(dtype))  # also relatively exact, log1p's merit
    for a, row, zs in zip(small.tolist(), log_p, z, strict=True):
        spread = float(zs.max() - zs.min())
        least = mp.mpf(float(np.finfo(dtype).tiny))
        assert abs(mp.mpf(a) + max(row)) <= (4 + spread / 2) * eps * max(-max(row), least)


@pytest.mark.parametrize("name", CASES)
def test_the_derivative_is_that_of_the_definition_with_no_factor_dropped(name: str) -> None:
    loss, case = CASES[name]
    output = np.array([-3.1, -0.7, 0.13, 0.6, 2.9])
    for y in case.targets[:6]:
        slopes = loss.df(output, np.full(5, y))
        for z, slope in zip(output.tolist(), slopes.tolist(), strict=True):
            truth = mp.diff(lambda v, y=y: case.f(v, mp.mpf(y)), mp.mpf(z))
            assert abs(slope - truth) <= 1e-12 * max(1, abs(truth))


def test_the_softmax_derivative_is_that_of_the_definition_for_any_targets() -> None:
    z, y = np.array([0.3, -1.2, 2.0]), np.array([0.5, 1.5, 0.25])
    slopes = softmax_cross_entropy.df(z, y)

    def loss(*v: Real) -> Real:
        return -sum(a * b for a, b in zip(y.tolist(), true_log_softmax(list(v)), strict=True))

    for k, slope in enumerate(slopes.tolist()):
        order = tuple(int(i == k) for i in range(3))
        assert abs(slope - mp.diff(loss, tuple(map(mp.mpf, z.tolist())), order)) <= 1e-12


def batch(name: str, width: int, dtype: type[Float] = np.float64) -> tuple[Array, Array]:
    """Seven outputs with targets that suit the loss."""
    rng = np.random.default_rng(width)
    output = (3 * rng.normal(size=(7, width))).astype(dtype)
    target: Array
    if name == "softmax":
        target = rng.dirichlet(np.ones(width), 7)
    elif name == "hinge":
        target = rng.choice([-1.0, 1.0], size=(7, width))
    elif name == "poisson":
        target = rng.poisson(2, size=(7, width))
    else:
        target = rng.uniform(size=(7, width))
    return output, target.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("name", EVERY)
def test_one_sample_is_a_row_of_the_batch(name: str, width: int, dtype: type[Float]) -> None:
    loss = EVERY[name]
    output, target = batch(name, width, dtype)
    values, slopes = loss.f(output, target), loss.df(output, target)
    assert (values.shape, slopes.shape) == ((7,), (7, width))
    assert values.dtype == slopes.dtype == dtype
    eps = float(np.finfo(dtype).eps)
    for row in range(7):
        value, slope = loss.f(output[row], target[row]), loss.df(output[row], target[row])
        assert (value.shape, slope.shape) == ((), (width,))
        assert value.dtype == slope.dtype == dtype
        np.testing.assert_allclose(value, values[row], rtol=8 * eps, atol=8 * eps)
        np.testing.assert_allclose(slope, slopes[row], rtol=8 * eps, atol=8 * eps)


@pytest.mark.parametrize("name", CASES)
def test_a_loss_of_several_outputs_is_the_sum_of_their_losses(name: str) -> None:
    loss = CASES[name][0]
    output, target = batch(name, 5)
    columns = [loss.f(output[:, k : k + 1], target[:, k : k + 1]) for k in range(5)]
    np.testing.assert_allclose(loss.f(output, target), sum(columns), rtol=1e-14)


def test_softmax_is_over_the_last_axis_of_arrays_of_any_rank_and_of_lists() -> None:
    z = np.random.default_rng(0).normal(size=(3, 3, 3))
    expected = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    np.testing.assert_allclose(softmax(z), expected, rtol=1e-14)
    np.testing.assert_allclose(log_softmax(z), np.log(expected), rtol=1e-14)
    np.testing.assert_allclose(softmax([0, 0]), [0.5, 0.5], rtol=0)
    np.testing.assert_allclose(log_softmax([[7], [8]]), [[0], [0]], rtol=0)


# Identities


def test_slopes_of_softmax_cross_entropy_sum_to_zero_in_each_row() -> None:
    output, target = batch("softmax", 5)
    sums = softmax_cross_entropy.df(output, target).sum(-1)
    np.testing.assert_allclose(sums, np.zeros(7), atol=1e-15)


def test_shifting_all_logits_changes_nothing() -> None:
    output, target = batch("softmax", 5)
    output = np.round(output * 1024) / 1024  # so that the shift is exact
    for shift in (-4096.0, 1024.0):
        moved = output + shift
        np.testing.assert_array_equal(softmax(moved), softmax(output))
        for part in softmax_cross_entropy[:2]:
            np.testing.assert_array_equal(part(moved, target), part(output, target))


def test_two_classes_are_the_sigmoid_of_the_difference_of_their_logits() -> None:
    output, target = batch("softmax", 2)
    output = np.round(output * 1024) / 1024
    logit, truth = output[:, :1] - output[:, 1:], target[:, :1]
    both = np.concatenate([truth, 1 - truth], axis=-1)
    np.testing.assert_allclose(
        softmax_cross_entropy.f(output, both), sigmoid_cross_entropy.f(logit, truth), rtol=1e-15
    )
    np.testing.assert_allclose(
        softmax_cross_entropy.df(output, both)[:, :1],
        sigmoid_cross_entropy.df(logit, truth),
        atol=4e-16,
    )


def test_cross_entropy_is_linear_in_the_target_so_labels_can_be_smoothed() -> None:
    output, target = batch("softmax", 5)
    uniform = np.full((7, 5), 0.2)
    for part in softmax_cross_entropy[:2]:
        np.testing.assert_allclose(
            part(output, 0.9 * target + 0.1 * uniform),
            0.9 * part(output, target) + 0.1 * part(output, uniform),
            rtol=1e-14,
            atol=1e-15,
        )


def test_huber_with_a_large_delta_is_half_the_squared_error() -> None:
    output, target = batch("huber", 5)
    np.testing.assert_array_equal(
        huber(1e6).f(output, target), 0.5 * squared_error.f(output, target)
    )
    np.testing.assert_array_equal(
        huber(1e6).df(output, target), 0.5 * squared_error.df(output, target)
    )


def test_huber_with_a_small_delta_is_delta_times_the_absolute_error_but_for_a_constant() -> None:
    output, target = batch("huber", 5)
    small = 2.0**-20
    np.testing.assert_allclose(
        huber(small).f(output, target) / small + 5 * small / 2,
        absolute_error.f(output, target),
        rtol=1e-14,
    )


def test_the_median_pinball_is_half_the_absolute_error_also_at_its_kink() -> None:
    output, target = batch("pinball", 5)
    target[0, 0] = output[0, 0]
    for ours, theirs in zip(pinball(0.5)[:2], absolute_error[:2], strict=True):
        np.testing.assert_array_equal(ours(output, target), 0.5 * theirs(output, target))


def test_the_quantile_has_the_least_pinball_loss() -> None:
    sample = np.random.default_rng(0).normal(size=1001)
    grid = np.sort(sample)
    losses = pinball(0.9).f(np.repeat(grid[:, None], 1001, axis=1), np.tile(sample, (1001, 1)))
    assert np.argmin(losses) == 900  # of 0 to 1000


# Edges

INF = math.inf
MAX, TINY = float(np.finfo(np.float64).max), 5e-324


@pytest.mark.parametrize(
    ("name", "output", "target", "value", "slope"),
    [
        ("squared_error", -INF, 1.0, INF, -INF),
        ("squared_error", TINY, 0.0, 0.0, 2 * TINY),
        ("absolute_error", INF, 1.0, INF, 1.0),
        ("absolute_error", TINY, 0.0, TINY, 1.0),
        ("absolute_error", 3.0, 3.0, 0.0, 0.0),  # the kink
        ("absolute_error", MAX, 0.0, MAX, 1.0),
        ("huber", MAX, MAX / 2, DELTA * (MAX / 2), DELTA),
        ("huber", -INF, 0.0, INF, -DELTA),
        ("huber", 1e200, 0.0, DELTA * 1e200, DELTA),
        ("pinball", -INF, 1.0, INF, -QUANTILE),
        ("pinball", INF, 1.0, INF, 1 - QUANTILE),
        ("pinball", 2.0, 2.0, 0.0, 0.0),  # the kink
        ("pinball", TINY, 0.0, 0.0, 1 - QUANTILE),
        ("hinge", INF, 1.0, 0.0, 0.0),
        ("hinge", INF, -1.0, INF, 1.0),
        ("hinge", -MAX, 1.0, MAX, -1.0),
        ("hinge", 1.0, 1.0, 0.0, 0.0),  # the kink
        ("hinge", -1.0, -1.0, 0.0, 0.0),
        ("hinge", 1.0 - 2**-53, 1.0, 2**-53, -1.0),
        ("poisson", -INF, 0.0, 0.0, 0.0),
        ("poisson", -INF, 2.0, INF, -2.0),
        ("poisson", INF, 2.0, INF, INF),
        ("poisson", INF, 0.0, INF, INF),
        ("poisson", -MAX, 1.0, MAX, -1.0),
        ("poisson", 0.0, 3.0, 1.0, -2.0),
        ("sigmoid_cross_entropy", INF, 1.0, 0.0, 0.0),
        ("sigmoid_cross_entropy", INF, 0.0, INF, 1.0),
        ("sigmoid_cross_entropy", -INF, 0.0, 0.0, 0.0),
        ("sigmoid_cross_entropy", -INF, 1.0, INF, -1.0),
        ("sigmoid_cross_entropy", -INF, 0.25, INF, -0.25),
        ("sigmoid_cross_entropy", -MAX, 1.0, MAX, -1.0),
        ("sigmoid_cross_entropy", 1e4, 1.0, 0.0, 0.0),
        ("sigmoid_cross_entropy", TINY, 0.5, math.log(2), 0.0),
        ("softmax", INF, 1.0, 0.0, 0.0),
        ("softmax", -INF, 1.0, 0.0, 0.0),
        ("softmax", -MAX, 1.0, 0.0, 0.0),
    ],
)
def test_at_the_edges_of_the_dtype_losses_take_their_limits_without_a_warning(
    name: str, output: float, target: float, value: float, slope: float
) -> None:
    with np.errstate(all="raise", under="ignore"):
        got = EVERY[name].f(np.array([output]), np.array([target]))
        got_slope = EVERY[name].df(np.array([output]), np.array([target]))
    np.testing.assert_allclose([got, got_slope[0]], [value, slope], rtol=1e-15, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("z", "log_p", "p"),
    [
        ([0, -INF], [0, -INF], [1, 0]),  # a class that is ruled out
        ([INF, 0], [0, -INF], [1, 0]),
        ([1e30, -INF, 0], [0, -INF, -1e30], [1, 0, 0]),
        ([INF, -INF, INF], [-math.log(2), -INF, -math.log(2)], [0.5, 0, 0.5]),
        ([-INF, -INF], [-math.log(2)] * 2, [0.5, 0.5]),
        ([1e4, -1e4, 1e4], [-math.log(2), -2e4 - math.log(2), -math.log(2)], [0.5, 0, 0.5]),
        ([1e-40, 0], [-math.log(2)] * 2, [0.5, 0.5]),
        ([-INF], [0], [1]),
    ],
)
def test_softmax_and_its_cross_entropy_take_their_limits_without_a_warning(
    z: list[float], log_p: list[float], p: list[float], dtype: type[Float]
) -> None:
    output, rtol = np.array(z, dtype), 4 * float(np.finfo(dtype).eps)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(softmax(output), p, rtol=rtol)
        np.testing.assert_allclose(log_softmax(output), log_p, rtol=rtol)
        for k, target in enumerate(np.eye(len(z), dtype=dtype)):
            value, slope = (part(output, target) for part in softmax_cross_entropy[:2])
            np.testing.assert_allclose(value, -log_p[k], rtol=rtol)
            np.testing.assert_allclose(slope, np.array(p) - target, atol=rtol)
        assert softmax_cross_entropy.f(output, np.zeros(len(z), dtype)) == 0


@pytest.mark.parametrize(
    ("loss", "output"), [(squared_error, 1e200), (poisson, 710.0), (absolute_error, -MAX)]
)
def test_a_loss_beyond_the_dtype_is_inf_with_a_warning(loss: Loss, output: float) -> None:
    with pytest.warns(RuntimeWarning, match="overflow"):
        value = loss.f(np.array([output]), np.array([MAX if output < 0 else 0.0]))
    assert value == INF


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("name", EVERY)
def test_nan_in_gives_nan_out(name: str, width: int) -> None:
    loss = EVERY[name]
    for known in (0.0, 1.0):
        for spoiled in (0, 1):
            args = [np.full(width, 0.3), np.full(width, known)]
            args[spoiled][-1] = math.nan
            with np.errstate(all="raise"):
                value, slope = loss.f(*args), loss.df(*args)
            assert np.isnan(value)
            assert np.isnan(slope[-1])


def test_nan_among_logits_spoils_its_whole_row_and_no_other() -> None:
    z = np.array([[0.0, math.nan, 1.0], [0.0, 2.0, 1.0]])
    for read in (softmax, log_softmax):
        np.testing.assert_array_equal(np.isnan(read(z)), [[True] * 3, [False] * 3])


# Values that behave as values


@pytest.mark.parametrize("name", EVERY)
def test_losses_pickle(name: str) -> None:
    output, target = batch(name, 3)
    back: Loss = pickle.loads(pickle.dumps(EVERY[name]))
    for ours, theirs in zip(back[:2], EVERY[name][:2], strict=True):
        np.testing.assert_array_equal(ours(output, target), theirs(output, target))


@pytest.mark.parametrize("name", EVERY)
def test_read_only_strided_and_fortran_arrays_are_accepted_and_none_is_changed(name: str) -> None:
    output, target = batch(name, 4)
    for part in EVERY[name][:2]:
        expected = part(output, target)
        for args in (
            (output.copy(), target.copy()),
            (output.copy("F"), target.copy("F")),
            (output.repeat(2, axis=1)[:, ::2], target.repeat(2, axis=1)[:, ::2]),
        ):
            before = [a.tobytes() for a in args]
            for a in args:
                a.setflags(write=False)
            np.testing.assert_allclose(part(*args), expected, rtol=1e-14, atol=1e-15)
            assert [a.tobytes() for a in args] == before


@pytest.mark.parametrize("factory", [huber, pinball])
def test_parameters_of_a_numpy_type_leave_float32_alone(factory: Callable[[Any], Loss]) -> None:
    output, target = batch("", 3, np.float32)
    for part in factory(np.float64(0.5))[:2]:
        assert part(output, target).dtype == np.float32


@pytest.mark.parametrize("delta", [0.0, -1.0, math.nan, INF])
def test_huber_wants_a_positive_finite_delta(delta: float) -> None:
    with pytest.raises(ValueError, match=r"delta: expected a .*number.*, got "):
        huber(delta)


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_pinball_wants_a_quantile_between_0_and_1(quantile: float) -> None:
    with pytest.raises(ValueError, match=r"quantile: expected a .*number.*, got "):
        pinball(quantile)


@pytest.mark.parametrize("factory", [huber, pinball])
@pytest.mark.parametrize("wrong", ["0.5", None, True, 0.5j, [0.5]])
def test_parameters_that_are_no_numbers_are_a_type_error(
    factory: Callable[[Any], Loss], wrong: object
) -> None:
    with pytest.raises(TypeError, match=r"(delta|quantile): expected a number, got"):
        factory(wrong)
