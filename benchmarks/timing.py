"""Fair timing on a noisy machine: contenders take turns, and ratios are taken turn by turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def take_turns(
    contenders: Mapping[str, Callable[[], object]],
    turns: int = 41,
    seconds: float = 0.02,
    rest: float = 0.0,
) -> dict[str, list[float]]:
    """Seconds per call of each contender, one figure a turn: A B A B, never A A B B.

    A turn repeats the call for about `seconds`, so that the clock's own cost does not show. Threads
    that a library has just used may spin for a while and take a core from the next contender: a
    `rest` before each turn lets them fall asleep, and a call that is not timed wakes one's own.
    """
    repeats = {}
    for name, call in contenders.items():
        begun = time.perf_counter()
        call()
        call()
        repeats[name] = max(1, int(2 * seconds / max(time.perf_counter() - begun, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(turns):
        for name, call in contenders.items():
            if rest:
                time.sleep(rest)
                call()
            begun = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - begun) / repeats[name])
    return times


def ratios(times: Mapping[str, list[float]], name: str, base: str) -> list[float]:
    """How many times as long as `base` it took, turn by turn: what slowed both cancels."""
    return [a / b for a, b in zip(times[name], times[base], strict=True)]


def ratio(times: Mapping[str, list[float]], name: str, base: str) -> str:
    """The median of the turn-by-turn ratios, with the middle half of them."""
    low, middle, high = statistics.quantiles(ratios(times, name, base), n=4)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def microseconds(times: Mapping[str, list[float]], name: str) -> str:
    return f"{statistics.median(times[name]) * 1e6:.1f} us"
