"""Many small networks at once, each trained as if it were alone, on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn.base import Acts, F, F_co, Params, S, S_any
from fnn.compiled.epochs import Pass, Trained, pieces, trained
from fnn.compiled.latency import forward
from fnn.compiled.session import Session
from fnn.data import Minibatches, Samples
from fnn.random import Key, split
from fnn.steps import State, TrainStep
from fnn.tree import frozen

T = TypeVar("T")


class Many(NamedTuple, Generic[F_co, S_any]):
    """What `train_many` returns: the last ``states``, and ``losses`` (networks, epochs)."""

    states: tuple[State[F_co, S_any], ...]
    losses: NDArray[np.float64]


class Prediction(NamedTuple, Generic[F_co]):
    """Over many networks, the ``mean`` of their outputs and its ``spread``, the deviation."""

    mean: NDArray[F_co]
    spread: NDArray[F_co]


def ensemble(key: Key, n: int, init_fn: Callable[[Key], T]) -> tuple[T, ...]:
    """What `init_fn` makes of each of n keys split from `key`: params, or states.

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

    One `update` is for all networks, or there is one for each, as with other rates; so are one
    sequence of passes, or one for each network, as over samples drawn with replacement. The results
    are to the bit those of `train`, whatever the threads. Raises what `train` raises; an error of
    one network says in a note which it is.

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
    updates = [update] * n if isinstance(update, TrainStep) else list(update)
    common = [pass_ for pass_ in passes if isinstance(pass_, Samples | Minibatches)]
    own = [rest for rest in passes if not isinstance(rest, Samples | Minibatches)]
    for name, length in (("update", len(updates)), ("passes", len(own) or n)):
        if length != n or n == 0:
            raise ValueError(
                f"{name}: expected one for all, or one for each of {n} states, got {length}"
            )
    first = Session(updates[0], states[0])
    shared = [] if own else list(pieces(first, common))
    stop = threading.Event()

    def one(i: int) -> Trained[F, S]:
        try:
            session = Session(updates[i], states[i])
            if not own and session.layout != first.layout:
                raise ValueError(
                    f"states: expected sizes {first.layout.sizes} like states[0],"
                    f" got {session.layout.sizes}"
                )
            parts = pieces(session, own[i]) if own else shared
            return trained(updates[i], session, takewhile(lambda _: not stop.is_set(), parts))
        except Exception as error:
            error.add_note(f"in states[{i}]")
            raise

    with ThreadPoolExecutor(threads or cores()) as pool:
        try:
            done = list(pool.map(one, range(n)))
        except BaseException:
            stop.set()  # threads that are at work still finish their piece
            raise
    losses = np.array([one.losses for one in done])
    return Many(tuple(one.state for one in done), frozen(losses))


def predict(acts: Acts, many: Sequence[Params[F]], x: ArrayLike) -> Prediction[F]:
    """The mean and the spread (standard deviation) of many networks' outputs for `x`.

    >>> from fnn.activations import identity
    >>> from fnn.base import Layer
    >>> many = [(Layer(np.array([[w]]), np.zeros(1)),) for w in (1.0, 3.0)]
    >>> predict((identity,), many, [2.0])
    Prediction(mean=array([4.]), spread=array([2.]))
    """
    outputs = np.stack([forward(acts, params, x) for params in many])
    return Prediction(frozen(outputs.mean(axis=0)), frozen(outputs.std(axis=0)))


def cores() -> int:
    """How many this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
