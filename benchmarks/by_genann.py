"""genann, in C, through ctypes: the shared library that the variable GENANN_LIBRARY names.

It is yours to build; nothing of it is here. genann itself trains one sample a call, and a call from
Python costs several times what an update of a small net does. So where the library also has

    void genann_train_epoch(genann const *, double const *x, double const *y, int rows, double rate)

which calls genann's `genann_train` for each of the rows, that is timed. The sigmoid that is timed
is genann's own default, a table of 4,096 values that is off by up to 1e-3; that the rest is the
same mathematics is verified with its exact sigmoid first.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contender import Contender, UnfitError
from benchmarks.neurons import layers, tiled
from benchmarks.tasks import Training
from fnn import Array

FIELDS = [
    *((name, ctypes.c_int) for name in ("inputs", "hidden_layers", "hidden", "outputs")),
    ("activation_hidden", ctypes.c_void_p),
    ("activation_output", ctypes.c_void_p),
    ("total_weights", ctypes.c_int),
    ("total_neurons", ctypes.c_int),
    *((name, ctypes.POINTER(ctypes.c_double)) for name in ("weight", "output", "delta")),
]
Genann: Any = type("Genann", (ctypes.Structure,), {"_fields_": FIELDS})  # as in genann.h


def training(task: Training) -> Contender:
    path = os.environ.get("GENANN_LIBRARY")
    if path is None:
        raise UnfitError("GENANN_LIBRARY names no library")
    if task.batch is not None or task.net.names != ("sigmoid", "sigmoid"):
        raise UnfitError("measured online only")
    genann = ctypes.CDLL(path)
    genann.genann_init.restype = ctypes.POINTER(Genann)
    n_in, n_hidden, n_out = task.net.sizes
    net = genann.genann_init(n_in, 1, n_hidden, n_out)
    flat = np.ctypeslib.as_array(net.contents.weight, (net.contents.total_weights,))
    for layer, (w, b) in zip(layers(flat, task.net.sizes), task.net.params(), strict=True):
        layer[:, 1:], layer[:, 0] = w.T, -b  # the bias's input is -1
    x, y, passes = tiled(task)
    rate = ctypes.c_double(2 * task.rate)  # it descends half the square
    train_epoch = epoch(genann, net, x, y, rate)

    def use(name: str) -> None:
        sigmoid = ctypes.cast(getattr(genann, name), ctypes.c_void_p)
        net.contents.activation_hidden = net.contents.activation_output = sigmoid

    def call() -> None:
        for _ in range(passes):
            train_epoch()

    def read() -> Array:
        """What the exact sigmoid computes in one call; the table is timed from then on."""
        found = layers(flat, task.net.sizes)
        way = task.moved([array for layer in found for array in (layer[:, 1:].T, -layer[:, 0])])
        use("genann_act_sigmoid_cached")
        return way

    use("genann_act_sigmoid")
    note = "with the exact sigmoid; the table is timed"
    if not hasattr(genann, "genann_train_epoch"):
        note += ", and with it one call from Python for each sample"
    return Contender(call, read, note=note)


def epoch(genann: Any, net: Any, x: Array, y: Array, rate: Any) -> Callable[[], object]:
    if hasattr(genann, "genann_train_epoch"):
        whole = x.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p)
        return lambda: genann.genann_train_epoch(net, *whole, len(x), rate)
    rows = [
        (a.ctypes.data_as(ctypes.c_void_p), b.ctypes.data_as(ctypes.c_void_p))
        for a, b in zip(x, y, strict=True)
    ]

    def one_by_one() -> None:
        for row in rows:
            genann.genann_train(net, *row, rate)

    return one_by_one
