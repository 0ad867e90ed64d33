"""Many small networks at once, on all cores, each trained as if it were alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.numbers import describe, whole
from fnn._core.targets import check_targets
from fnn.base import Acts, Batch, F, F_co, Params, S, S_any, State
from fnn.compiled._plan.checks import check_update
from fnn.compiled._plan.pieces import Floats, Pass
from fnn.compiled._runtime.evaluate import forward
from fnn.compiled._runtime.session import Session
from fnn.compiled._runtime.train import Run, Trace, fit_of, pieces_for
from fnn.data import Minibatches, Samples
from fnn.random import Key, split
from fnn.train import Fit, History, TrainStep
from fnn.train._progress import attach_each

T = TypeVar("T")


class Many(NamedTuple, Generic[F_co, S_any]):
    """The result of `train_many`: the last ``states``, and ``losses`` (networks, epochs)."""

    states: tuple[State[F_co, S_any], ...]
    losses: NDArray[np.float64]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Prediction(NamedTuple, Generic[F_co]):
    """The ``mean`` of many networks' outputs and their ``spread``, the standard deviation."""

    mean: NDArray[F_co]
    spread: NDArray[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def ensemble(key: Key, n: int, init_fn: Callable[[Key], T]) -> tuple[T, ...]:
    """Call `init_fn` with each of n keys split from `key`, to make n params or states.

    >>> from fnn import init, key
    >>> len(ensemble(key(0), 5, lambda k: init(k, (8, 3, 8))))
    5
    """
    return tuple(map(init_fn, split(key, n)))


def train_many(
    update: TrainStep[S] | Sequence[TrainStep[S]],
    states: Sequence[State[F, S]],
    passes: Sequence[Pass] | Sequence[Sequence[Pass]],
    *,
    threads: int | None = None,
) -> Many[F, S]:
    """Train each of `states` for all passes, on as many threads as there are cores.

    `update` is one for all networks, or a sequence of one for each, with other rates perhaps.
    `passes` is one sequence for all, or a sequence of one for each, all of the same length, as over
    samples drawn with replacement. The results are to the bit those of `train`, whatever the
    `threads`. Raises `ValueError` for numbers that do not match and `TypeError` for anything but
    sequences of passes, before any training; and what `train` raises, with a note that names the
    network. Whatever exception ends it, `fnn.train.progress_of_each` returns what each network had
    learned by then.

    >>> from fnn import Batch, init, key, samples, start, train_step
    >>> from fnn.activations import tanh
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> update = train_step((tanh, tanh), squared_error, sgd(0.1))
    >>> new = lambda k: start(update.optimizer, init(k, (2, 3, 1)))
    >>> data = Batch(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0], [0.0]]))
    >>> states, losses = train_many(update, ensemble(key(0), 5, new), [samples(data)] * 100)
    >>> len(states), losses.shape
    (5, (5, 100))
    """
    n = len(states)
    if n == 0:
        raise ValueError("states: expected at least one, got none; ensemble(key, n, ...) makes n")
    workers = cores() if threads is None else whole("threads", threads, 1)
    if not isinstance(update, Sequence):
        check_update(update)
    updates = list(update) if isinstance(update, Sequence) else [update] * n
    common, own = distributed(passes)
    for name, length in (("update", len(updates)), ("passes", len(own) or n)):
        if length != n:
            raise ValueError(
                f"{name}: expected one for all, or one for each of {n} states, got {length}"
            )
    first = Session(updates[0], states[0])
    shared = [] if own else list(pieces_for(first, common))
    for other, state in zip(updates, states, strict=True):
        if (other.acts, other.loss) != (first.update.acts, first.update.loss):
            for piece in shared:
                check_targets(other.acts, other.loss, state.params, piece.passes[0].data)
    stop = threading.Event()
    runs: list[Run[F, S] | Ended[F, S] | None] = [None] * n

    def one(i: int) -> tuple[State[F, S], Floats]:
        try:
            run = Run(updates[i], states[i])
            session = run.session
            session.stopped = stop.is_set
            runs[i] = run
            alike = (session.layout, session.dtype) == (first.layout, first.dtype)
            if not own and not alike:
                raise ValueError(
                    f"states: expected {kind(first)} like states[0], got {kind(session)};"
                    " others take a sequence of passes of their own"
                )
            after, losses = run.through(pieces_for(session, own[i]) if own else shared)
            runs[i] = Ended(updates[i], states[i], after, losses, run.stage.best)
            return after, losses
        except Exception as error:
            error.add_note(f"in states[{i}]")
            raise

    try:
        with ThreadPoolExecutor(workers) as pool:
            try:
                done = list(pool.map(one, range(n)))
            except BaseException:
                stop.set()  # threads end within a tenth of a second
                raise
    except BaseException as error:
        attach_each(error, tuple(map(progress, runs, states)))
        raise
    after, losses = zip(*done, strict=True)
    return Many(after, frozen(np.stack(losses)))


class Ended(NamedTuple, Generic[F, S]):
    """A run that has ended, without the memory of its session."""

    update: TrainStep[S]
    begin: State[F, S]
    state: State[F, S]
    losses: Floats
    best: tuple[Trace, int] | None

    def fit(self) -> Fit[F, S]:
        """Make a `Fit` of the progress, by a new session."""
        return fit_of(Session(self.update, self.begin), self.state, self.losses, self.best)


def progress(run: Run[F, S] | Ended[F, S] | None, state: State[F, S]) -> Fit[F, S]:
    """Make a `Fit` of a network's progress; `state` is the one that it began with."""
    if run is None:
        return Fit(state.params, state, History((), (), ()), state.params)
    return run.fit()


def kind(session: Session[F, S]) -> str:
    """The sizes and the dtype of a network, in words."""
    return f"sizes {session.layout.sizes} of {session.dtype}"


def distributed(
    passes: Sequence[Pass] | Sequence[Sequence[Pass]],
) -> tuple[list[Pass], list[Sequence[Pass]]]:
    """The passes for all networks, or the sequences of each; the other list is empty."""
    check_sequence("passes", passes)
    common = [pass_ for pass_ in passes if isinstance(pass_, Samples | Minibatches)]
    own = [rest for rest in passes if not isinstance(rest, Samples | Minibatches)]
    if own:
        lengths = [check_sequence(f"passes[{i}]", rest) for i, rest in enumerate(passes)]
        if min(lengths) != max(lengths):
            raise ValueError(
                f"passes: expected equally many for each network, got from {min(lengths)} to"
                f" {max(lengths)}; train those of another number by a call of their own"
            )
    return common, own


def check_sequence(name: str, passes: object) -> int:
    """The number of passes in a sequence; `TypeError` for one pass, its data, or an iterator."""
    if isinstance(passes, Samples | Minibatches | Batch) or not isinstance(passes, Sequence):
        raise TypeError(
            f"{name}: expected a sequence of passes, got {describe(passes)};"
            " [pass_] * n repeats one, list(passes) reads an iterator"
        )
    return len(passes)


def predict(acts: Acts, many: Sequence[Params[F]], x: ArrayLike) -> Prediction[F]:
    """Compute the mean and the spread (standard deviation) of many networks' outputs for `x`.

    Raises what `forward` raises, and `ValueError` for no networks or unequal numbers of outputs.

    >>> from fnn.activations import identity
    >>> from fnn.base import Layer
    >>> many = [(Layer(np.array([[w]]), np.zeros(1)),) for w in (1.0, 3.0)]
    >>> predict((identity,), many, [2.0])
    Prediction(mean=array([4.]), spread=array([2.]))
    """
    each = [forward(acts, params, x) for params in many]
    if not each:
        raise ValueError("many: expected the params of at least one network, got none")
    for i, output in enumerate(each):
        if output.shape != each[0].shape:
            raise ValueError(
                f"many[{i}]: expected outputs {each[0].shape} like those of many[0], got"
                f" {output.shape}; networks that answer one question have as many outputs"
            )
    outputs = np.stack(each)
    return Prediction(frozen(outputs.mean(axis=0)), frozen(outputs.std(axis=0)))


def cores() -> int:
    """The number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
