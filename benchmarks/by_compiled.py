"""fnn's compiled engine, where the extra is installed."""

from __future__ import annotations

import importlib
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks.contender import Contender, UnfitError
from benchmarks.tasks import Inference, Training
from fnn import Activation, Array, key, minibatches, samples, start, train_step
from fnn.base import Acts
from fnn.losses import squared_error
from fnn.tree import leaves


def logistic(z: Array) -> Array:
    result: Array = 1.0 / (1.0 + np.exp(-z))
    return result


def logistic_slope(z: Array, a: Array) -> Array:
    return a * (1.0 - a)


def engine() -> Any:
    try:
        return importlib.import_module("fnn.compiled")
    except ImportError as error:
        raise UnfitError(str(error)) from None


def training(task: Training) -> Contender:
    return trained(task, task.net.acts)


def training_own_pair(task: Training) -> Contender:
    """With a pair that a user wrote, in place of the built-in sigmoid."""
    return trained(task, (Activation(logistic, logistic_slope),) * len(task.net.names))


def trained(task: Training, acts: Acts) -> Contender:
    compiled, data = engine(), task.data()
    update = train_step(acts, squared_error, task.rule())
    state = start(update.optimizer, task.net.params())
    pass_: Any = samples(data) if task.batch is None else minibatches(key(0), task.batch, data)

    def call() -> None:
        nonlocal state
        state, _ = compiled.train(update, state, repeat(pass_, task.passes))

    note = "" if task.batch is None else "its one batch is not gathered again, which takes 2 to 7 %"
    return Contender(call, lambda: task.moved(list(leaves(state.params))), note=note)


def inference(task: Inference) -> Contender:
    compiled = engine()
    acts, params, x = task.net.acts, task.net.params(), task.net.inputs(task.rows)
    row = x[0] if task.rows == 1 else x
    return Contender(
        lambda: compiled.forward(acts, params, row),
        lambda: np.ravel(compiled.forward(acts, params, row)),
    )
