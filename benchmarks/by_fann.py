"""FANN, in C, through ctypes: one call of its own `fann_train_epoch` for each pass over the rows.

The library of doubles, of FANN 2.2 or later, is found where the system keeps it (Debian:
libfann-dev). The timed sigmoid is FANN's own default and its fastest, straight pieces that are off
by up to 0.02; that the rest is the same mathematics is verified with its exact sigmoid first. FANN
also keeps a sigmoid's derivative at that of 0.01 or more, which the first updates do not reach.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import numpy as np

from benchmarks.contender import Contender, UnfitError
from benchmarks.neurons import layers, tiled
from benchmarks.tasks import Training
from fnn import Array

INCREMENTAL, LINEAR_ERROR, STEEPNESS = 0, 0, 0.5  # of 1 / (1 + exp(-2 steepness z))
SIGMOID, STEPWISE = 3, 4
CONNECTION = np.dtype(
    [("source", np.uint32), ("target", np.uint32), ("weight", np.float64)], align=True
)
ROW = ctypes.CFUNCTYPE(
    None,
    *[ctypes.c_uint] * 3,
    ctypes.POINTER(ctypes.c_double),
    ctypes.POINTER(ctypes.c_double),
)


def library() -> Any:
    path = ctypes.util.find_library("doublefann")
    if path is None:
        raise UnfitError("libdoublefann is not installed")
    fann = ctypes.CDLL(path)
    fann.fann_create_standard_array.restype = ctypes.c_void_p
    fann.fann_create_train_from_callback.restype = ctypes.c_void_p
    fann.fann_train_epoch.restype = ctypes.c_float
    return fann


def training(task: Training) -> Contender:
    if task.batch is not None or task.net.names != ("sigmoid", "sigmoid"):
        raise UnfitError("measured online only")
    fann, sizes = library(), task.net.sizes
    net = ctypes.c_void_p(
        fann.fann_create_standard_array(len(sizes), (ctypes.c_uint * len(sizes))(*sizes))
    )
    fann.fann_set_training_algorithm(net, INCREMENTAL)
    fann.fann_set_train_error_function(net, LINEAR_ERROR)
    fann.fann_set_learning_rate(net, ctypes.c_float(2 * task.rate))  # it descends half the square
    for part in ("hidden", "output"):
        getattr(fann, f"fann_set_activation_steepness_{part}")(net, ctypes.c_double(STEEPNESS))
    x, y, passes = tiled(task)
    rows = training_data(fann, x, y)

    def pair(code: int) -> None:
        fann.fann_set_activation_function_hidden(net, code)
        fann.fann_set_activation_function_output(net, code)

    def call() -> None:
        for _ in range(passes):
            fann.fann_train_epoch(net, rows)

    def read() -> Array:
        """What the exact sigmoid computes in one call; the pieces are timed from then on."""
        found = layers(connections(fann, net)["weight"], sizes)
        way = task.moved([array for layer in found for array in (layer[:, :-1].T, layer[:, -1])])
        pair(STEPWISE)
        return way

    pair(SIGMOID)
    before = connections(fann, net)
    flat = np.empty(before.size)
    for layer, (w, b) in zip(layers(flat, sizes), task.net.params(), strict=True):
        layer[:, :-1], layer[:, -1] = w.T, b
    before["weight"] = flat
    fann.fann_set_weight_array(
        net, before.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint(before.size)
    )
    return Contender(call, read, note="with the exact sigmoid; the stepwise is timed")


def connections(fann: Any, net: Any) -> Any:
    """Every connection, ordered by target and then source: each neuron's weights, then its bias."""
    found = np.zeros(fann.fann_get_total_connections(net), CONNECTION)
    fann.fann_get_connection_array(net, found.ctypes.data_as(ctypes.c_void_p))
    return found[np.lexsort((found["source"], found["target"]))]


def training_data(fann: Any, x: Array, y: Array) -> Any:
    def fill(row: int, n_in: int, n_out: int, inputs: Any, targets: Any) -> None:
        np.ctypeslib.as_array(inputs, (n_in,))[:] = x[row]
        np.ctypeslib.as_array(targets, (n_out,))[:] = y[row]

    made = fann.fann_create_train_from_callback(len(x), x.shape[1], y.shape[1], ROW(fill))
    return ctypes.c_void_p(made)
