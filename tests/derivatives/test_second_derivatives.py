"""The second derivatives of the pairs, d2f, against mpmath and their first, and at the edges."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from fnn import Activation, Loss, activations, losses
from fnn.activations import dropout, elu, leaky_relu, tanh
from fnn.base import Array
from fnn.losses import huber, masked_loss, pinball, softmax_cross_entropy
from fnn.random import key
from fnn.testing import check_activation, check_loss
from tests.support.activations import ALPHA, DTYPES, Float, adversarial, errors, exact
from tests.support.activations import ORACLES as ACTIVATIONS
from tests.support.losses import DELTA, logits, true_log_softmax
from tests.support.losses import ORACLES as LOSSES

BOTH = pytest.mark.parametrize("dtype", DTYPES)
EVERY = pytest.mark.parametrize("name", ACTIVATIONS)


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mp.workprec(200):
        yield


def bend(pair: Activation, z: Array) -> Array:
    assert pair.d2f is not None
    return pair.d2f(z, pair.f(z))


def stated(pair: Activation | Loss) -> tuple[dict[Float, float], str]:
    """The errors of d2f in the docstring of a pair, by dtype, and their unit."""
    found = re.search(r"Error:.*?\sd2f (\S+) / (\S+) (ulp|eps)", pair.f.__doc__ or "", re.DOTALL)
    assert found is not None, pair
    return {np.float64: float(found[1]), np.float32: float(found[2])}, found[3]


@EVERY
@BOTH
def test_d2f_errs_by_no_more_than_is_stated(name: str, dtype: Float) -> None:
    pair, z = ACTIVATIONS[name].pair, adversarial(dtype, 40)
    with np.errstate(over="ignore" if name == "selu" else "raise", invalid="raise"):
        a = pair.f(z)
    assert pair.d2f is not None
    with np.errstate(all="raise", under="ignore"):
        values = pair.d2f(z, a)
    bounds, unit = stated(pair)
    error = errors(values, exact(ACTIVATIONS[name].exact_d2f, z), unit)
    worst = int(np.argmax(error))
    assert error[worst] <= bounds[dtype], f"at z={z[worst]!r}: {error[worst]:.2f} {unit}"


@EVERY
def test_the_second_derivative_by_hand_is_that_of_the_first(name: str) -> None:
    """Or the truth would be one more claim."""
    for z in map(mp.mpf, (-37.25, -7.5, -2.5, -1.3, -0.75, -0.1, 0.1, 0.75, 1.3, 2.5, 7.5, 37.25)):
        slope = mp.diff(ACTIVATIONS[name].exact_df, z)
        assert abs(slope - ACTIVATIONS[name].exact_d2f(z)) <= mp.mpf(10) ** -25 * max(
            abs(slope), abs(z)
        )


@EVERY
@BOTH
def test_infinities_give_0_and_nan_gives_nan(name: str, dtype: Float) -> None:
    z = np.array([-np.inf, np.inf, np.nan, 1.0], dtype)
    with np.errstate(all="raise", under="ignore"):
        values = bend(ACTIVATIONS[name].pair, z)
    assert values[:2].tolist() == [0, 0]
    assert np.isnan(values).tolist() == [False, False, True, False]


@EVERY
@BOTH
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 2), (0,), (2, 0), (2, 3, 4)])
def test_shape_and_dtype_are_kept(name: str, dtype: Float, shape: tuple[int, ...]) -> None:
    z = np.linspace(-4, 4, math.prod(shape)).astype(dtype).reshape(shape)
    values = bend(ACTIVATIONS[name].pair, z)
    assert (values.shape, values.dtype) == (shape, np.dtype(dtype))


@EVERY
def test_d2f_only_reads_and_survives_pickling(name: str) -> None:
    pair, z = ACTIVATIONS[name].pair, np.linspace(-4, 4, 9)
    a = pair.f(z).copy()
    for array in (z, a):
        array.setflags(write=False)
    before = z.tobytes(), a.tobytes()
    values = bend(pair, z)
    assert (z.tobytes(), a.tobytes()) == before
    again = pickle.loads(pickle.dumps(pair))
    assert bend(again, z).tobytes() == values.tobytes()


KINKS = {  # where f'' does not exist: what is given, and what it is to the left and right
    "relu": (0, 0, 0, 0),
    "leaky_relu": (0, 0, 0, 0),
    "elu": (0, ALPHA, ALPHA, 0),
    "selu": (0, 1.7580993408473768, 1.7580993408473768, 0),
    "softsign": (0, 0, 2, -2),
    "hard_sigmoid, below": (-3, 0, 0, 0),
    "hard_sigmoid, above": (3, 0, 0, 0),
}


@BOTH
@pytest.mark.parametrize("kink", KINKS)
def test_the_bend_at_a_kink_is_the_one_that_is_stated(kink: str, dtype: Float) -> None:
    place, *bends = KINKS[kink]
    at = dtype(place)
    z = np.array([at, np.nextafter(at, dtype(-np.inf)), np.nextafter(at, dtype(np.inf))])
    with np.errstate(under="ignore"):
        assert (
            bend(ACTIVATIONS[kink.partition(",")[0]].pair, z).tolist()
            == np.array(bends, dtype).tolist()
        )


ZEROS = {
    "silu": (-2.3994, 2.3994),
    "gelu": (-math.sqrt(2), math.sqrt(2)),
    "gelu_tanh": (-1.4185, 1.4185),
    "mish": (-2.2564, 1.4906),
}


@pytest.mark.parametrize("name", ZEROS)
def test_the_stated_zeros_are_where_the_sign_changes(name: str) -> None:
    for zero, outward in zip(ZEROS[name], (-6e-5, 6e-5), strict=True):
        outside, inside = bend(ACTIVATIONS[name].pair, zero + np.array([outward, -outward]))
        assert outside < 0 < inside
        told = "sqrt(2)" if name == "gelu" else str(abs(zero))
        assert told in (ACTIVATIONS[name].pair.f.__doc__ or "")


def test_every_built_in_pair_bends() -> None:
    pairs = [*vars(activations).values(), *vars(losses).values()]
    pairs += [leaky_relu(), leaky_relu(0), elu(), huber(1.0), pinball(0.5)]
    missing = [pair for pair in pairs if isinstance(pair, Activation | Loss) and pair.d2f is None]
    assert missing == []


@pytest.mark.parametrize("number", [np.float64(0.25), np.float32(0.25), np.array(0.25)])
def test_factories_that_take_numpy_numbers_keep_float32(number: Any) -> None:
    z = np.array([-1.0, 2.0], np.float32)
    for act in (leaky_relu(number), elu(number)):
        assert bend(act, z).dtype == np.float32
    for loss in (huber(number), pinball(number)):
        assert loss.d2f is not None
        assert loss.d2f(z, z, z).dtype == np.float32


# Losses


def product(loss: Loss, output: Array, target: Array, v: Array) -> Array:
    assert loss.d2f is not None
    return loss.d2f(output, target, v)


LOSS_BENDS = {
    name: (row.loss, row.exact_d2f) for name, row in LOSSES.items() if row.exact_d2f is not None
}


@BOTH
@pytest.mark.parametrize("name", LOSS_BENDS)
def test_the_curvature_of_a_loss_errs_by_no_more_than_is_stated(name: str, dtype: Float) -> None:
    loss, formula = LOSS_BENDS[name]
    z = adversarial(dtype, 20)
    z = z[z < math.log(np.finfo(dtype).max) - 2] if name == "poisson" else z  # exp(2) > 3 = max v
    z = z[np.abs(z) < np.finfo(dtype).max / 4]
    y = np.resize(np.array([0.0, 1.0, -1.0, DELTA, 1e6], dtype), z.shape)
    if name == "huber":  # rounding decides on which side of the kink the others are
        clear = np.abs(np.abs(z - y) - DELTA) > 4 * np.finfo(dtype).eps * (DELTA + np.abs(z) + y)
        z, y = z[clear], y[clear]
    v = np.resize(np.array([1.0, -0.7, 3.0, 0.0], dtype), z.shape)
    with np.errstate(all="raise", under="ignore"):
        values = product(loss, z[:, None], y[:, None], v[:, None])[:, 0]
    assert values.dtype == dtype
    parts = zip(z.tolist(), y.tolist(), v.tolist(), strict=True)
    truths = [formula(mp.mpf(a), mp.mpf(b)) * mp.mpf(c) for a, b, c in parts]
    bound = stated(loss)[0][dtype]
    error = errors(values, truths, "ulp")
    worst = int(np.argmax(error))
    assert error[worst] <= bound, (z[worst], y[worst], error[worst])


@BOTH
def test_huber_bends_at_its_kinks_as_between_them(dtype: Float) -> None:
    at = dtype(1.25)
    z = np.array([-at, at, np.nextafter(at, dtype(2)), np.nextafter(-at, dtype(-2))])
    assert product(huber(1.25), z, 0 * z, z / z).tolist() == [1, 1, 0, 0]


@BOTH
@pytest.mark.parametrize("classes", [2, 10])
def test_the_curvature_of_softmax_errs_by_no_more_than_is_stated(
    classes: int, dtype: Float
) -> None:
    z = logits(dtype, classes)
    rng = np.random.default_rng(3)
    y = (3 * rng.random(z.shape)).astype(dtype)
    v = (rng.normal(size=z.shape) + 1).astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        got = product(softmax_cross_entropy, z, y, v)
    bound = stated(softmax_cross_entropy)[0][dtype]
    eps = float(np.finfo(dtype).eps)
    for row in range(len(z)):
        p = [mp.exp(each) for each in true_log_softmax([mp.mpf(each) for each in z[row].tolist()])]
        total, move = mp.fsum(y[row].tolist()), [mp.mpf(each) for each in v[row].tolist()]
        mean = mp.fdot(p, move)
        for i, value in enumerate(got[row].tolist()):
            truth = total * p[i] * (move[i] - mean)
            assert abs(value - truth) <= bound * eps * float(total) * max(map(abs, v[row].tolist()))


def test_a_nearly_certain_softmax_keeps_the_digits_of_its_curvature() -> None:
    """It is p (1 - p) for p = 1 - exp(-50): the naive p * (v - p . v) gives 0."""
    z, y, v = np.array([50.0, 0.0]), np.array([1.0, 0.0]), np.array([1.0, 0.25])
    small = math.exp(-50) * 0.75
    np.testing.assert_allclose(product(softmax_cross_entropy, z, y, v), [small, -small], rtol=1e-14)


@pytest.mark.parametrize("name", [*LOSS_BENDS, "softmax_cross_entropy"])
def test_one_sample_bends_as_a_row_of_the_batch_and_losses_pickle(name: str) -> None:
    loss = softmax_cross_entropy if name not in LOSS_BENDS else LOSS_BENDS[name][0]
    rng = np.random.default_rng(4)
    z, v = rng.normal(size=(2, 5, 3))
    y = np.abs(rng.normal(size=(5, 3)))
    copies = [each.copy() for each in (z, y, v)]
    whole = product(loss, z, y, v)
    for row in range(5):
        np.testing.assert_allclose(
            product(loss, z[row], y[row], v[row]), whole[row], rtol=1e-15, atol=1e-15
        )
    for each, copy in zip((z, y, v), copies, strict=True):
        np.testing.assert_array_equal(each, copy)
    again = pickle.loads(pickle.dumps(loss))
    np.testing.assert_array_equal(product(again, z, y, v), whole)


def test_a_masked_loss_bends_where_the_target_is_known() -> None:
    masked = masked_loss(losses.squared_error)
    z, y, v = np.array([1.0, np.nan, 3.0]), np.array([0.0, np.nan, 0.0]), np.array([1.0, 2.0, 3.0])
    assert product(masked, z, y, v).tolist() == [2, 0, 6]
    assert product(pickle.loads(pickle.dumps(masked)), z, y, v).tolist() == [2, 0, 6]
    assert masked_loss(losses.squared_error._replace(d2f=None)).d2f is None


def test_dropout_bends_where_its_unit_is_not_silenced() -> None:
    z = np.linspace(-2, 2, 9)
    dropped = dropout(key(1), 0.5, tanh)
    silent = dropped.f(z + 1) == 0  # where z + 1 is not 0
    assert 0 < silent.sum() < 9
    np.testing.assert_array_equal(bend(dropped, z), np.where(silent, 0, 2 * bend(tanh, z)))
    assert dropout(key(1), 0.5, tanh._replace(d2f=None)).d2f is None
    assert bend(pickle.loads(pickle.dumps(dropped)), z).tobytes() == bend(dropped, z).tobytes()


# The public checkers


def flat_bend(z: Array, a: Array) -> Array:
    return np.zeros_like(z)


def hasty(output: Array, target: Array, v: Array) -> Array:
    v *= 2
    return v


@pytest.mark.parametrize(
    ("d2f", "message"),
    [
        (flat_bend, "activation.d2f at z=.*: d2f gives 0.0, the difference quotient of df gives"),
        (lambda z, a: 2 * a * (1 - a * a), "activation.d2f at z=.* of df gives"),  # its sign
        (lambda z, a: (1 + 1e-9) * bend(tanh, z), "activation.d2f at z="),
        (lambda z, a: np.zeros(3), "activation.d2f: expected one number for each z"),
        (lambda z, a: bend(tanh, z) + z.ndim, "activation.d2f: expected one number"),
    ],
)
def test_a_second_derivative_of_an_activation_that_is_wrong_is_noticed(
    d2f: Callable[[Array, Array], Array], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_activation(tanh._replace(d2f=d2f))


@pytest.mark.parametrize(
    ("d2f", "message"),
    [
        (lambda output, target, v: v, r"loss.d2f\[.*: d2f gives .* of df gives "),
        (lambda output, target, v: 2 * np.abs(v), r"loss.d2f\[.*: d2f gives .* of df gives"),
        (lambda output, target, v: 2 * v.sum(-1), "loss.d2f: expected one number for each output"),
        (lambda output, target, v: 2 * v + v.ndim, "loss.d2f: expected one number for each"),
        (hasty, "loss.d2f: expected its arguments unchanged"),
    ],
)
def test_a_second_derivative_of_a_loss_that_is_wrong_is_noticed(
    d2f: Callable[[Array, Array, Array], Array], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_loss(losses.squared_error._replace(d2f=d2f))


def test_a_curvature_that_forgets_what_ties_outputs_together_is_noticed() -> None:
    def diagonal(output: Array, target: Array, v: Array) -> Array:
        p = losses.softmax(output)
        bent: Array = p * (1 - p) * v
        return bent

    with pytest.raises(AssertionError, match=r"loss.d2f\["):
        check_loss(softmax_cross_entropy._replace(d2f=diagonal))


def test_pairs_without_second_derivatives_pass_the_checkers_as_before() -> None:
    check_activation(tanh._replace(d2f=None))
    check_loss(softmax_cross_entropy._replace(d2f=None))
