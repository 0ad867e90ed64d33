"""scikit-learn: `MLPRegressor.partial_fit`, one epoch in the rows' order a call, and `predict`."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.by_numpy import joined
from benchmarks.contender import Contender, UnfitError
from benchmarks.tasks import B1, B2, EPS, MASS, UNCORRECTED, Inference, Network, Training


def regressor(net: Network, **options: Any) -> Any:
    """A regressor with the net's params: it makes some of its own at its first call."""
    neural = importlib.import_module("sklearn.neural_network")
    model = neural.MLPRegressor(
        hidden_layer_sizes=net.sizes[1:-1],
        activation={"relu": "relu", "sigmoid": "logistic"}[net.hidden],
        alpha=0.0,
        shuffle=False,
        **options,
    )
    data = Training(net, rows=max(net.sizes[0], 2), batch=1).data()
    model.partial_fit(data.x, data.y)
    for (w, b), coefs, intercepts in zip(
        net.params(), model.coefs_, model.intercepts_, strict=True
    ):
        coefs[...], intercepts[...] = w, b
    return model


def training(task: Training) -> Contender:
    linear = task.net._replace(output="identity")
    model = regressor(
        linear,
        batch_size=task.batch or 1,
        solver="adam" if task.optimizer == "adam" else "sgd",
        learning_rate_init=task.rate if task.optimizer == "adam" else 2 * task.rate,
        momentum=MASS if task.optimizer == "momentum" else 0.0,
        nesterovs_momentum=False,
        beta_1=B1,
        beta_2=B2,
        epsilon=EPS,
    )
    if task.optimizer != "sgd":  # the first call has left its moments behind
        rule = model._optimizer
        for moments in ("ms", "vs", "velocities"):
            for array in getattr(rule, moments, ()):
                array[...] = 0.0
        rule.t = 0
    x, y = task.data()[:2]

    def call() -> None:
        for _ in range(task.passes):
            model.partial_fit(x, y)

    def read() -> Any:
        layers = zip(model.coefs_, model.intercepts_, strict=True)
        return task.moved([array for layer in layers for array in layer])

    like = None if linear == task.net else task._replace(net=linear)
    notes = ["with a linear output layer, its only one"] if like else []
    if task.optimizer == "adam":
        notes.append(UNCORRECTED)
    return Contender(call, read, like, 1e-2 if task.optimizer == "adam" else None, "; ".join(notes))


def inference(task: Inference) -> Contender:
    if task.net.output != "identity":
        raise UnfitError("its output layer is linear")
    model, x = regressor(task.net), task.net.inputs(task.rows)
    return Contender(lambda: model.predict(x), lambda: joined(model.predict(x)))
