"""How the coefficients of `fnn.activations._normal` were made: run this to print them again.

R(x) = exp(-x^2 / 2) / Phi(-x) - K x, on 0 <= x <= 39, is replaced by the rational function
N(x) / D(x) with the least relative error in K x + R(x). The best one meets R at m + n + 1 points
and its error has equally high lobes between them; so interpolate, widen the gaps with low lobes at
the cost of those with high ones, and repeat until the lobes are level.
"""

from __future__ import annotations

from typing import Any

import mpmath as mp

Real = Any  # an mpmath number

K = mp.mpf(2.5066282746310002)  # sqrt(2 pi) as a double: R makes up for what rounding took from it
DEGREES = 9, 10
END = 39  # gelu(-39) is 0 in double precision
LEVEL = 1.2


def total(x: Real) -> Real:
    """What K x + R(x) is to be."""
    return 2 * mp.exp(-x * x / 2) / mp.erfc(x / mp.sqrt(2))


def place(t: Real) -> Real:
    """The x of a point t in [0, 1); gaps even in t are gaps in x that grow with x."""
    return 2 * t / (1 - t)


def interpolant(xs: list[Real]) -> tuple[list[Real], list[Real]]:
    """N and D, lowest power first and D's first 1, with N(x) = R(x) D(x) at all xs."""
    m, n = DEGREES
    rows, rests = [], [total(x) - K * x for x in xs]
    for x, r in zip(xs, rests, strict=True):
        rows.append([x**j / r for j in range(m + 1)] + [-(x**j) for j in range(1, n + 1)])
    solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix([1] * len(xs))))
    return solution[: m + 1], [mp.mpf(1), *solution[m + 1 :]]


def powers(x: Real) -> list[Real]:
    return [x**j for j in range(max(DEGREES) + 1)]


def error(x: Real, numerator: list[Real], denominator: list[Real]) -> Real:
    r = mp.fdot(numerator, powers(x)) / mp.fdot(denominator, powers(x))
    return abs((K * x + r) / total(x) - 1)


def fit() -> tuple[list[float], list[float], float]:
    """N and D, highest power first, and the greatest relative error."""
    with mp.workdps(60):
        end, count = mp.mpf(END) / (END + 2), sum(DEGREES) + 1
        ts = [end * (1 - mp.cos(mp.pi * (i + 0.5) / count)) / 2 for i in range(count)]
        while True:
            numerator, denominator = interpolant([place(t) for t in ts])
            gaps = list(zip([mp.mpf(0), *ts], [*ts, end], strict=True))
            lobes = [
                max(error(place(a + (b - a) * j / 12), numerator, denominator) for j in range(13))
                for a, b in gaps
            ]
            if max(lobes) < LEVEL * min(lobes):
                break
            widths = [(b - a) / lobe**0.12 for (a, b), lobe in zip(gaps, lobes, strict=True)]
            ts = [end * sum(widths[:i]) / sum(widths) for i in range(1, count + 1)]
    return (
        [float(c) for c in numerator[::-1]],
        [float(c) for c in denominator[::-1]],
        float(max(lobes)),
    )


if __name__ == "__main__":
    for line in fit():
        print(line)
