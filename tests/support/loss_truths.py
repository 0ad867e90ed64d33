"""Softmax in mpmath, and logits that are hard for it."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np

from fnn.base import Array

Real = Any  # an mpmath number
Float = np.float32 | np.float64

DELTA, QUANTILE = 1.35, 0.9


def true_log_softmax(z: list[Real]) -> list[Real]:
    top = z.index(max(z))
    others = mp.fsum(mp.exp(zi - z[top]) for i, zi in enumerate(z) if i != top)
    return [zi - z[top] - mp.log1p(others) for zi in z]


def logits(dtype: type[Float], classes: int) -> Array:
    """Rows close together and far apart, with ties and near ties at the top, and all tied."""
    rng = np.random.default_rng(classes)
    scales = np.repeat([0.01, 1, 8, 40, 300, 1e4], 2)
    z: Array = (rng.normal(size=(12, classes)) * scales[:, None]).astype(dtype)
    z[2, :2] = z[2].max() + 1
    z[4, 0] = z[4].max()
    z[4, 1] = np.nextafter(z[4, 0], dtype(-9))
    z[5] = 0.1
    return z
