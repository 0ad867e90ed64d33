"""The tail of the normal distribution in two factors, as NumPy lacks erfc.

Phi(-x) = erfc(x / sqrt(2)) / 2 = gauss(x) / gauss_over_tail(x) for 0 <= x <= 39; beyond, it is 0 in
float64.
"""

from __future__ import annotations

import numpy as np

from fnn.base import Array

# tests/activations/fit_erfc.py made these, highest power first.
_NUMERATOR = (
    1.4523816107616068e-06,
    4.350149748235065e-05,
    0.0006406182335780222,
    0.006015545806052509,
    0.039476071771641696,
    0.18751252944918514,
    0.6464335533884888,
    1.5712310300026826,
    2.4791626755914717,
    2.0,
)
_DENOMINATOR = (
    5.794164318528861e-07,
    1.7354586598220007e-05,
    0.00025672853255175504,
    0.0024345646974593647,
    0.016256338323750143,
    0.07950222530257775,
    0.2878786187648935,
    0.7627631325916342,
    1.4209538455215467,
    1.6950109143083696,
    1.0,
)
_SQRT_2PI = 2.5066282746310002


def gauss(x: Array) -> Array:
    """Bell curve exp(-x^2 / 2), within 1.5 / 4 ulp (float64 / float32).

    Rounding x^2 could cost x^2 / 4 ulp. So x is split into s + (x - s), where s has so few bits
    that its square is exact, and what x^2 lost is made good.

    >>> float(gauss(np.array(0.1)))
    0.9950124791926823
    """
    square = x * x
    s = np.rint(128 * x) / 128
    lost = (x - s) * (x + s) - (square - s * s)
    e = np.exp(-0.5 * square)
    corrected: Array = e - 0.5 * lost * e
    return corrected


def gauss_over_tail(x: Array) -> Array:
    """Quotient exp(-x^2 / 2) / Phi(-x), within 3 / 3 ulp: sqrt(2 pi) times the normal hazard rate.

    It is sqrt(2 pi) x + R(x), where R falls from 2 to 0. A rational function with positive
    coefficients stands in for R: the quotient is then within 5e-18 of the exact one, relatively,
    and rounding errors fade as x grows.

    >>> float(gauss_over_tail(np.array(0.0)))
    2.0
    """
    numerator = _NUMERATOR[0] * x + _NUMERATOR[1]
    for c in _NUMERATOR[2:]:
        numerator = numerator * x + c
    denominator = _DENOMINATOR[0] * x + _DENOMINATOR[1]
    for c in _DENOMINATOR[2:]:
        denominator = denominator * x + c
    ratio: Array = _SQRT_2PI * x + numerator / denominator
    return ratio
