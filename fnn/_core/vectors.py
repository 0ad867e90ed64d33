"""Layers as one vector: the numbers of params or gradients, w before b, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.base import Array, Grads, LayerGrad, Params


def count(layers: Params[Any] | Grads[Any]) -> int:
    """The number of numbers in layers."""
    return sum([w.size + b.size for w, b in layers])


def flat(layers: Params[Any] | Grads[Any]) -> list[Array]:
    """The arrays of layers as vectors, in their order: views where they lie in C order."""
    return [array.reshape(-1) for layer in layers for array in layer]


def joined(layers: Params[Any] | Grads[Any]) -> Array:
    """A new vector of all numbers."""
    return np.concatenate(flat(layers))


def parts(vector: Array, params: Params[Any]) -> list[Array]:
    """The slice of a joined vector that each array of `params` occupies, in their order."""
    slices = []
    end = 0
    for layer in params:
        for array in layer:
            start, end = end, end + array.size
            slices.append(vector[start:end])
    return slices


def layered(vector: Array, params: Params[Any]) -> Grads[Any]:
    """Views of a joined vector in the shapes of `params`."""
    layers = []
    end = 0
    for w, _ in params:
        n_in, n_out = w.shape
        start, middle, end = end, end + n_in * n_out, end + (n_in + 1) * n_out
        layers.append(LayerGrad(vector[start:middle].reshape(n_in, n_out), vector[middle:end]))
    return tuple(layers)
