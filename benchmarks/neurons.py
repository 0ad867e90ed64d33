"""How FANN and genann keep a net: neuron by neuron, its weights and its bias side by side."""

from __future__ import annotations

from itertools import pairwise

from fnn import Array


def layers(flat: Array, sizes: tuple[int, ...]) -> list[Array]:
    """Views of `flat`, one (n_out, n_in + 1) for each layer."""
    found, done = [], 0
    for n_in, n_out in pairwise(sizes):
        found.append(flat[done : done + n_out * (n_in + 1)].reshape(n_out, n_in + 1))
        done += n_out * (n_in + 1)
    return found
