"""fnn on NumPy: the definition that every other contender is compared with."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from benchmarks.contender import Contender, Task, UnfitError
from benchmarks.tasks import MAX_NORM, Derivative, Inference, Training
from fnn import Array, backprop, forward, samples, scan, start, train_step
from fnn.losses import squared_error
from fnn.tree import leaves


def reference(task: Task) -> Contender:
    match task:
        case Training():
            return training(task)
        case Inference():
            return inference(task)
        case Derivative():
            return derivative(task)


def training(task: Training) -> Contender:
    update = train_step(task.net.acts, squared_error, task.rule())
    state = start(update.optimizer, task.net.params())
    data = task.data()

    def online() -> None:
        nonlocal state
        for _ in range(task.passes):
            state, _ = scan(update, state, samples(data))

    def step() -> None:
        nonlocal state
        for _ in range(task.passes):
            state, _ = update(state, data)

    return Contender(
        online if task.batch is None else step, lambda: task.moved(list(leaves(state.params)))
    )


def inference(task: Inference) -> Contender:
    acts, params, x = task.net.acts, task.net.params(), task.net.inputs(task.rows)
    row = x[0] if task.rows == 1 else x
    return Contender(
        lambda: forward(acts, params, row), lambda: np.ravel(forward(acts, params, row))
    )


def derivative(task: Derivative) -> Contender:
    try:
        derivatives = importlib.import_module("fnn.derivatives")
    except ImportError:
        raise UnfitError("fnn.derivatives is not there") from None
    acts, params, data = task.net.acts, task.net.params(), task.data()
    function: Any = getattr(derivatives, task.kind)
    given: dict[str, Any] = {"clipped_sum": MAX_NORM, "hvp": task.vector()}
    given["gauss_newton_vp"] = given["hvp"]
    more = (given[task.kind],) if task.kind in given else ()
    result: Any = None

    def call() -> None:
        nonlocal result
        result = function(acts, squared_error, params, data, *more)

    return Contender(call, lambda: joined(result))


def gradient(task: Derivative) -> Contender:
    """What a derivative's cost is told in: it is not the same, and so not compared."""
    acts, params, data = task.net.acts, task.net.params(), task.data()
    return Contender(lambda: backprop(acts, squared_error, params, data), None)


def joined(tree: Any) -> Array:
    """Every number of a tree of arrays, as one vector."""
    if isinstance(tree, tuple | list):
        return np.concatenate([joined(part) for part in tree])
    return np.asarray(tree, np.float64).ravel()
