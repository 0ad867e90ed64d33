"""NumPy functions for compiled pairs that are faster, or faster to compile, than numba's.

exp, expm1, tanh and log1p are exact to the last digit or two and free of branches, so that LLVM
vectorizes them. The C library's take 5 to 20 ns a number and one number at a time; they would be
the main cost of a small network. x = n log 2 + r with n whole and abs(r) <= log(2) / 2; exp(x) =
2**n exp(r), the latter by Taylor's series. 2**n is multiplied in two halves, which reach down to
subnormals and up to inf. Source: Muller et al., "Handbook of floating-point arithmetic", 2018,
section 10.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload

from fnn.compiled._code.jit import jitted
from fnn.compiled._code.lanes import fused, power_of_two, scaled


@jitted
def minimum(x: Any, y: Any) -> Any:
    """`np.minimum` for numbers, one instruction where y is a constant; numba's takes four."""
    return y if y < x or y != y else x


@jitted
def maximum(x: Any, y: Any) -> Any:
    """`np.maximum` for numbers, one instruction where y is a constant; numba's takes four."""
    return y if y > x or y != y else x


# log 2 in two parts, n times the first of which is exact. Adding 1.5 * 2**52 (2**23) and taking it
# away again rounds to whole numbers.
_LOG2_E = 1.4426950408889634
_HIGH, _LOW = 0.6931471803691238, 1.9082149292705877e-10
_ROUND = 6755399441055744.0
_LOG2_E_32 = np.float32(1.4426950408889634)
_HIGH_32, _LOW_32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_ROUND_32 = np.float32(12582912.0)
_C = tuple(1.0 / math.factorial(k) for k in range(14))
_ODD = tuple(2.0 / k for k in range(1, 23, 2))
_INFINITE, _NAN = math.inf, math.nan
_C_32 = tuple(map(np.float32, _C))


def _reduced64(x: Any) -> Any:
    x = minimum(maximum(x, -746.0), 710.0)  # exp is 0 and inf from there on; NaN stays
    n = fused(x, _LOG2_E, _ROUND) - _ROUND
    r = fused(n, -_LOW, fused(n, -_HIGH, x))
    s = r * r
    q = s * s
    low = fused(s, fused(r, _C[5], _C[4]), fused(r, _C[3], _C[2]))
    middle = fused(s, fused(r, _C[9], _C[8]), fused(r, _C[7], _C[6]))
    high = fused(s, fused(r, _C[13], _C[12]), fused(r, _C[11], _C[10]))
    t = fused(s, fused(q, fused(q, high, middle), low), r)
    return t, n, fused(n, 0.5, _ROUND) - _ROUND


def _reduced32(x: Any) -> Any:
    x = minimum(maximum(x, np.float32(-104.0)), np.float32(89.0))
    n = fused(x, _LOG2_E_32, _ROUND_32) - _ROUND_32
    r = fused(n, -_LOW_32, fused(n, -_HIGH_32, x))
    s = r * r
    low = fused(s, fused(r, _C_32[5], _C_32[4]), fused(r, _C_32[3], _C_32[2]))
    t = fused(s, fused(s * s, fused(r, _C_32[7], _C_32[6]), low), r)
    return t, n, fused(n, np.float32(0.5), _ROUND_32) - _ROUND_32


def reduced(x: Any) -> Any:
    """t, n and about half of n, both whole, with ``exp(x) = (1 + t) 2**n``; compiled code only."""


@overload(reduced)
def _reduced(x: Any) -> Any:
    return _reduced32 if x == types.float32 else _reduced64


def log_two(x: Any) -> Any:
    """Log 2 in two parts, in the type of x; compiled code only."""


def _log_two64(x: Any) -> Any:
    return _HIGH, _LOW


def _log_two32(x: Any) -> Any:
    return _HIGH_32, _LOW_32


@overload(log_two)
def _log_two(x: Any) -> Any:
    return _log_two32 if x == types.float32 else _log_two64


OVERLOADED = reduced, log_two
"""Functions for which numba chooses an implementation by the type of their argument."""


def exp(x: Any) -> Any:
    """The exponential of a number, in its type, within 1 / 1.1 ulp (float64 / float32)."""
    t, n, half = reduced(x)
    return (1.0 + t) * power_of_two(half) * power_of_two(n - half)


def expm1(x: Any) -> Any:
    """``exp(x) - 1`` as ``(t + (1 - 2**-n)) 2**n``, within 2 ulp; from n = 60 on 2**-n is lost."""
    t, n, half = reduced(maximum(x, -50.0))
    rest = 1.0 - power_of_two(-minimum(n, 60.0))
    return (t + rest) * power_of_two(half) * power_of_two(n - half)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, within 3 ulp: ``-m / (2 + m)`` for |x|, with m = expm1(-2 |x|)."""
    m = expm1(-2.0 * abs(x))
    a = m / (2.0 + m)
    return -a if x > 0.0 else a


def log1p(x: Any) -> Any:
    """``log(1 + x)``, within 1 ulp: the log of u = 1 + x as rounded, corrected by what was lost.

    For 1 + x = 2**k m and s = f / (2 + f) with f = m - 1, log m is 2 (s + s**3 / 3 + s**5 / 5 ...),
    in which 2 s is f - f**2 / 2 + s f**2 / 2.
    """
    u = 1.0 + x
    lost = (x - (u - 1.0)) / u
    power, m = scaled(u)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    q = z * z
    low = fused(q, fused(z, _ODD[4], _ODD[3]), fused(z, _ODD[2], _ODD[1]))
    high = fused(q, fused(z, _ODD[8], _ODD[7]), fused(z, _ODD[6], _ODD[5]))
    series = z * fused(q * q, fused(q * q, fused(z, _ODD[10], _ODD[9]), high), low)
    half = 0.5 * f * f
    first, second = log_two(x)
    log = power * first + (f - (half - (s * (half + series) + (power * second + lost))))
    log = log if x > -1.0 else (-_INFINITE if x == -1.0 else _NAN)
    return log if x < _INFINITE else x


@jitted
def where(condition: Any, a: Any, b: Any) -> Any:
    """`np.where` for numbers."""
    return a if condition else b


def clip(x: Any, low: Any, high: Any) -> Any:
    """`np.clip` for numbers, of which numba's makes arrays."""
    return minimum(maximum(x, low), high)


def heaviside(x: Any, half: Any) -> Any:
    """`np.heaviside` for numbers, which numba does not know."""
    step = 0.0 if x < 0.0 else 1.0
    return x if x != x else (half if x == 0.0 else step)


def below_top(z: Any) -> Any:
    """`fnn.losses._logits.below_top` for vectors, quicker to compile."""
    top = z[0]
    for zi in z:
        top = maximum(top, zi)
    below = np.empty_like(z)
    for i in range(len(z)):
        at_top = z[i] >= top
        below[i] = where(at_top, 0, z[i]) - where(at_top, 0, top)
    return below


def partition(z: Any, k: Any) -> Any:
    """`np.partition` for vectors, fast for the last few k; NaN counts as greatest."""
    z = z.copy()
    for last in range(len(z) - 1, k - 1, -1):
        top = 0
        for i in range(1, last + 1):
            if z[top] == z[top] and not z[i] <= z[top]:
                top = i
        z[top], z[last] = z[last], z[top]
    return z
