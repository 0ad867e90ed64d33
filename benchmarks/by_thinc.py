"""thinc: layers chained, callbacks backward, its own optimizers; float32 only."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from benchmarks.by_numpy import joined
from benchmarks.contender import Contender, UnfitError
from benchmarks.tasks import B1, B2, EPS, UNCORRECTED, Inference, Network, Training


def model(net: Network) -> Any:
    api = importlib.import_module("thinc.api")
    kinds = {"identity": api.Linear, "relu": api.Relu, "sigmoid": api.Sigmoid}
    shapes = zip(net.names, net.sizes[1:], net.sizes[:-1], strict=True)
    made = api.chain(*[kinds[name](nO=n_out, nI=n_in) for name, n_out, n_in in shapes])
    made.initialize()
    for layer, (w, b) in zip(made.layers, net.params(), strict=True):
        layer.set_param("W", np.array(w.T, np.float32, order="C"))
        layer.set_param("b", np.array(b, np.float32))
    return made


def training(task: Training) -> Contender:
    if task.net.dtype != "float32":
        raise UnfitError("float32 only")
    if task.optimizer == "momentum":
        raise UnfitError("has no momentum")
    made, data = model(task.net), task.data()
    api = importlib.import_module("thinc.api")
    plain = {"L2": 0.0, "grad_clip": 0.0, "use_averages": False}
    rule = (
        api.Adam(task.rate, beta1=B1, beta2=B2, eps=EPS, **plain)
        if task.optimizer == "adam"
        else api.SGD(task.rate, **plain)
    )
    size = task.batch or 1

    def call() -> None:
        for _ in range(task.passes):
            for i in range(0, task.rows, size):
                output, backward = made.begin_update(data.x[i : i + size])
                backward((output - data.y[i : i + size]) * np.float32(2 / size))
                made.finish_update(rule)

    def read() -> Any:
        layers = [(x.get_param("W").T, x.get_param("b")) for x in made.layers]
        return task.moved([array for layer in layers for array in layer])

    if task.optimizer == "adam":
        return Contender(call, read, tolerance=1e-2, note=UNCORRECTED)
    return Contender(call, read)


def inference(task: Inference) -> Contender:
    made, x = model(task.net), np.array(task.net.inputs(task.rows))
    return Contender(lambda: made.predict(x), lambda: joined(made.predict(x)))
