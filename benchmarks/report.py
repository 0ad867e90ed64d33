"""The results as Markdown: what was promised, then a table for each workload."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.bars import Reached, best, reached
from benchmarks.results import OURS, Result
from benchmarks.timing import ratios

INTRODUCTION = """\
Made by `python -m benchmarks`. Contenders take turns (A B A B) in one process, held to as many
cores as threads are given. A figure is the median over the turns with their middle half in
brackets, smaller is better; a ratio is taken turn by turn. Before it is timed, each contender
starts from the same params, makes one call on the same data, and must reach what fnn's NumPy path
does.
"""


def report(results: Sequence[Result], machine: Sequence[str]) -> str:
    """The whole page."""
    parts = ["# Benchmarks", INTRODUCTION.rstrip(), "\n".join(f"- {line}" for line in machine)]
    held = reached(results)
    if held:
        parts += ["## Bars", table_of_bars(held)]
    for name in dict.fromkeys(result.table for result in results):
        columns = [result for result in results if result.table == name]
        parts += [f"## {name}", table(columns), *remarks(columns)]
    return "\n\n".join(parts) + "\n"


def table_of_bars(held: Iterable[Reached]) -> str:
    rows = [
        (
            f"{row.result.table}: {row.result.column}",
            f"{row.ours} / {row.theirs}",
            f"{row.bar.limit:g}",
            spread(row.ratios),
            "yes" if row.held else "**no**",
        )
        for row in held
    ]
    return grid(("workload", "ratio", "bar", "reached", "held"), rows)


def table(columns: Sequence[Result]) -> str:
    """Contenders down, columns across, and how fnn does against the best of its peers."""
    names = dict.fromkeys(name for result in columns for name in result.figures)
    if not names:
        return "No one took part."
    rows = [
        (name, *(spread(c.figures[name]) if name in c.figures else "" for c in columns))
        for name in names
    ]
    rows += [
        (f"*{engine} / best peer*", *(against_best(c, engine) for c in columns))
        for engine in OURS
        if engine in names and any(c.peers for c in columns)
    ]
    return grid((columns[0].unit, *(c.column for c in columns)), rows)


def against_best(column: Result, engine: str) -> str:
    peer = best(column, column.peers)
    if peer is None or engine not in column.figures:
        return ""
    return f"{spread(ratios(column.figures, engine, peer))} {peer}"


def remarks(columns: Sequence[Result]) -> Iterator[str]:
    """How well results agreed, what to know of a contender, and who is missing."""
    apart: dict[str, float] = {}
    notes: dict[str, str] = {}
    absent: dict[str, str] = {}
    for column in columns:
        for name, value in column.apart.items():
            apart[name] = max(value, apart.get(name, 0.0))
        notes |= column.notes
        absent |= column.absent
    agreed = [
        f"{name} {value:.1g}" + (f" ({notes[name]})" if name in notes else "")
        for name, value in apart.items()
        if name != OURS[0]
    ]
    if agreed:
        yield "Apart from fnn's NumPy path by at most: " + ", ".join(agreed) + "."
    if absent:
        yield "Not measured: " + "; ".join(f"{n}: {why}" for n, why in absent.items()) + "."


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(figures: Sequence[float]) -> str:
    """The median, and the middle half where there is more than one figure."""
    if len(figures) == 1:
        return shown(figures[0])
    low, middle, high = statistics.quantiles(figures, n=4)
    return f"{shown(middle)} [{shown(low)}, {shown(high)}]"


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
