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
from fnn.base import Batch
from fnn.data import Minibatches, Samples
from fnn.train._divergence import DivergenceError, flaw, known_flaws
from fnn.train._folds import scan
from fnn.train._looked import looked_at
from fnn.train._plateau import has_plateau, observe
from fnn.train._progress import Ledger, attach

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


def epochs(
    update: Callable[[C, Batch], tuple[C, float]],
    state: C,
    passes: Iterable[Iterable[Batch]],
    engine: Engine | None = None,
) -> Iterator[Epoch[C]]:
    """Train for one pass after another, lazily: an `Epoch` for each, when it is asked for.

    `passes` gives the batches of every epoch: ``itertools.repeat(samples(data))``, or
    ``(first.shuffled(fold_in(key, epoch)) for epoch in itertools.count())`` where `first` is
    ``minibatches(key, 32, data)``. So `islice` limits, `takewhile` stops early and a progress bar
    wraps. `engine` folds a whole pass, as `fnn.compiled.scan` does; None folds it here, step by
    step. An optimizer with `reduce_on_plateau` in it is told the mean loss of every epoch.

    Raises `TypeError` for a pass that could be read only once (a generator would leave the second
    epoch empty), `ValueError` for an empty one, and `DivergenceError` where a loss, a gradient to
    clip, or after an epoch the params or an array of the optimizer's state are not finite (but an
    array that was not finite to begin with). Whatever exception leaves it, Ctrl-C and those of
    `update` and `passes` too, carries the best params by training loss, the last state and the
    history of the finished epochs: `progress_of` returns them.

    >>> from itertools import islice, repeat
    >>> halve = lambda state, batch: (state / 2, state)
    >>> passes = repeat([Batch(np.ones(1), np.ones(1))])
    >>> [epoch.loss for epoch in islice(epochs(halve, 8.0, passes), 3)]
    [8.0, 4.0, 2.0]
    """
    looked = looked_at(update, state, check_passes(passes), whole=engine is not None)
    walk = Walk(update, state, engine)
    ledger = Ledger(state)
    falls = has_plateau(state)
    least = math.inf
    try:
        for number, pass_ in enumerate(looked, 1):
            loss = walk.through(pass_, number)
            if falls:
                walk.state = observe(walk.state, loss)
            ledger.add(walk.state, (loss, None, None), better=loss < least)
            least = min(least, loss)
            yield Epoch(number, walk.state, loss)
    except BaseException as error:
        attach(error, ledger.fit())
        raise


class Walk(Generic[C]):
    """Training in progress: the state after the passes so far.

    `through` trains for one more. Between two passes the state may be replaced.
    """

    def __init__(
        self, update: Callable[[C, Batch], tuple[C, float]], state: C, engine: Engine | None
    ) -> None:
        self.update, self.state, self.engine = update, state, engine
        self.before = state  # the last state whose loss is known
        self.folded: tuple[C, Iterable[Batch]] | None = None  # an engine's epoch: start and pass
        self.known = known_flaws(state)

    def through(self, pass_: Iterable[Batch], number: int) -> float:
        """Train for the pass of epoch `number`, and return its mean loss."""
        if isinstance(check_passes(pass_), Iterator):
            raise TypeError(
                f"passes: expected passes that can be read again, got {describe(pass_)};"
                " pass samples(...), minibatches(...) or a list of batches"
            )
        found = None if self.engine is None else self._folded(self.engine, pass_)
        if found is None:  # step by step, which says where a number is not finite
            if self.folded is not None:
                self.before, _ = scan(self.update, self.folded[0], tuple(self.folded[1])[:-1])
                self.folded = None
            return self._stepped(pass_, number)
        self.folded = self.state, pass_
        self.state, loss = found
        return loss

    def _stepped(self, pass_: Iterable[Batch], number: int) -> float:
        """Train step by step."""
        before, state = self.before, self.state
        total, rows, step = 0.0, 0, 0
        with np.errstate(over="ignore", invalid="ignore"):  # DivergenceError says it better
            for step, batch in enumerate(pass_, 1):
                try:
                    after, loss = self.update(state, batch)
                except FloatingPointError as error:  # as clipping raises
                    raise self._divergence(number, step, math.nan, before) from error
                if not math.isfinite(loss):
                    raise self._divergence(number, step, loss, before)
                before, state = state, after
                n = _rows(batch)
                total += loss * n
                rows += n
        check_batches(rows, number)
        found = flaw(state, self.known)
        if found is not None:  # the last update's doing, which no loss has shown yet
            what = f"{found.named(state)} after the step"
            raise self._divergence(number, step, found.value, before, what)
        self.before, self.state = before, state
        return total / rows

    def _divergence(
        self, number: int, step: int, loss: float, before: C, what: str = "loss"
    ) -> DivergenceError:
        """The error with the last finite state: `before`, else that at the start of the epoch."""
        state = before if flaw(before, self.known) is None else self.state
        return DivergenceError(number, step, loss, state, what)

    def _folded(self, engine: Engine, pass_: Iterable[Batch]) -> tuple[C, float] | None:
        """The next state and the mean loss by an engine; None if a number was not finite."""
        after: C
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is looked at below
                after, losses = engine(self.update, self.state, pass_)
        except FloatingPointError:  # as clipping raises
            return None
        if not losses or not all(map(math.isfinite, losses)) or flaw(after, self.known):
            return None
        rows = batch_rows(pass_)
        return after, sum(map(operator.mul, losses, rows)) / sum(rows)


def check_passes(passes: Iterable[C]) -> Iterable[C]:
    """Refuse what cannot be iterated, and data in the place of passes over them."""
    if isinstance(passes, Batch | np.ndarray) or not isinstance(passes, Iterable):
        raise TypeError(
            f"passes: expected passes of batches, got {describe(passes)};"
            " repeat one pass by itertools.repeat(samples(data))"
        )
    return passes


def check_batches(rows: float, epoch: int) -> None:
    """Refuse a pass without batches, which has no rows."""
    if rows == 0:
        raise ValueError(f"passes: expected batches in every pass, got none in epoch {epoch}")


def batch_rows(pass_: Iterable[Batch]) -> list[int]:
    """The number of rows in each batch of a pass; no batch is made to know it."""
    if isinstance(pass_, Samples):
        return [1] * len(pass_)
    if isinstance(pass_, Minibatches):
        last = len(pass_.rows) - pass_.size * (len(pass_) - 1)
        return [pass_.size] * (len(pass_) - 1) + [last]
    return [_rows(batch) for batch in pass_]


def _rows(batch: Batch) -> int:
    """The number of rows of a batch, which is 1 for a sample on its own."""
    return len(batch.x) if np.ndim(batch.x) == 2 else 1
