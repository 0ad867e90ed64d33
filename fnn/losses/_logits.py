"""Logits read as probabilities: `softmax` and its logarithm.

Also compiled with numba, for vectors, as `fnn.losses` is. Hence np.partition, for a maximum that
keeps its axis, and np.asarray(...)[..., None] in the place of keepdims, which numba does not know.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fnn.base import Array


def below_top(z: Array) -> Array:
    """How z differs from its maximum over the last axis: 0 there, even if it is infinite."""
    top = np.partition(z, z.shape[-1] - 1)[..., -1:]
    at_top = z >= top
    below: Array = np.where(at_top, 0, z) - np.where(at_top, 0, top)
    return below


def softmax(z: ArrayLike) -> Array:
    """Probabilities exp(z_i) / sum_j exp(z_j) over the last axis, in the shape and dtype of z.

    Within 2.5 / 2.5 eps for 10 classes, 5 / 5 for 100. Bridle, Training stochastic model
    recognition algorithms as networks, 1989.

    >>> softmax(np.array([0.0, 0.0, -np.inf]))
    array([0.5, 0.5, 0. ])
    """
    e = np.exp(below_top(np.asarray(z)))
    total: Array = np.asarray(e.sum(-1))[..., None]
    return e / total


def log_softmax(z: ArrayLike) -> Array:
    """The logarithm of `softmax`, within 2 / 2 eps, and relatively exact next to probability 1.

    >>> log_softmax(np.array([50.0, 0.0]))
    array([-1.92874985e-22, -5.00000000e+01])
    """
    below = below_top(np.asarray(z))
    others = np.partition(below, below.shape[-1] - 1)[..., :-1]  # all but one at the top: exp(0)
    total: Array = np.asarray(np.exp(others).sum(-1))[..., None]
    result: Array = below - np.log1p(total)
    return result
