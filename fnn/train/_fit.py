"""Training in one call: minibatches, held-out data, patience and the best params."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core import reprs
from fnn._core.numbers import check_finite, describe, whole
from fnn._core.rows import as_data, mean_one, without_zero_weights
from fnn._core.targets import check_targets
from fnn.base import Acts, Array, Batch, F, F_co, Loss, Optimizer, Params, S, S_any
from fnn.base import State as State
from fnn.data import minibatches
from fnn.network import forward, mean_loss
from fnn.random import Key, fold_in, split
from fnn.train._epochs import DivergenceError as DivergenceError
from fnn.train._epochs import Engine as Engine
from fnn.train._epochs import Epoch as Epoch
from fnn.train._epochs import trained_on
from fnn.train._step import TrainStep as TrainStep
from fnn.train._step import start as start
from fnn.train._step import train_step as train_step


class History(NamedTuple):
    """A figure per finished epoch; a tuple is empty where nothing was asked for."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    metric: tuple[float, ...]

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Fit(NamedTuple, Generic[F_co, S_any]):
    """What `fit` returns: the best ``params``, the last ``state`` and the ``history``."""

    params: Params[F_co]
    state: State[F_co, S_any]
    history: History

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


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
    engine: Engine | None = None,
) -> Fit[F, S]:
    """Train on minibatches in a new order every epoch, and keep the best params.

    With `validation`, the best params are those with the least loss on it, and `metric`, a
    function ``(output, target) -> float``, is recorded on it too; without, they are the last.
    `patience` stops after that many epochs in a row without a lower validation (else training)
    loss. `on_epoch` is called with every finished epoch and the history so far, to print or save;
    Ctrl-C loses nothing that it saw. `training_acts` makes the pairs of each training step from
    the step's key, as `fnn.activations.dropout` needs one. `engine` is as for `epochs`, and None
    where there are `training_acts`: an engine compiles the pairs or reads a pass again.

    Raises `DivergenceError` where a loss, on validation data too, or the params after an epoch are
    not finite; `ValueError` for data with NaN or infinity, naming row and column, and where a
    number, a shape or the engine does not fit.

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
    if training_acts is not None and engine is not None:
        raise ValueError(
            "engine: expected None, the default, as training_acts makes other pairs at every"
            f" step, got {describe(engine)}; leave out engine or training_acts"
        )
    max_epochs = whole("max_epochs", max_epochs, 0)
    batch_size = whole("batch_size", batch_size, 1)
    patience = None if patience is None else whole("patience", patience, 1)
    train = as_data(train, "train")
    check_finite("train.x", train.x)
    check_targets(acts, loss, params, train, "train")
    train = mean_one(train, without_zero_weights(np.arange(len(train.x)), train.weight))
    if validation is not None:
        validation = as_data(validation, "validation")
        check_finite("validation.x", validation.x)
        check_targets(acts, loss, params, validation, "validation")
        validation = mean_one(validation)
        mean_loss(acts, loss, params, validation)  # tells what does not fit before training
    elif metric is not None:
        raise ValueError("metric: expected validation data to measure it on, got none")
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
    steps = len(minibatches(order, batch_size, train))
    for epoch in trained_on(plain if training_acts is None else update, state, passes, engine):
        state = epoch.state
        losses.append(epoch.loss)
        if validation is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                held_out.append(mean_loss(acts, loss, state.params, validation))
            if not math.isfinite(held_out[-1]):
                raise DivergenceError(epoch.number, steps, held_out[-1], state, "validation loss")
            if metric is not None:
                output = forward(acts, state.params, validation.x)
                figures.append(float(metric(output, validation.y)))
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
