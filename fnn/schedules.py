"""Schedules: plain functions from the step number (0, 1, ...) to a rate.

An optimizer takes one wherever it takes a rate. `constant`, `exponential`, `inverse_time`,
`piecewise` and `cosine` start from a rate; `warm_up` comes before another schedule; `one_cycle`
rises and falls. Any function will do; those made here can be pickled.

>>> from fnn.optimizers import adam
>>> optimizer = adam(warm_up(500, cosine(1e-3, 10_000)))
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias

from typing_extensions import override

from fnn._core.numbers import check_rate, finite, whole, within

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "one_cycle",
    "piecewise",
    "warm_up",
]


def __dir__() -> list[str]:
    return __all__


Schedule: TypeAlias = Callable[[int], float]
"""A function from the step number, from 0, to the rate of that step."""


def check_schedule(rate: float | Schedule) -> float | Schedule:
    """A schedule as it is, or a checked rate as a Python float. For fnn's own functions.

    Raises `ValueError` for a rate that is below 0 or not finite.
    """
    return rate if callable(rate) else check_rate("rate", rate)


def rate_at(rate: float | Schedule, step: int) -> float:
    """The rate of a step, as a Python float: a NumPy scalar would promote float32.

    For fnn's own functions. Raises `ValueError` where a schedule gives a rate that is below 0 or
    not finite.
    """
    return check_rate(f"rate({step})", rate(step)) if callable(rate) else rate


class _Made(partial[float]):
    """A schedule as a function and its numbers, which prints as such."""

    @override
    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={value!r}" for name, value in self.keywords.items())
        return f"{self.func.__name__.removeprefix('_')}({numbers})"


def constant(rate: float) -> Schedule:
    """One rate for every step, finite and at least 0.

    >>> constant(0.1)(1000)
    0.1
    """
    return _Made(_constant, rate=check_rate("rate", rate))


def exponential(rate: float, factor: float, every: int = 1) -> Schedule:
    """Exponential decay: the rate is multiplied by `factor` in the course of `every` steps.

    ``rate * factor ** (step / every)``, also between. Raises `ValueError` for a rate or factor
    below 0, or `every` below 1.

    >>> exponential(0.1, 0.5, every=100)(200)
    0.025
    """
    return _Made(
        _exponential,
        rate=check_rate("rate", rate),
        factor=check_rate("factor", factor),
        every=whole("every", every, 1),
    )


def inverse_time(rate: float, decay: float, every: int = 1) -> Schedule:
    """Inverse decay, ``rate / (1 + decay * step / every)``, that of stochastic approximation.

    Raises `ValueError` for a rate or decay below 0, or `every` below 1.
    Source: Robbins and Monro, "A stochastic approximation method", 1951.

    >>> inverse_time(0.1, 1.0, every=10)(10)
    0.05
    """
    return _Made(
        _inverse_time,
        rate=check_rate("rate", rate),
        decay=check_rate("decay", decay),
        every=whole("every", every, 1),
    )


def piecewise(rates: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """Constant rates in turn: ``rates[0]`` before step ``boundaries[0]``, then ``rates[1]``, ...

    Raises `ValueError` unless there is one more rate than boundaries, and those increase.

    >>> [piecewise((0.1, 0.01), (1000,))(step) for step in (0, 999, 1000)]
    [0.1, 0.1, 0.01]
    """
    steps = tuple(whole(f"boundaries[{i}]", step, 1) for i, step in enumerate(boundaries))
    if len(rates) != len(steps) + 1:
        raise ValueError(
            f"rates: expected {len(steps) + 1}, one more than boundaries, got {len(rates)}"
        )
    if any(later <= step for step, later in pairwise(steps)):
        raise ValueError(f"boundaries: expected increasing step numbers, got {steps}")
    levels = tuple(check_rate(f"rates[{i}]", rate) for i, rate in enumerate(rates))
    return _Made(_piecewise, rates=levels, boundaries=steps)


def cosine(rate: float, steps: int, last: float = 0.0) -> Schedule:
    """Cosine decay from `rate` to `last`, which is reached at step `steps` and stays.

    ``last + (rate - last) * (1 + cos(pi * step / steps)) / 2``. Raises `ValueError` for rates below
    0 or `steps` below 1. Source: Loshchilov and Hutter,
    "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5 (without restarts).

    >>> [round(cosine(0.1, 100)(step), 9) for step in (0, 50, 100, 1000)]
    [0.1, 0.05, 0.0, 0.0]
    """
    return _Made(
        _cosine,
        rate=check_rate("rate", rate),
        steps=whole("steps", steps, 1),
        last=check_rate("last", last),
    )


def warm_up(steps: int, then: float | Schedule, first: float = 0.0) -> Schedule:
    """Linear warm-up from `first` at step 0 to the start of `then` at step `steps`.

    `then` is a rate or a schedule, whose step 0 is step `steps` of the whole. Raises `ValueError`
    for rates below 0 or `steps` below 1.

    >>> [warm_up(4, 0.1)(step) for step in (0, 1, 4, 1000)]
    [0.0, 0.025, 0.1, 0.1]
    """
    return _Made(
        _warm_up,
        steps=whole("steps", steps, 1),
        then=check_schedule(then),
        first=check_rate("first", first),
    )


def one_cycle(
    peak: float, steps: int, rise: float = 0.3, div: float = 25.0, final_div: float = 1e4
) -> Schedule:
    """One cycle: up from ``peak / div`` to `peak`, then down to ``peak / div / final_div``.

    Both ways are halves of a cosine.

    The peak is at step ``rise * steps - 1``, the end at step ``steps - 1``; later steps keep the
    last rate. As PyTorch's ``OneCycleLR``. Source: Smith and Topin, "Super-convergence", 2018.
    Raises `ValueError` where the rise would take less than a step or all of them, for a div below 1
    and a peak below 0.

    >>> [round(one_cycle(1.0, 100)(step), 6) for step in (0, 29, 99)]
    [0.04, 1.0, 4e-06]
    """
    steps = whole("steps", steps, 2)
    top = finite("rise", rise) * steps - 1
    if not 0 < top < steps - 1:
        raise ValueError(
            f"rise: expected a share of the steps with 1 < rise * {steps} < {steps}, got {rise!r}"
        )
    div, final_div = within("div", div, 1, math.inf), within("final_div", final_div, 1, math.inf)
    peak = check_rate("peak", peak)
    first = peak / div
    last = first / final_div
    return _Made(_one_cycle, peak=peak, first=first, last=last, top=top, end=steps - 1)


def _constant(step: int, *, rate: float) -> float:
    return rate


def _exponential(step: int, *, rate: float, factor: float, every: int) -> float:
    try:
        return rate * math.pow(factor, step / every)
    except OverflowError:
        return math.inf  # which check_rate refuses


def _inverse_time(step: int, *, rate: float, decay: float, every: int) -> float:
    return rate / (1.0 + decay * step / every)


def _piecewise(step: int, *, rates: tuple[float, ...], boundaries: tuple[int, ...]) -> float:
    return rates[bisect_right(boundaries, step)]


def _cosine(step: int, *, rate: float, steps: int, last: float) -> float:
    return _between(rate, last, step / steps)


def _warm_up(step: int, *, steps: int, then: float | Schedule, first: float) -> float:
    if step >= steps:
        return rate_at(then, step - steps)
    return first + (rate_at(then, 0) - first) * step / steps


def _one_cycle(step: int, *, peak: float, first: float, last: float, top: float, end: int) -> float:
    if step <= top:
        return _between(first, peak, step / top)
    return _between(peak, last, (step - top) / (end - top))


def _between(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine, and `end` beyond."""
    return end + (start - end) * (1.0 + math.cos(math.pi * min(share, 1.0))) / 2.0
