"""Logits read as probabilities: `softmax` and its logarithm.

numba compiles these functions too, for vectors. It does not know keepdims: np.partition gives a
maximum that keeps its axis, and np.asarray(...)[..., None] puts the axis of a sum back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fnn.base import Array


def logits(z: ArrayLike) -> Array:
    """Logits as an array with an axis of classes; machine code gets vectors, and has no need.

    >>> logits([0, 1])
    array([0, 1])
    """
    array: Array = np.asarray(z)
    if array.dtype.kind not in "biufc" or array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(  # with NumPy alone, as machine code is made of what losses call
            f"z: expected logits (k,) or (n, k), numbers, got {array.dtype} {array.shape};"
            " softmax is over the last axis"
        )
    return array


def below_top(z: Array) -> Array:
    """Difference of z from its maximum over the last axis: 0 there, even if it is infinite."""
    top = np.partition(z, z.shape[-1] - 1)[..., -1:]
    at_top = z >= top
    below: Array = np.where(at_top, 0, z) - np.where(at_top, 0, top)
    return below


def softmax(z: ArrayLike) -> Array:
    """Probabilities exp(z_i) / sum_j exp(z_j) over the last axis, in the shape and dtype of z.

    Raises `ValueError` for z that is one number, or words.

    Error: 2.5 / 2.5 eps for 10 classes, 5 / 5 eps for 100.
    Source: Bridle, Training stochastic model recognition algorithms as networks, 1989.

    >>> softmax(np.array([0.0, 0.0, -np.inf]))
    array([0.5, 0.5, 0. ])
    """
    e = np.exp(below_top(logits(z)))
    total: Array = np.asarray(e.sum(-1))[..., None]
    return e / total


def log_softmax(z: ArrayLike) -> Array:
    """The logarithm of `softmax`, relatively exact next to probability 1.

    Error: 2 / 2 eps.

    >>> log_softmax(np.array([50.0, 0.0]))
    array([-1.92874985e-22, -5.00000000e+01])
    """
    below = below_top(logits(z))
    others = np.partition(below, below.shape[-1] - 1)[..., :-1]  # all but one at the top: exp(0)
    total: Array = np.asarray(np.exp(others).sum(-1))[..., None]
    result: Array = below - np.log1p(total)
    return result
