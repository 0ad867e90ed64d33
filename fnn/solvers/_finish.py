"""The end of a walk: its best state, the reason why it stopped, and its history."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeAlias

from typing_extensions import TypeVar, override

from fnn._core import reprs
from fnn._core.numbers import describe
from fnn.solvers._bayesian import BayesianState
from fnn.solvers._conjugate_gradient import DescentState
from fnn.solvers._levenberg import LevenbergState
from fnn.train import History

AnyState: TypeAlias = LevenbergState[Any] | BayesianState[Any] | DescentState[Any]
S = TypeVar("S", bound=AnyState)
S_co = TypeVar("S_co", bound=AnyState, covariant=True, default=AnyState)


class Finished(NamedTuple, Generic[S_co]):
    """Result of `finish`: the best ``state``, why there was no other, and the ``history``.

    ``stop`` is that of the last state: None where the walk was cut off, as by ``islice``.
    """

    state: S_co
    stop: str | None
    history: History

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


def finish(states: Iterable[S]) -> Finished[S]:
    """Run a solver to its end, and give its best state and its history.

    `states` are those of `levenberg_marquardt`, `bayesian_regularization`,
    `scaled_conjugate_gradient` or `lbfgs`. The best is the one with the least validation loss, if
    there are validation data, and else the last. ``history.train`` has the losses from the start
    on, ``history.validation`` those on the validation data: `fnn.plot.plot_history` draws them.
    Raises `TypeError` for other things, and `ValueError` if there is no state.

    >>> import numpy as np
    >>> from fnn import Batch, init, key
    >>> from fnn.activations import identity, tanh
    >>> from fnn.solvers import levenberg_marquardt
    >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> train, held_out = Batch(x[::2], np.sin(3 * x[::2])), Batch(x[1::2], np.sin(3 * x[1::2]))
    >>> best, stop, history = finish(
    ...     levenberg_marquardt((tanh, identity), init(key(0), (1, 5, 1)), train,
    ...                         validation=held_out, max_steps=50))
    >>> best.validation == min(history.validation)
    True
    """
    one = isinstance(states, LevenbergState | BayesianState | DescentState)
    if one or not isinstance(states, Iterable):
        raise TypeError(
            f"states: expected the states of a solver, got {describe(states)};"
            " pass what levenberg_marquardt or another solver returns"
        )
    best: S | None = None
    stop, least, number = None, math.inf, -1
    train: list[float] = []
    validation: list[float] = []
    for state in states:
        if not isinstance(state, LevenbergState | BayesianState | DescentState):
            raise TypeError(
                f"states: expected states of a solver, got {describe(state)};"
                " pass what levenberg_marquardt or another solver returns"
            )
        stop = state.stop
        held = state.validation if isinstance(state, LevenbergState) else None
        if state.number != number:  # a state that says why no step was taken repeats the one before
            number = state.number
            train.append(state.loss)
            if held is not None:
                validation.append(held)
        if held is None or held < least:
            best, least = state, math.inf if held is None else held
    if best is None:
        raise ValueError("states: expected at least one state, got none; pass a fresh iterator")
    return Finished(best, stop, History(tuple(train), tuple(validation), ()))
