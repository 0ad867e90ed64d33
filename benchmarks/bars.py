"""What fnn promises of its speed, and what a run says of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.results import Result
from benchmarks.timing import ratios

NUMPY, COMPILED, OWN_PAIR = "fnn (NumPy)", "fnn (compiled)", "fnn (compiled, own pair)"
GRADIENT = "fnn (NumPy), a gradient"
SCAN = ("JAX", "JAX (unrolled)")
FRAMEWORKS = ("JAX", "PyTorch")
RUNTIMES = ("JAX", "PyTorch", "onnxruntime")


class Bar(NamedTuple):
    """The better of ``ours`` may take at most ``limit`` times as long as the better of ``theirs``.

    It is held in the columns of a workload whose heading has the words ``where``. Without
    ``theirs`` the limit is a figure, not a ratio.
    """

    workload: str
    where: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    limit: float


BARS = (
    Bar("online", ("8-3-8",), (COMPILED,), SCAN, 0.5),
    Bar("online", ("8-3-8",), (OWN_PAIR,), SCAN, 1.0),
    Bar("online", ("8-3-8",), (COMPILED,), ("genann",), 1.3),
    Bar("online", ("64-32-10",), (COMPILED,), SCAN, 0.75),
    Bar("online", ("784-64-10",), (COMPILED,), SCAN, 0.95),
    Bar("inference", ("one row",), (COMPILED,), RUNTIMES, 0.25),
    Bar("inference", ("one row",), (NUMPY,), RUNTIMES, 0.8),
    Bar("minibatch", ("float32",), (NUMPY, COMPILED), FRAMEWORKS, 1.0),
    Bar("derivatives", ("per example gradients",), (NUMPY,), ("JAX",), 0.4),
    Bar("derivatives", ("per example norms",), (NUMPY,), ("JAX",), 0.25),
    Bar("derivatives", ("hvp",), (NUMPY,), ("JAX",), 1.05),
    Bar("derivatives", ("hvp",), (NUMPY,), (GRADIENT,), 2.2),
    Bar("derivatives", ("clipped sum",), (NUMPY,), (GRADIENT,), 1.3),
    Bar("job", (), (COMPILED,), ("fnn (NumPy), training alone",), 0.1),
    Bar("job", (), (COMPILED,), (), 2.0),
    Bar("wide", (), (NUMPY, COMPILED), ("sgemm",), round(1 / 0.92, 3)),
)


class Reached(NamedTuple):
    """A bar in one column: the turn-by-turn ratios of ``ours`` to ``theirs``, or to the unit."""

    bar: Bar
    result: Result
    ours: str
    theirs: str
    ratios: list[float]

    @property
    def held(self) -> bool:
        return statistics.median(self.ratios) <= self.bar.limit


def best(result: Result, names: Sequence[str]) -> str | None:
    """The fastest of those that took part."""
    there = [name for name in names if name in result.figures]
    return min(there, key=lambda name: statistics.median(result.figures[name]), default=None)


def reached(results: Sequence[Result]) -> list[Reached]:
    """Every bar in every column that has both sides."""
    found = []
    for bar in BARS:
        for result in results:
            words = f"{result.table}: {result.column}"
            if result.workload != bar.workload or not all(word in words for word in bar.where):
                continue
            ours, theirs = best(result, bar.ours), best(result, bar.theirs)
            if ours is not None and not bar.theirs:
                found.append(Reached(bar, result, ours, result.unit, result.figures[ours]))
            elif ours is not None and theirs is not None:
                each = ratios(result.figures, ours, theirs)
                found.append(Reached(bar, result, ours, theirs, each))
    return found
