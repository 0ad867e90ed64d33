"""The machine's own rate: a product by NumPy's BLAS, as large as those of the widest layer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.contender import Contender
from benchmarks.tasks import Training
from fnn.random import key, normal


def training(task: Training) -> Contender:
    """As many of the product as an update's own products have arithmetic in all."""
    sizes, dtype = task.net.sizes, np.dtype(task.net.dtype)
    widest = max(pairwise(sizes), key=lambda shape: shape[0] * shape[1])
    a = normal(key(0), (task.rows, widest[0]), dtype=dtype)
    b = normal(key(1), widest, dtype=dtype)
    out = np.empty((task.rows, widest[1]), dtype)
    weights = [n_in * n_out for n_in, n_out in pairwise(sizes)]
    products = 3 * sum(weights) - weights[0]  # forward, gradient, and back but not to the data
    return Contender(lambda: np.dot(a, b, out), None, calls=products / (widest[0] * widest[1]))
