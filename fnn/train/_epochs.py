"""Epochs: one pass over the data after another, as a lazy sequence that any loop can read."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from typing_extensions import override

from fnn._core import reprs
from fnn._core.numbers import describe
from fnn.base import Batch, State
from fnn.data import Samples
from fnn.train._folds import scan
from fnn.train._looked import looked_at

C = TypeVar("C")

Engine: TypeAlias = Callable[[Any, Any, Any], tuple[Any, tuple[float, ...]]]
"""A function with the signature of `fnn.scan`: (update, state, pass) -> (state, losses)."""


class Epoch(NamedTuple, Generic[C]):
    """A finished pass: its ``number`` from 1, the ``state`` after it, its mean ``loss`` per sample.

    Each sample's loss is the one before the update that it took part in.
    """

    number: int
    state: C
    loss: float

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class DivergenceError(ArithmeticError):
    """Training met a number that is not finite: in ``epoch`` and ``step``, both counted from 1.

    ``what`` names the number, ``loss`` is the loss of that step, and ``state`` the last state whose
    loss was finite, or the first of all. Where the update itself raised `FloatingPointError`, as
    `clip_by_norm` does for a gradient that is not finite, that is the ``__cause__``, and ``loss``
    is NaN.
    """

    def __init__(self, epoch: int, step: int, loss: float, state: Any, what: str = "loss") -> None:
        super().__init__(epoch, step, loss, state, what)
        self.epoch, self.step, self.loss, self.state, self.what = epoch, step, loss, state, what

    @override
    def __str__(self) -> str:
        found = f"{self.what}: expected finite numbers, got {self.loss}"
        if self.__cause__ is not None:
            found = str(self.__cause__).partition(";")[0]
        return (
            f"{found} in epoch {self.epoch}, step {self.step};"
            " try a smaller rate, inputs scaled to about 1, or clip_by_norm;"
            " targets that are missing need fnn.losses.masked_loss"
        )


def epochs(
    update: Callable[[C, Batch], tuple[C, float]],
    state: C,
    passes: Iterable[Iterable[Batch]],
    engine: Engine | None = None,
) -> Iterator[Epoch[C]]:
    """Train for one pass after another, lazily: an `Epoch` for each, when it is asked for.

    `passes` gives the batches of every epoch: ``itertools.repeat(samples(data))``, or
    ``(minibatches(fold_in(key, epoch), 32, data) for epoch in itertools.count())``. So `islice`
    limits, `takewhile` stops early and a progress bar wraps. `engine` folds a whole pass, as
    `fnn.compiled.scan` does; None folds it here, step by step. Raises `TypeError` for a pass that
    could be read only once (a generator would leave the second epoch empty), `ValueError` for
    an empty one, and `DivergenceError` where a loss, a gradient to clip, or the params after an
    epoch are not finite.

    >>> from itertools import islice, repeat
    >>> halve = lambda state, batch: (state / 2, state)
    >>> passes = repeat([Batch(np.ones(1), np.ones(1))])
    >>> [epoch.loss for epoch in islice(epochs(halve, 8.0, passes), 3)]
    [8.0, 4.0, 2.0]
    """
    looked = looked_at(update, state, check_passes(passes), whole=engine is not None)
    return trained_on(update, state, looked, engine)


def trained_on(
    update: Callable[[C, Batch], tuple[C, float]],
    state: C,
    passes: Iterable[Iterable[Batch]],
    engine: Engine | None,
) -> Iterator[Epoch[C]]:
    """Train as `epochs` does, on data whose targets were looked at."""
    before = state  # the last state whose loss is known
    folded: tuple[C, Iterable[Batch]] | None = None  # an epoch of the engine: its start and pass
    for number, pass_ in enumerate(passes, 1):
        if isinstance(check_passes(pass_), Iterator):
            raise TypeError(
                f"passes: expected passes that can be read again, got {describe(pass_)};"
                " pass samples(...), minibatches(...) or a list of batches"
            )
        found = None if engine is None else _folded(engine, update, state, pass_)
        if found is None:  # step by step, which says where a number is not finite
            if folded is not None:
                before, _ = scan(update, folded[0], tuple(folded[1])[:-1])
                folded = None
            before, state, loss = _stepped(update, before, state, pass_, number)
        else:
            folded = state, pass_
            state, loss = found
        yield Epoch(number, state, loss)


def check_passes(passes: Iterable[C]) -> Iterable[C]:
    """Refuse what cannot be iterated, and data in the place of passes over them."""
    if isinstance(passes, Batch | np.ndarray) or not isinstance(passes, Iterable):
        raise TypeError(
            f"passes: expected passes of batches, got {describe(passes)};"
            " repeat one pass by itertools.repeat(samples(data))"
        )
    return passes


def check_batches(mass: float, epoch: int) -> None:
    """Refuse a pass without batches, whose samples have no mass."""
    if mass == 0:
        raise ValueError(f"passes: expected batches in every pass, got none in epoch {epoch}")


def _stepped(
    update: Callable[[C, Batch], tuple[C, float]],
    before: C,
    state: C,
    pass_: Iterable[Batch],
    number: int,
) -> tuple[C, C, float]:
    """The states before and after the last step of a pass, and the mean loss."""
    total, masses, step = 0.0, 0.0, 0
    with np.errstate(over="ignore", invalid="ignore"):  # DivergenceError says it better
        for step, batch in enumerate(pass_, 1):
            try:
                after, loss = update(state, batch)
            except FloatingPointError as error:  # as clipping raises
                raise DivergenceError(number, step, math.nan, before) from error
            if not math.isfinite(loss):
                raise DivergenceError(number, step, loss, before)
            before, state = state, after
            mass = _mass(batch)
            total += loss * mass
            masses += mass
    check_batches(masses, number)
    if not _finite(state):  # the last update's doing, which no loss has shown yet
        raise DivergenceError(number, step, math.nan, before, "params after the step")
    return before, state, total / masses


def _folded(
    engine: Engine, update: Any, state: C, pass_: Iterable[Batch]
) -> tuple[C, float] | None:
    """The next state and the mean loss by an engine; None if a number was not finite."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is looked at below
            after, losses = engine(update, state, pass_)
    except FloatingPointError:  # as clipping raises
        return None
    if not losses or not all(map(math.isfinite, losses)) or not _finite(after):
        return None
    if isinstance(pass_, Samples):
        return after, sum(losses) / len(losses)
    masses = [_mass(batch) for batch in pass_]
    return after, sum(map(operator.mul, losses, masses)) / sum(masses)


def _finite(state: Any) -> bool:
    """Whether the params of a `State` are finite; of other states nothing is known."""
    return not isinstance(state, State) or all(
        np.isfinite(array).all() for layer in state.params for array in layer
    )


def _mass(batch: Batch) -> float:
    """The number of rows of a batch: what its mean loss counts in that of an epoch."""
    return float(len(batch.x)) if np.ndim(batch.x) == 2 else 1.0
