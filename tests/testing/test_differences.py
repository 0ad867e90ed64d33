"""Slopes are as good as they say: against the truth, next to kinks, and where steps mislead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from fnn.base import Array
from fnn.testing._differences import CLOSE, EXACT, Slopes, Terms, slopes, wrong_entry


def each(f: Callable[[Array], Array], at: Array) -> Terms:
    """The terms of f at many places."""
    return lambda h: f(at + h)[:, None]


def real(f: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function that refuses complex numbers."""

    def restricted(z: Array) -> Array:
        if np.iscomplexobj(z):
            raise TypeError("real numbers only")
        return f(z)

    return restricted


def gauss(z: Array) -> Array:
    y: Array = np.exp(-(z**2))
    return y


AT = np.linspace(-3, 3, 101) ** 3
SMOOTH: dict[str, tuple[Callable[[Array], Array], Array]] = {
    "sin": (np.sin, np.cos(AT)),
    "exp": (np.exp, np.exp(AT)),
    "cubic": (lambda z: z**3, 3 * AT**2),
    "gauss": (gauss, -2 * AT * gauss(AT)),
    "fast": (lambda z: np.sin(300 * z), 300 * np.cos(300 * AT)),
    "narrow": (lambda z: gauss(100 * z), -20000 * AT * gauss(100 * AT)),
    "offset": (lambda z: np.sin(z) + 1e6, np.cos(AT)),
    "shrunk": (lambda z: 1e-30 * np.sin(z), 1e-30 * np.cos(AT)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_slopes_agree_with_the_truth_to_their_tolerance(name: str) -> None:
    f, truth = SMOOTH[name]
    exact, differences = slopes(each(f, AT)), slopes(each(real(f), AT))
    assert exact.exact
    assert not differences.exact
    for found in (exact, differences):
        assert found.usable.mean() > 0.9
        assert found.worst(truth) is None
    wrong = truth + 3 * exact.tolerance
    assert exact.worst(wrong) is not None
    assert differences.worst(truth + 3 * differences.tolerance) is not None
    assert float(np.median(differences.tolerance / differences.scale)) < 2 * CLOSE
    np.testing.assert_array_equal(exact.tolerance, EXACT * exact.scale)


@pytest.mark.parametrize("name", ["sin", "exp", "gauss", "fast", "narrow"])
def test_differences_know_their_own_error(name: str) -> None:
    f, truth = SMOOTH[name]
    found = slopes(each(real(f), AT))
    error = (found.tolerance - CLOSE * found.scale) / 2
    assert (np.abs(found.value - truth) <= error + 1e-15)[found.usable].all()


def test_a_sum_is_differentiated_term_by_term() -> None:
    """Two kinks at different places on one line: each term needs other steps."""
    found = slopes(lambda h: np.array([[abs(h + 1e-3), abs(h - 1e-5), h * h]]))
    assert found.usable.all()
    np.testing.assert_allclose(found.value, [0.0], atol=1e-9)
    assert found.scale == pytest.approx(2.0)


@pytest.mark.parametrize("distance", [0.0, 1e-17, 1e-12, 1e-9, 1e-8])
@pytest.mark.parametrize("rise", [1.0, 1e-3, 1e-5, 1e-7])
def test_a_kink_within_the_least_step_hides_the_slope(distance: float, rise: float) -> None:
    at = np.array([distance, -distance])
    for f in (lambda z: z + rise * np.maximum(z, 0), lambda z: rise * np.abs(z) - z):
        assert slopes(each(f, at)).worst(np.full(2, 1e3)) is None


@pytest.mark.parametrize("distance", [3e-5, 1e-3, 0.1])
def test_a_kink_further_off_does_not(distance: float) -> None:
    found = slopes(each(lambda z: np.maximum(z, 0), np.array([distance, -distance])))
    assert found.usable.all()
    np.testing.assert_allclose(found.value, [1.0, 0.0], atol=1e-10)


def test_coarse_steps_are_not_taken_in_by_a_wave_that_they_miss() -> None:
    """Steps of 2^-4, 2^-5 and 2^-6 meet 64 waves to a unit at the same phase each time."""
    rate = 2 * np.pi * 64 + 1e-3
    found = slopes(each(real(lambda z: np.sin(rate * z)), np.zeros(1)))
    assert found.value == pytest.approx(rate, rel=1e-8)


def test_coarse_steps_are_not_taken_in_by_what_they_step_over() -> None:
    """From 0.001 the steps 2^-4 and 2^-5 reach the flat feet of a hat on either side."""
    found = slopes(each(lambda z: np.maximum(0, 1 - np.abs(z) / 0.01), np.array([0.001])))
    assert found.value == pytest.approx(-100.0)


@pytest.mark.parametrize("bits", [52, 46, 40])
def test_numbers_that_are_rounded_alike_do_not_look_exact(bits: int) -> None:
    """Steps that are powers of 2 meet rounded values again and again."""
    at = np.linspace(1, 2, 4000)
    found = slopes(each(lambda z: np.round(np.sin(np.real(z)) * 2.0**bits) / 2.0**bits, at))
    assert found.usable.all()
    assert found.worst(np.cos(at)) is None


LOSSY: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "the real part": lambda z: np.real(z) ** 2,
    "the conjugate": lambda z: np.conj(z) * z,
    "a cast": lambda z: np.asarray(z, float) ** 2,
    "numbers one by one": lambda z: np.fromiter(map(float, z), float),
    "another shape": lambda z: z if np.isrealobj(z) else z[:2],
    "another real part": lambda z: z + np.iscomplexobj(z),
    "another imaginary part": lambda z: np.real(z) + 2j * np.imag(z) if np.iscomplexobj(z) else z,
}


@pytest.mark.parametrize("name", LOSSY)
def test_the_complex_step_is_not_believed_of_functions_of_real_numbers(name: str) -> None:
    found = slopes(each(LOSSY[name], np.array([1.0, -2.0, 3.0])))
    assert not found.exact
    assert found.usable.all()


def test_the_complex_step_can_be_left_out() -> None:
    assert slopes(each(np.exp, AT)).exact
    assert not slopes(each(np.exp, AT), analytic=False).exact


def test_the_worst_claim_is_found_and_nan_is_worse_than_any() -> None:
    found = Slopes(np.zeros(4), np.full(4, 0.1), np.ones(4), np.array([True] * 3 + [False]), True)
    assert found.worst(np.array([0.1, -0.1, 0.0, 9.0])) is None
    assert found.worst(np.array([0.2, -0.3, 0.0, 9.0])) == 1
    assert found.worst(np.array([0.2, -0.3, np.nan, 9.0])) == 2
    assert found.worst(np.array([0.2, -0.3, 0.0, 9.0]), slack=0.3) is None


def test_a_function_that_is_not_finite_has_no_slopes() -> None:
    places = np.array([-1.0, 0.0, 1e-9, 1.0])
    assert slopes(each(np.log, places)).usable.tolist() == [False, False, False, True]


@pytest.mark.parametrize("entry", range(12))
def test_the_entry_that_parts_is_found(entry: int) -> None:
    truth = np.arange(12.0).reshape(3, 4)
    claim = truth + 1e-3 * (np.arange(12) == entry).reshape(3, 4)

    def along(ways: Sequence[Array]) -> Slopes:
        return slopes(lambda h: np.array([[h * np.vdot(truth, way)] for way in ways]))

    assert wrong_entry(claim, np.ones((3, 4)), along) == entry
