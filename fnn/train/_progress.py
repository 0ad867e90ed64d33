"""Progress of training, epoch by epoch, and how an exception carries it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple

from typing_extensions import override

from fnn._core import reprs
from fnn.base import F_co, Params, S_any, State


class History(NamedTuple):
    """A figure per finished epoch; a tuple is empty where nothing was asked for."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    metric: tuple[float, ...]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Fit(NamedTuple, Generic[F_co, S_any]):
    """The result of training, finished or interrupted: `fit` returns one and goes on from one.

    ``params`` are the ones to use, ``state`` is the last, ``history`` has a figure per epoch.
    ``best`` are the params after the epoch with the best figure that was watched: the validation
    loss, else the training loss, or the metric where `fit` was told a ``metric_mode``; the start
    params before the first epoch. They are ``params`` too, except after a `fit` without validation
    data that ended by itself, whose ``params`` are the last. It is a tree of arrays and numbers,
    which `fnn.save` writes.
    """

    params: Params[F_co]
    state: State[F_co, S_any]
    history: History
    best: Params[F_co]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Watch(NamedTuple):
    """Patience as a value: the ``least`` figure so far, and how long nothing improved enough.

    ``reference`` is the last figure that counted as an improvement, ``waited`` the epochs since.
    """

    least: float = math.inf
    reference: float = math.inf
    waited: int = 0

    def seen(self, figure: float, min_delta: float) -> Watch:
        """The watch after one more figure, of which smaller is better."""
        enough = figure < self.reference - min_delta
        return Watch(
            min(self.least, figure),
            figure if enough else self.reference,
            0 if enough else self.waited + 1,
        )


class Ledger:
    """The last state, the best params and the figures of the epochs so far.

    Ctrl-C may come between any two instructions, so one assignment makes an epoch part of it.
    """

    def __init__(self, state: Any, history: History | None = None, best: Any = None) -> None:
        self.columns: tuple[list[float], ...] = tuple(map(list, history or ((), (), ())))
        self.now = state, params_of(state) if best is None else best, len(self.columns[0])

    def add(self, state: Any, figures: Sequence[float | None], *, better: bool) -> None:
        """Enter an epoch: the state after it, and its figure for each column of the history."""
        _, best, epochs = self.now
        for column, figure in zip(self.columns, figures, strict=True):
            if figure is not None:
                column.append(figure)
        self.now = state, params_of(state) if better else best, epochs + 1

    def history(self) -> History:
        """The figures of the epochs that were entered."""
        n = self.now[2]
        return History(*(tuple(column[:n]) for column in self.columns))

    def fit(self) -> Fit[Any, Any]:
        """All of it as a value, with the best params."""
        state, best, _ = self.now
        return Fit(best, state, self.history(), best)


def params_of(state: Any) -> Any:
    """The params of a `State`; of another carry, which `epochs` may have, all of it."""
    return state.params if isinstance(state, State) else state


def attach(error: BaseException, done: Fit[Any, Any]) -> None:
    """Give an exception the attribute ``progress``; a type checker knows of none on most."""
    vars(error)["progress"] = done


def attach_each(error: BaseException, done: tuple[Fit[Any, Any], ...]) -> None:
    """Give an exception the attribute ``progress_of_each``."""
    vars(error)["progress_of_each"] = done


def progress_of(error: BaseException) -> Fit[Any, Any] | None:
    """Return what was learned before `error` ended training: its attribute ``progress``.

    `fit`, `epochs` and `fnn.compiled.train` give it to whatever leaves them: `DivergenceError`,
    `KeyboardInterrupt`, an error of your own function. It is a `Fit` with the best params, the
    last state and the history as of the last epoch that was finished and measured; `fit` goes on
    from it. None for an exception that came from elsewhere, or from before the training.

    >>> from fnn import Batch, fit, init, key
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> data = Batch([[1.0], [2.0]], [[1.0], [2.0]])
    >>> def impatient(epoch, history):
    ...     if epoch.number == 3:
    ...         raise KeyboardInterrupt
    >>> try:
    ...     fit((identity,), squared_error, sgd(0.1), init(key(0), (1, 1)), data, key=key(1),
    ...         batch_size=2, max_epochs=9, on_epoch=impatient)
    ... except KeyboardInterrupt as error:
    ...     done = progress_of(error)
    >>> len(done.history.train)
    3
    """
    done = vars(error).get("progress")
    return done if isinstance(done, Fit) else None


def progress_of_each(error: BaseException) -> tuple[Fit[Any, Any], ...]:
    """Return what each network had learned before `error` ended `fnn.compiled.train_many`.

    A `Fit` for each of its states, in their order: the attribute ``progress_of_each``. For other
    exceptions it is the one of `progress_of`, or empty.
    """
    each: tuple[Fit[Any, Any], ...] | None = vars(error).get("progress_of_each")
    if each is not None:
        return each
    done = progress_of(error)
    return () if done is None else (done,)
