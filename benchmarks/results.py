"""What was measured, as values that a worker process prints and the report reads."""

from __future__ import annotations

from dataclasses import dataclass, field

OURS = ("fnn (NumPy)", "fnn (compiled)", "fnn (compiled, own pair)")
YARDSTICKS = ("sgemm", "NumPy", "fnn (NumPy), training alone", "fnn (NumPy), a gradient")


@dataclass(frozen=True)
class Result:
    """One column of one table: every contender's figures, turn by turn, in ``unit``.

    ``apart`` is how far its result was from that of fnn's NumPy path before it was timed, ``notes``
    what to know of it, and ``absent`` says why others were not measured.
    """

    workload: str
    table: str
    column: str
    unit: str
    figures: dict[str, list[float]]
    apart: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def peers(self) -> list[str]:
        return [name for name in self.figures if name not in (*OURS, *YARDSTICKS)]
