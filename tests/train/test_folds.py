"""fold and scan are their reference loops, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import fold, scan

C = TypeVar("C")
X = TypeVar("X")
Y = TypeVar("Y")
NUMBERS = st.lists(st.integers(-100, 100))


def reference_scan(f: Callable[[C, X], tuple[C, Y]], init: C, xs: Iterable[X]) -> tuple[C, list[Y]]:
    carry, ys = init, []
    for x in xs:
        carry, y = f(carry, x)
        ys.append(y)
    return carry, ys


def mix(carry: int, x: int) -> tuple[int, int]:
    return 3 * carry - x, carry * x


@given(NUMBERS, st.integers(-5, 5))
def test_scan_equals_its_reference_loop(xs: list[int], init: int) -> None:
    carry, ys = scan(mix, init, xs)
    expected, outputs = reference_scan(mix, init, xs)
    assert (carry, ys) == (expected, tuple(outputs))


@given(NUMBERS, st.integers(-5, 5))
def test_fold_is_scan_without_outputs(xs: list[int], init: int) -> None:
    assert fold(lambda carry, x: mix(carry, x)[0], init, xs) == scan(mix, init, xs)[0]


@given(NUMBERS, NUMBERS)
def test_a_fold_over_two_parts_is_the_fold_over_both(xs: list[int], ys: list[int]) -> None:
    whole, outputs = scan(mix, 1, xs + ys)
    middle, first = scan(mix, 1, xs)
    last, second = scan(mix, middle, ys)
    assert (whole, outputs) == (last, first + second)


def test_nothing_to_fold_leaves_the_start() -> None:
    assert fold(lambda carry, x: carry + x, 5, []) == 5
    assert scan(mix, 5, []) == (5, ())


def test_a_long_fold_is_a_loop_and_not_a_recursion() -> None:
    assert fold(lambda carry, x: carry + x, 0, range(100_000)) == 4_999_950_000


def test_an_exception_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        scan(lambda carry, x: (carry // x, x), 1, [1, 0])
