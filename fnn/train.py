"""Training is a fold: a state and a batch give the next state and the loss.

``scan(update, state, pass_)`` trains for one pass over the data, `epochs` for one after another.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn.base import Acts, Array, Batch, F, F_co, Loss, Optimizer, Params, S, S_any
from fnn.checks import check_batch
from fnn.data import Samples, minibatches
from fnn.folds import scan
from fnn.network import forward, mean_loss
from fnn.random import Key, fold_in, split
from fnn.steps import State as State
from fnn.steps import TrainStep as TrainStep
from fnn.steps import start as start
from fnn.steps import train_step as train_step
from fnn.values import check_finite, describe

C = TypeVar("C")

Engine: TypeAlias = Callable[[Any, Any, Any], tuple[Any, tuple[float, ...]]]
"""`fnn.scan`, or a function with its signature: (update, state, pass) -> (state, losses)."""


class Epoch(NamedTuple, Generic[C]):
    """A finished pass: its ``number`` from 1, the state after it, its mean ``loss`` per sample.

    Each sample's loss is the one before the update that it took part in.
    """

    number: int
    state: C
    loss: float


class DivergenceError(ArithmeticError):
    """A loss that is not finite: ``epoch`` and ``step`` say where, both counted from 1.

    ``state`` is the last one whose loss was finite, or the first of all. Where the update itself
    raised `FloatingPointError`, as `clip_by_norm` does for a gradient that is not finite, that is
    the ``__cause__``, and ``loss`` is NaN.
    """

    def __init__(self, epoch: int, step: int, loss: float, state: Any) -> None:
        super().__init__(epoch, step, loss, state)
        self.epoch, self.step, self.loss, self.state = epoch, step, loss, state

    @override
    def __str__(self) -> str:
        found = f"loss: expected finite numbers, got {self.loss}"
        if self.__cause__ is not None:
            found = str(self.__cause__).partition(";")[0]
        return (
            f"{found} in epoch {self.epoch}, step {self.step};"
            " try a smaller rate, inputs scaled to about 1, or clip_by_norm"
        )


def epochs(
    update: Callable[[C, Batch], tuple[C, float]],
    state: C,
    passes: Iterable[Iterable[Batch]],
    engine: Engine = scan,
) -> Iterator[Epoch[C]]:
    """One `Epoch` after another, each trained only when it is asked for.

    `passes` gives the batches of every epoch: ``itertools.repeat(samples(data))``, or
    ``(minibatches(fold_in(key, epoch), 32, data) for epoch in itertools.count())``. So `islice`
    limits, `takewhile` stops early and a progress bar wraps. Raises `TypeError` for a pass that
    could be read only once (a generator would leave the second epoch empty), `ValueError` for
    an empty one, and `DivergenceError` for a loss, or a gradient to clip, that is not finite.
    `engine` folds a pass: a function as `fnn.scan`, above all `fnn.compiled.scan`.

    >>> from itertools import islice, repeat
    >>> halve = lambda state, batch: (state / 2, state)
    >>> passes = repeat([Batch(np.ones(1), np.ones(1))])
    >>> [epoch.loss for epoch in islice(epochs(halve, 8.0, passes), 3)]
    [8.0, 4.0, 2.0]
    """
    before = state
    ahead: tuple[C, Iterable[Batch]] | None = None
    for number, pass_ in enumerate(check_passes(passes), 1):
        if isinstance(check_passes(pass_), Iterator):
            raise TypeError(
                f"passes: expected passes that can be read again, got {describe(pass_)};"
                " pass samples(...), minibatches(...) or a list of batches"
            )
        if engine is not scan:
            folded = _folded(engine, update, state, pass_)
            if folded is not None:
                ahead, (state, mean) = (state, pass_), folded
                yield Epoch(number, state, mean)
                continue
            if ahead is not None:  # a second reading, step by step, says where it went wrong
                before, _ = scan(update, ahead[0], tuple(ahead[1])[:-1])
        total, masses = 0.0, 0.0
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
        if masses == 0:
            raise ValueError(f"passes: expected batches in every pass, got none in epoch {number}")
        yield Epoch(number, state, total / masses)


def check_passes(passes: Iterable[C]) -> Iterable[C]:
    """Something to iterate, but not data itself."""
    if isinstance(passes, Batch | np.ndarray) or not isinstance(passes, Iterable):
        raise TypeError(
            f"passes: expected passes of batches, got {describe(passes)};"
            " repeat one pass by itertools.repeat(samples(data))"
        )
    return passes


def _folded(
    engine: Engine, update: Any, state: C, pass_: Iterable[Batch]
) -> tuple[C, float] | None:
    """The next state and the mean loss, or None where a loss or a gradient is not finite."""
    try:
        after, losses = engine(update, state, pass_)
    except FloatingPointError:  # as clipping raises
        return None
    if not losses or not all(map(math.isfinite, losses)):
        return None
    if isinstance(pass_, Samples):
        return after, sum(losses) / len(losses)
    masses = [_mass(batch) for batch in pass_]
    return after, sum(map(operator.mul, losses, masses)) / sum(masses)


def _mass(batch: Batch) -> float:
    """What the batch's mean loss counts for in the mean of an epoch."""
    if batch.weight is not None:
        return float(np.sum(batch.weight))
    return float(len(batch.x)) if np.ndim(batch.x) == 2 else 1.0


