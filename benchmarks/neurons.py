"""What FANN and genann, the libraries in C, have in common."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from benchmarks.tasks import Training
from fnn import Array


def layers(flat: Array, sizes: tuple[int, ...]) -> list[Array]:
    """Views of `flat`, one (n_out, n_in + 1) for each layer: a neuron's weights and its bias."""
    found, done = [], 0
    for n_in, n_out in pairwise(sizes):
        found.append(flat[done : done + n_out * (n_in + 1)].reshape(n_out, n_in + 1))
        done += n_out * (n_in + 1)
    return found


def tiled(task: Training) -> tuple[Array, Array, int]:
    """The rows some times over, and how many passes over them there are then.

    A pass is one call from Python, which a few hundred updates must outweigh.
    """
    tiles = math.gcd(task.passes, max(1, 512 // task.rows))
    x, y = (np.tile(array, (tiles, 1)) for array in task.data()[:2])
    return x, y, task.passes // tiles
