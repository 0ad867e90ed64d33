"""A contender does a task its own way; before it is timed, its result is compared with fnn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from benchmarks.tasks import Derivative, Inference, Training
from fnn import Array

Task: TypeAlias = Training | Inference | Derivative


class Contender(NamedTuple):
    """``call`` is what is timed; ``read`` tells, after the first call, what was computed.

    That is compared with what fnn's NumPy path computes for the task ``like``, if it is not the
    task itself, within ``tolerance``, if it is not the task's own; ``note`` says why. One update
    takes ``calls`` calls, if not as many as the task says.
    """

    call: Callable[[], object]
    read: Callable[[], Array] | None
    like: Task | None = None
    tolerance: float | None = None
    note: str = ""
    calls: float | None = None


Maker: TypeAlias = Callable[[Any], Contender]


class UnfitError(Exception):
    """The library cannot do the task, or not so that a comparison would be fair: the reason."""


def verify(task: Task, contender: Contender, reference: Maker) -> float | None:
    """Run the contender once, and tell how far it is from what fnn computes, as a share of that.

    None where there is nothing to compare. Raises `AssertionError` beyond the tolerance.
    """
    contender.call()
    if contender.read is None:
        return None
    expected = reference(contender.like or task)
    expected.call()
    assert expected.read is not None
    way = expected.read()
    apart = float(np.linalg.norm(contender.read() - way) / np.linalg.norm(way))
    tolerance = contender.tolerance or task.tolerance
    assert apart <= tolerance, f"results are {apart:.1e} apart, more than {tolerance:.0e}"
    return apart