class History(NamedTuple):
    """A figure per finished epoch; a tuple is empty where nothing was asked for."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    metric: tuple[float, ...]


class Fit(NamedTuple, Generic[F_co, S_any]):
    """What `fit` returns: the best ``params``, the last ``state`` and the ``history``."""

    params: Params[F_co]
    state: State[F_co, S_any]
    history: History


def fit(
    acts: Acts,
    loss: Loss,
    optimizer: Optimizer[S],
    params: Params[F],
    train: Batch,
    *,
    key: Key,
    batch_size: int,
    max_epochs: int,
    validation: Batch | None = None,
    patience: int | None = None,
    metric: Callable[[NDArray[F], Array], float] | None = None,
    on_epoch: Callable[[Epoch[State[F, S]], History], object] | None = None,
    training_acts: Callable[[Key], Acts] | None = None,
    engine: Engine = scan,
) -> Fit[F, S]:
    """Train on minibatches in a new order every epoch, and keep the best params.

    With `validation`, the best params are those with the least loss on it, and `metric`, a
    function ``(output, target) -> float``, is recorded on it too; without, they are the last.
    `patience` stops after that many epochs in a row without a lower validation (else training)
    loss. `on_epoch` is called with every finished epoch and the history so far, to print or save;
    Ctrl-C loses nothing that it saw. `training_acts` makes the pairs of each training step from
    the step's key, as for `fnn.dropout`; `engine` is as for `epochs`. Raises `DivergenceError`
    where a loss is not finite, and `ValueError` for data with NaN or infinity, naming row and
    column.

    >>> from fnn import init, key, one_hot
    >>> from fnn.activations import identity, tanh
    >>> from fnn.losses import softmax_cross_entropy
    >>> from fnn.optimizers import sgd
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> xor = Batch(x, one_hot([0, 1, 1, 0], 2))
    >>> params = init(key(0), (2, 8, 2))
    >>> done = fit((tanh, identity), softmax_cross_entropy, sgd(0.5), params, xor,
    ...            key=key(1), batch_size=4, max_epochs=300)
    >>> done.history.train[-1] < 0.05
    True
    """
    for name, data in (("train", train), ("validation", validation)):
        if data is not None:
            check_batch(data, name)
            check_finite(f"{name}.x", data.x)
    order, noise = split(key)
    step_keys = map(partial(fold_in, noise), count())
    plain = train_step(acts, loss, optimizer)

    def update(state: State[F, S], batch: Batch) -> tuple[State[F, S], float]:
        acts_now = acts if training_acts is None else training_acts(next(step_keys))
        return replace(plain, acts=acts_now)(state, batch)

    state = start(optimizer, params)
    best, least, waited = state.params, math.inf, 0
    losses: list[float] = []
    held_out: list[float] = []
    figures: list[float] = []
    passes = (minibatches(fold_in(order, i), batch_size, train) for i in range(max_epochs))
    for epoch in epochs(plain if training_acts is None else update, state, passes, engine):
        state = epoch.state
        losses.append(epoch.loss)
        if validation is not None:
            held_out.append(mean_loss(acts, loss, state.params, validation))
            if metric is not None:
                figures.append(metric(forward(acts, state.params, validation.x), validation.y))
        watched = (held_out or losses)[-1]
        waited = 0 if watched < least else waited + 1
        if validation is None or watched < least:
            best = state.params
        least = min(least, watched)
        if on_epoch is not None:
            on_epoch(epoch, History(tuple(losses), tuple(held_out), tuple(figures)))
        if patience is not None and waited >= patience:
            break
    return Fit(best, state, History(tuple(losses), tuple(held_out), tuple(figures)))
