"""Training in one call: minibatches, held-out data, patience and the best params."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Generic, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn import tree
from fnn._core.checks import check_params
from fnn._core.numbers import check_finite, check_rate, describe, whole
from fnn._core.rows import as_data, mean_one, take, without_zero_weights
from fnn._core.targets import check_targets
from fnn.base import Acts, Array, Batch, F, F_co, Loss, Optimizer, Params, S, S_any
from fnn.base import State as State
from fnn.data import Minibatches
from fnn.network import forward, mean_loss
from fnn.random import Key, fold_in, split
from fnn.train._constant import WorseThanConstantWarning, best_constant, worse_than
from fnn.train._divergence import DivergenceError
from fnn.train._epochs import Engine, Epoch, Walk
from fnn.train._plateau import has_plateau, observe
from fnn.train._progress import Fit, History, Ledger, Watch, attach
from fnn.train._step import start, train_step


def fit(
    acts: Acts,
    loss: Loss,
    optimizer: Optimizer[S],
    params: Params[F] | State[F, S] | Fit[F, S],
    train: Batch,
    *,
    key: Key,
    batch_size: int,
    max_epochs: int,
    validation: Batch | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    metric: Callable[[NDArray[F], Array], float] | None = None,
    metric_mode: Literal["min", "max"] | None = None,
    on_epoch: Callable[[Epoch[State[F, S]], History], object] | None = None,
    training_acts: Callable[[Key], Acts] | None = None,
    engine: Engine | None = None,
) -> Fit[F, S]:
    """Train on minibatches in a new order every epoch, and keep the best params.

    With `validation`, the best params are those with the least loss on it, and `metric`, a
    function ``(output, target) -> float``, is recorded on it too; without, they are the last.
    `metric_mode` makes the metric say which params are the best, those with the least ("min") or
    the greatest ("max"). `patience` stops after that many epochs in a row without an improvement of
    that figure, else of the training loss; one of at most `min_delta` counts as none, but may still
    be the best. An optimizer with `reduce_on_plateau` in it is told the same figure. `on_epoch` is
    called with every finished epoch and the history so far, to print or save. `training_acts` makes
    the pairs of each training step from the step's key, as `fnn.activations.dropout` needs one.
    `engine` is as for `epochs`, and None where there are `training_acts`: an engine compiles the
    pairs or reads a pass again.

    Nothing learned is lost. Whatever exception ends it, `DivergenceError`, Ctrl-C or an error of
    `metric` or `on_epoch`, has an attribute ``progress`` (`progress_of` returns it with its type):
    a `Fit` with the best params, the last state and the history of the epochs finished and
    measured. To go on, pass a `Fit` as `params`, and all else as before: `max_epochs` counts the
    epochs in it, too, and the result is to the bit that of a fit which was never interrupted. A
    `State` as `params` keeps that of the optimizer, and begins at the first epoch's order.

    Warns with `WorseThanConstantWarning` where the result is worse on the training data than a
    constant. Raises `DivergenceError` where a loss, on validation data too, the params or the
    optimizer's state after an epoch are not finite; `ValueError` for x with NaN or infinity and for
    targets that the loss is not for (`fnn.base.Targets`) or that the last pair cannot reach, naming
    row, column and remedy, for a last pair other than identity under logits, for a metric that is
    NaN where it is to say which params are the best, and where a number, a shape or the engine does
    not fit.

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
    min_delta = check_rate("min_delta", min_delta)
    sign = _sign(metric_mode, metric)
    train = as_data(train, "train")
    check_finite("train.x", train.x)
    counted = without_zero_weights(np.arange(len(train.x)), train.weight)
    train = mean_one(train, counted)
    plain = train_step(acts, loss, optimizer)
    state, history, best = _beginning(optimizer, params)
    check_targets(acts, loss, state.params, train, "train")
    if validation is not None:
        validation = as_data(validation, "validation")
        check_finite("validation.x", validation.x)
        check_targets(acts, loss, state.params, validation, "validation")
        validation = mean_one(validation)
        mean_loss(acts, loss, state.params, validation)  # tells what does not fit before training
    elif metric is not None:
        raise ValueError("metric: expected validation data to measure it on, got none")
    _check_history(history, validation, metric)
    order, noise = split(key)
    first = Minibatches(train, counted, batch_size)
    done = len(history.train)
    step_keys = map(partial(fold_in, noise), count(done * len(first)))

    def update(state: State[F, S], batch: Batch) -> tuple[State[F, S], float]:
        acts_now = acts if training_acts is None else training_acts(next(step_keys))
        return replace(plain, acts=acts_now)(state, batch)

    walk = Walk(plain if training_acts is None else update, state, engine)
    ledger, watch = Ledger(state, history, best), Watch()
    for figure in history.metric if sign else history.validation or history.train:
        watch = watch.seen((sign or 1) * figure, min_delta)
    falls = has_plateau(state)
    try:
        for number in range(done + 1, max_epochs + 1):
            if patience is not None and watch.waited >= patience:
                break
            trained = walk.through(first.shuffled(fold_in(order, number - 1)), number)
            held_out = measured = None
            if validation is not None:
                with np.errstate(over="ignore", invalid="ignore"):
                    held_out = mean_loss(acts, loss, walk.state.params, validation)
                if not math.isfinite(held_out):
                    raise DivergenceError(
                        number, len(first), held_out, walk.state, "validation loss"
                    )
                if metric is not None:
                    output = forward(acts, walk.state.params, validation.x)
                    measured = float(metric(output, validation.y))
            figure = trained if held_out is None else held_out
            if sign and measured is not None:
                figure = sign * _known(measured, number)
            if falls:
                walk.state = observe(walk.state, figure)
            better = figure < watch.least
            ledger.add(walk.state, (trained, held_out, measured), better=better)
            watch = watch.seen(figure, min_delta)
            if on_epoch is not None:
                on_epoch(Epoch(number, walk.state, trained), ledger.history())
        result: Fit[F, S] = ledger.fit()
        if validation is None:
            result = result._replace(params=result.state.params)
        if len(result.history.train) > done:
            if len(counted) < len(train.x):
                train = take(train, counted)
            _warn_if_useless(acts, loss, result, train)
    except BaseException as error:
        attach(error, ledger.fit())
        raise
    return result


