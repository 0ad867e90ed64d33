"""A guard for loops of one's own: a loss that is not finite ends them with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from typing_extensions import override

from fnn.base import Batch, F, S_any, State
from fnn.train._divergence import flaw
from fnn.train._step import TrainStep

C = TypeVar("C")
U = TypeVar("U", bound=Callable[[Any, Batch], tuple[Any, float]])


@dataclass(frozen=True)
class Guarded(Generic[C]):
    """A function of one's own that `guard` was given."""

    update: Callable[[C, Batch], tuple[C, float]]

    def __call__(self, state: C, batch: Batch) -> tuple[C, float]:
        """One update; `FloatingPointError` for a loss that is not finite."""
        after, loss = self.update(state, batch)
        if not math.isfinite(loss):
            raise not_finite(loss, state, batch)
        return after, loss


@dataclass(frozen=True)
class GuardedStep(TrainStep[S_any]):
    """A `TrainStep` that `guard` was given."""

    @override
    def __call__(self, state: State[F, S_any], batch: Batch) -> tuple[State[F, S_any], float]:
        """One update; `FloatingPointError` for a loss that is not finite."""
        after, loss = super().__call__(state, batch)
        if not math.isfinite(loss):
            raise not_finite(loss, state, batch)
        return after, loss


def guard(update: U) -> U:
    """Make an update that raises `FloatingPointError` where its loss is NaN or infinite.

    A fold goes on with params of NaN otherwise: `fnn.scan` and your own loops know nothing of
    numbers. `fit`, `epochs` and `fnn.compiled.train` look by themselves. The error names the step,
    as the optimizer counts them, and the first number that is not finite: in the batch, by row and
    column, or in the state. `fnn.compiled.scan` takes a guarded `fnn.train_step`, and raises the
    same.

    The loss is that before the update, so that an update which overflows shows at the next step.
    The price is a call and a comparison, 0.2 microseconds a step.

    >>> from fnn import init, key, samples, scan, start, train_step
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> update = guard(train_step((identity,), squared_error, sgd(0.1)))
    >>> state = start(sgd(0.1), init(key(0), (2, 1)))
    >>> scan(update, state, samples(Batch(np.eye(2), np.array([[1.0], [np.nan]]))))
    Traceback (most recent call last):
    FloatingPointError: loss: expected a finite number, got nan in step 2; batch.y has nan in \
column 0: fill it in, or leave out the row
    """
    guarded: Any = Guarded(update)
    if isinstance(update, TrainStep):
        guarded = GuardedStep(update.acts, update.loss, update.optimizer)
    checked: U = guarded
    return checked


def not_finite(loss: float, state: Any, batch: Batch) -> FloatingPointError:
    """The error for the loss of a step from `state`, with the likely reason."""
    steps = _steps(state)
    where = "" if steps is None else f" in step {steps + 1}"
    return FloatingPointError(
        f"loss: expected a finite number, got {loss}{where}; {_reason(state, batch)}"
    )


def _reason(state: Any, batch: Batch) -> str:
    for name, values in zip(batch._fields, batch, strict=True):
        array = np.asarray(values)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            *row, column = np.argwhere(~np.isfinite(array))[0].tolist()
            where = f"row {row[0]}, column {column}" if row else f"column {column}"
            found = f"batch.{name} has {array[(*row, column)]} in {where}"
            return f"{found}: fill it in, or leave out the row"
    spoilt = flaw(state)
    if spoilt is not None:
        has = f"{spoilt.named(state)} has {spoilt.value}"
        return f"{has}: go back to an earlier state, with a smaller rate"
    return "try a smaller rate, inputs scaled to about 1, or clip_by_norm"


def _steps(node: Any) -> int | None:
    """The steps that an optimizer's state has counted, if there is one in a tree."""
    if not isinstance(node, tuple):
        return None
    steps = getattr(node, "steps", None)
    if isinstance(steps, int):
        return steps
    return next((n for n in map(_steps, node) if n is not None), None)
