"""The layers of one network as one vector, w before b, layer by layer: `trees`, but faster."""

from __future__ import annotations

from typing import Any

from fnn.base import Array, Grads, LayerGrad, Params


def count(layers: Params[Any] | Grads[Any]) -> int:
    """The number of numbers in layers."""
    return sum([w.size + b.size for w, b in layers])


def layered(vector: Array, params: Params[Any]) -> Grads[Any]:
    """Views of a joined vector in the shapes of `params`."""
    layers = []
    end = 0
    for w, _ in params:
        n_in, n_out = w.shape
        start, middle, end = end, end + n_in * n_out, end + (n_in + 1) * n_out
        layers.append(LayerGrad(vector[start:middle].reshape(n_in, n_out), vector[middle:end]))
    return tuple(layers)
