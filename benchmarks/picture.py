"""The results as a picture: one panel for each column, a dot for each contender, log scale."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import shown
from benchmarks.results import OURS, YARDSTICKS, Result

PANELS = (
    ("8-3-8", "online"),
    ("64-32-10", "online"),
    ("784-64-10", "online"),
    ("784-128-10, 128 rows", "float32, Adam, 1 thread"),
    ("784-512-512-10, 128 rows", "float32, Adam, 1 thread"),
    ("one row", "inference"),
)


def panels(results: Sequence[Result]) -> list[Result]:
    """Those of `PANELS` that were measured."""
    return [
        result
        for column, words in PANELS
        for result in results
        if result.column == column and (words == result.workload or result.table.endswith(words))
    ]


def draw(results: Sequence[Result], machine: str, path: Path) -> bool:
    """Whether there was something to draw, and matplotlib to draw it."""
    shown_here = panels(results)
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import NullFormatter
    except ImportError:
        return False
    if not shown_here:
        return False
    across = min(3, len(shown_here))
    down = -(-len(shown_here) // across)
    figure = Figure(figsize=(4.2 * across, 2.7 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(shown_here) :]:
        axis.set_axis_off()
    for axis, result in zip(axes, shown_here, strict=False):
        names = [name for name in result.figures if name not in YARDSTICKS]
        middles = {name: statistics.median(result.figures[name]) for name in names}
        names.sort(key=lambda name: -middles[name])
        axis.hlines(names, 0, 1, transform=axis.get_yaxis_transform(), color="0.9", zorder=0)
        colors = ["tab:blue" if name in OURS else "0.5" for name in names]
        axis.scatter([middles[name] for name in names], names, c=colors)
        for name in names:
            spot = middles[name], name
            axis.annotate(shown(middles[name]), spot, (7, -3), textcoords="offset points", size=7)
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.margins(x=0.15)
        axis.tick_params(labelsize=7)
        title = result.table.removesuffix(", 1 thread")
        axis.set_title(f"{result.column}, {result.unit}\n{title}", fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Time for one update or call, log scale, on {machine}", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    return True
