"""Euclidean norms whose squares neither overflow nor vanish.

Where they would, numbers are divided by the largest of them before they are squared, which costs a
pass more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fnn.base import Array


def norm(arrays: Iterable[Array]) -> float:
    """The norm of all numbers of all arrays together, in float64.

    >>> norm([np.full(3, 1e200), np.full(1, 1e200)])
    2e+200
    """
    vectors = [np.asarray(array, np.float64).ravel() for array in arrays]
    largest = max((float(np.abs(v).max()) for v in vectors if v.size), default=0.0)
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * math.hypot(*(float(np.linalg.norm(v / largest)) for v in vectors))


def quick_norm(vectors: Iterable[Array]) -> float:
    """The norm of vectors by their squares in their own dtype, or by `norm` where these overflow.

    >>> quick_norm([np.array([3.0]), np.array([4.0])])
    5.0
    """
    vectors = list(vectors)
    with np.errstate(all="ignore"):
        square = sum(float(np.dot(v, v)) for v in vectors)
    return math.sqrt(square) if 1e-30 < square < 1e30 else norm(vectors)


def row_norms(rows: Array) -> Array:
    """The norm of each row of a matrix, in float64 or in the rows' dtype if that is wider.

    >>> row_norms(np.array([[3.0, 4.0], [3e200, 4e200]]))
    array([5.e+000, 5.e+200])
    """
    limits = np.finfo(rows.dtype)
    with np.errstate(over="ignore", under="ignore"):
        squares = np.vecdot(rows, rows)
    wide = np.promote_types(rows.dtype, np.float64)
    norms: Array = np.sqrt(squares, dtype=wide)
    exact = (squares > limits.tiny / limits.eps) & (squares < np.inf)
    if not exact.all():  # only the other rows are divided by their largest number
        others = rows[~exact].astype(wide)
        largest = np.abs(others).max(axis=1, initial=0.0, keepdims=True)
        unit = np.where((largest > 0) & (largest < np.inf), largest, 1.0)
        norms[~exact] = np.linalg.norm(others / unit, axis=1) * unit[:, 0]
    return norms
