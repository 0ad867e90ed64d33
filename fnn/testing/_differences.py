"""Numerical derivatives: from values of a function alone, with bounds of their errors.

`slopes` takes the first of these ways that works:

- the complex step, ``Im f(ih) / h`` with h = 2^-200, exact to rounding where f is analytic and
  takes complex numbers (Squire and Trapp, "Using complex variables to estimate derivatives of real
  functions", 1998);
- central differences, extrapolated from steps of 2^-4 to 2^-23 (Ridders, "Accurate computation of
  F'(x) and F'(x) F''(x)", 1982), each term with the steps that suit it best. Half the difference
  of the slopes on the two sides counts as an error: a kink hides the derivative only where even the
  smallest steps reach across it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from fnn.base import Array

EXACT = 1e-12
"""Tolerance against the complex step: thousands of roundings of float64."""

CLOSE = 1e-10
"""Tolerance against differences, to which twice their own error is added."""

CERTAIN = 1e-8
"""Differences with a larger error prove nothing."""

Terms: TypeAlias = Callable[[complex], Array]
"""Takes a step and returns the terms (k, n) of k sums of n numbers, to differentiate at step 0."""

_STEPS = 2.0 ** -np.arange(4.0, 24.0)
_FINE = 13  # the steps from 2^-17 down, with which differences are close without extrapolation
_COMPLEX_STEP = 2.0**-200  # its square vanishes beside 1, and its fifth power is above 0


class Slopes(NamedTuple):
    """The derivatives of k sums, the tolerance of each, and which of them are ``usable``.

    Tolerances are relative to ``scale``, the greatest of these: the derivatives of the sum's terms,
    the terms themselves, and the largest sum's derivatives or 1, whichever is less.
    """

    value: Array
    tolerance: Array
    scale: Array
    usable: Array
    exact: bool

    @property
    def source(self) -> str:
        """The way in which the derivatives were found, for messages."""
        return "the complex step" if self.exact else "the difference quotient"

    def worst(self, claim: Array, slack: Array | float = 0.0) -> int | None:
        """The index of the most wrong claim, or None if all are right; NaN is the most wrong."""
        off = np.abs(claim - self.value)
        wrong = self.usable & ~(off <= self.tolerance + slack)
        return int(np.where(wrong, off, -1.0).argmax()) if wrong.any() else None

    def check(self, name: str, part: str, claim: Array, place: Callable[[int], str]) -> None:
        """Raise `AssertionError` where `claim`, the values of `part` (df or d2f), is wrong.

        `place` describes an index of it in words.
        """
        of = {"df": "f", "d2f": "df"}[part]
        good = np.count_nonzero(self.usable)
        if 2 * good <= claim.size:
            raise AssertionError(
                f"{name}.{of}: differences converge at {good} of {claim.size} places only;"
                " choose others, where it is finite and without kinks, jumps and noise"
            )
        i = self.worst(claim)
        if i is not None:
            raise AssertionError(
                f"{name}.{part}{place(i)}: {part} gives {claim[i]},"
                f" {self.source} of {of} gives {self.value[i]}"
            )


def slopes(terms: Terms, analytic: bool = True) -> Slopes:
    """The derivatives of sums at step 0.

    The complex step is taken if it agrees with the differences. Where derivatives vanish, that
    proves little: pass as `analytic` the ``exact`` that was found where they do not vanish.

    >>> slopes(lambda h: np.array([[3 * h, h + 1], [h**2, np.exp(h)]])).value
    array([4., 1.])
    """
    with np.errstate(all="ignore"):
        center = terms(0.0)
        best, error = _differences(terms, center)
        off, size = error.sum(axis=1), np.abs(best).sum(axis=1)
        scale = np.maximum(size, np.maximum(np.abs(center).sum(axis=1), min(1.0, size.max())))
        usable = (off <= CERTAIN * scale) & np.isfinite(off)
        result = Slopes(best.sum(axis=1), CLOSE * scale + 2 * off, scale, usable, exact=False)
        exact = _complex_step(terms, center) if analytic else None
        if exact is None or result.worst(exact) is not None:
            return result
        return Slopes(exact, EXACT * scale, scale, usable, exact=True)


def wrong_entry(claim: Array, way: Array, along: Callable[[Sequence[Array]], Slopes]) -> int:
    """The index of a wrong entry in a raveled gradient, given a direction along which it is wrong.

    `along` gives the true derivatives along some directions.
    """
    numbers = np.arange(way.size).reshape(way.shape)
    spots = numbers.ravel()
    while spots.size > 1:  # keep the half along which the error is larger
        halves = np.array_split(spots, 2)
        ways = [way * np.isin(numbers, half) for half in halves]
        off: Array = along(ways).value - [np.vdot(claim, half) for half in ways]
        spots = halves[np.abs(off).argmax()]
    return int(spots[0])


def _differences(terms: Terms, center: Array) -> tuple[Array, Array]:
    """Each term's derivative and its error: the entry of least error in Ridders' table."""
    up, down = (np.stack([terms(sign * h) for h in _STEPS]) for sign in (1, -1))
    h, bend = _STEPS[:, None, None], up - 2 * center + down
    slope, jump = (up - down) / (2 * h), bend / h
    # Rounded values may agree by chance and look exact. What rounding does shows at the smallest
    # steps: as they are halved, the bends and the changes of the slopes should fall to a quarter.
    drift = np.diff(slope[_FINE:], axis=0)
    slips = 2 * h[_FINE + 2 :] * np.abs(drift[1:] - drift[:-1] / 4)
    slips += np.abs(bend[_FINE + 2 :] - bend[_FINE + 1 : -1] / 4)
    noise = (slips.max(axis=0) + 4 * np.finfo(np.float64).eps * np.abs(center)) / h
    fine, spare = slope[_FINE], np.abs(slope[_FINE]) / 100 + noise[_FINE]
    best, error = np.zeros(center.shape), np.full(center.shape, np.inf)
    for p in (1, 2, 3, 4):  # cancels h^2p in the slope and h^(2p-1) in the jump
        finer, coarser = slope[1:], slope[:-1]
        slope = finer + (finer - coarser) / (4**p - 1)
        jump = jump[1:] + (jump[1:] - jump[:-1]) / (2 ** (2 * p - 1) - 1)
        noise = noise[1:]
        doubt = np.abs(slope - coarser) + np.abs(jump) / 2 + noise
        doubt = np.where(np.abs(slope - fine) <= spare, doubt, np.inf)  # not a fast wave's alias
        pick = doubt.argmin(axis=0)[None]
        least = np.take_along_axis(doubt, pick, axis=0)[0]
        best = np.where(least < error, np.take_along_axis(slope, pick, axis=0)[0], best)
        error = np.minimum(error, least)
    return best, error


def _complex_step(terms: Terms, center: Array) -> Array | None:
    """The sums' derivatives, or None unless the terms take complex numbers and keep real parts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            result = terms(complex(0.0, _COMPLEX_STEP))
    except Exception:  # functions of real numbers may do anything with complex ones
        return None
    finite = np.isfinite(center)
    if result.shape != center.shape or not np.allclose(
        np.real(result)[finite], center[finite], EXACT, EXACT
    ):
        return None
    exact: Array = np.imag(result).sum(axis=1) / _COMPLEX_STEP
    return exact