class Beginning(NamedTuple, Generic[F_co, S_any]):
    """Start of a fit."""

    state: State[F_co, S_any]
    history: History
    best: Params[F_co]


def _beginning(
    optimizer: Optimizer[S], params: Params[F] | State[F, S] | Fit[F, S]
) -> Beginning[F, S]:
    """The state, history and best params of a `Fit`, a `State` or params alone."""
    if isinstance(params, Fit):
        state, best = _again(params.state), tree.freeze(params.best)
        return Beginning(state, params.history, best)
    state = _again(params) if isinstance(params, State) else start(optimizer, params)
    return Beginning(state, History((), (), ()), state.params)


def _again(state: State[F, S]) -> State[F, S]:
    """A state as `start` would have made it: read-only, and with arrays that nobody else writes."""
    check_params(state.params)
    return tree.freeze(state)


def _sign(metric_mode: object, metric: object) -> int:
    """The factor that makes smaller metrics better; 0 if the metric is only recorded."""
    if metric_mode is None:
        return 0
    if metric_mode not in ("min", "max"):
        raise ValueError(f'metric_mode: expected "min", "max" or None, got {metric_mode!r:.40}')
    if metric is None:
        raise ValueError("metric_mode: expected a metric that it is for, got none; pass metric=...")
    return 1 if metric_mode == "min" else -1


def _known(figure: float, epoch: int) -> float:
    """Refuse a metric that cannot be compared."""
    if math.isnan(figure):
        raise ValueError(
            f"metric: expected a number to choose the best params by, got nan in epoch {epoch};"
            " return a number for every output, or leave out metric_mode"
        )
    return figure


def _check_history(history: History, validation: Batch | None, metric: object) -> None:
    """Refuse to go on with other figures than a fit began with."""
    n = len(history.train)
    for name, given, column in (
        ("validation", validation, history.validation),
        ("metric", metric, history.metric),
    ):
        if len(column) != (0 if given is None else n):
            raise ValueError(
                f"{name}: expected as in the fit to go on with, which has {len(column)} figures of"
                f" it in {n} epochs, got {'none' if given is None else 'some'}; pass the same, or"
                " begin a new history: params=done.state"
            )


def _warn_if_useless(acts: Acts, loss: Loss, done: Fit[F, Any], train: Batch) -> None:
    """Warn where a constant is better; the loss in the last epoch tells if it is worth a look."""
    constant = best_constant(loss, train, done.params[-1].b)
    if not worse_than(constant, done.history.train[-1]):
        return
    with np.errstate(all="ignore"):
        value = mean_loss(acts, loss, done.params, train)
    if worse_than(constant, value):
        warnings.warn(
            f"the params of this fit have a loss of {value:.6g} on the training data, and one"
            f" constant output has {constant:.6g}; try inputs and targets scaled to about 1"
            " (fnn.data.standardize), another rate, or more epochs",
            WorseThanConstantWarning,
            stacklevel=3,
        )
