"""Training is a fold: a state and a batch give the next state and the loss.

``scan(update, state, pass_)`` trains for one pass over the data, `epochs` for one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from fnn import tree
from fnn.base import Acts, Batch, F, F_co, Loss, Optimizer, Params, S, S_any
from fnn.checks import check_acts, check_loss, check_optimizer, check_params
from fnn.folds import scan
from fnn.network import apply_updates, backprop

C = TypeVar("C")


class State(NamedTuple, Generic[F_co, S_any]):
    """All that training changes: the params and the optimizer's own state."""

    params: Params[F_co]
    opt: S_any


class TrainStep(NamedTuple, Generic[S_any]):
    """What `train_step` returns: a value that can be called, taken apart and pickled."""

    acts: Acts
    loss: Loss
    optimizer: Optimizer[S_any]

    def __call__(
        self, state: State[F, S_any], batch: Batch
    ) -> tuple[State[F, S_any], float]:
        """One update: the next state, and the loss on `batch` before it."""
        params, opt = state
        value, grads = backprop(self.acts, self.loss, params, batch)
        updates, opt = self.optimizer.update(grads, opt, params)
        return State(apply_updates(params, updates), opt), value


class Epoch(NamedTuple, Generic[C]):
    """A finished pass: its ``number`` from 1, the state after it, its mean ``loss`` per sample.

    Each sample's loss is the one before the update that it took part in.
    """

    number: int
    state: C
    loss: float


def start(optimizer: Optimizer[S], params: Params[F]) -> State[F, S]:
    """The state before the first step. Arrays that the caller could still write are copied.

    >>> from fnn import init, key
    >>> from fnn.optimizers import sgd
    >>> start(sgd(0.1), init(key(0), (2, 1))).opt
    SgdState(steps=0)
    """
    check_optimizer(optimizer)
    check_params(params)
    params = tree.freeze(params)
    return State(params, optimizer.init(params))


def train_step(acts: Acts, loss: Loss, optimizer: Optimizer[S]) -> TrainStep[S]:
    """The update ``(state, batch) -> (state, loss)`` that folds train with.

    >>> from fnn import init, key, samples, scan
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> update = train_step((identity,), squared_error, sgd(0.1))
    >>> state = start(update.optimizer, init(key(0), (2, 1)))
    >>> state, losses = scan(update, state, samples(Batch(np.eye(2), np.ones((2, 1)))))
    >>> len(losses), state.opt
    (2, SgdState(steps=2))
    """
    check_acts(acts)
    check_loss(loss)
    check_optimizer(optimizer)
    return TrainStep(acts, loss, optimizer)


def epochs(
    update: Callable[[C, Batch], tuple[C, float]], state: C, passes: Iterable[Iterable[Batch]]
) -> Iterator[Epoch[C]]:
    """One `Epoch` after another, each trained only when it is asked for.

    `passes` gives the batches of every epoch: ``itertools.repeat(samples(data))``, or
    ``(minibatches(fold_in(key, epoch), 32, data) for epoch in itertools.count())``. So `islice`
    limits, `takewhile` stops early and a progress bar wraps. Raises `TypeError` for a pass that
    could be read only once (a generator would leave the second epoch empty) and `ValueError` for
    an empty one.

    >>> from itertools import islice, repeat
    >>> halve = lambda state, batch: (state / 2, state)
    >>> passes = repeat([Batch(np.ones(1), np.ones(1))])
    >>> [epoch.loss for epoch in islice(epochs(halve, 8.0, passes), 3)]
    [8.0, 4.0, 2.0]
    """

    def counted(state: C, batch: Batch) -> tuple[C, tuple[float, float]]:
        state, loss = update(state, batch)
        return state, (loss, _mass(batch))

    for number, pass_ in enumerate(passes, 1):
        if iter(pass_) is pass_:
            raise TypeError(
                f"passes: expected passes that can be read again, got the iterator {pass_!r};"
                " pass samples(...), minibatches(...) or a list of batches"
            )
        state, seen = scan(counted, state, pass_)
        if not seen:
            raise ValueError(f"passes: expected batches in every pass, got none in epoch {number}")
        masses = sum(mass for _, mass in seen)
        yield Epoch(number, state, sum(loss * mass for loss, mass in seen) / masses)


def _mass(batch: Batch) -> float:
    """What the batch's mean loss counts for in the mean of an epoch."""
    if batch.weight is not None:
        return float(np.sum(batch.weight))
    return float(len(batch.x)) if np.ndim(batch.x) == 2 else 1.0
