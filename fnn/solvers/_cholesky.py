"""Positive definite systems by Cholesky's factor, with NumPy alone.

NumPy factors, but has no triangular solve; in blocks it costs no more than the factor.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
"""A vector or a matrix of the numbers that solvers compute with, whatever the params' dtype."""

BLOCK = 64
"""Rows of a diagonal block: below, a general solve is cheap."""


def cholesky(matrix: Matrix) -> Matrix | None:
    """The lower triangular L with ``L L^T = matrix``; None if it is not positive definite.

    >>> cholesky(np.array([[4.0]])), cholesky(np.array([[-1.0]]))
    (array([[2.]]), None)
    """
    try:
        factor = np.linalg.cholesky(matrix).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        return None
    good = np.isfinite(factor.diagonal()).all()  # NaN and inf pass through some LAPACKs
    return factor if good else None


def forward_solve(factor: Matrix, right: Matrix) -> Matrix:
    """``L^-1 right``, for a vector or for columns."""
    x = right.copy()
    for i in range(0, len(factor), BLOCK):
        part = slice(i, i + BLOCK)
        x[part] = np.linalg.solve(factor[part, part], x[part] - factor[part, :i] @ x[:i])
    return x


def backward_solve(factor: Matrix, right: Matrix) -> Matrix:
    """``L^-T right``, for a vector or for columns."""
    x = right.copy()
    for i in reversed(range(0, len(factor), BLOCK)):
        part, after = slice(i, i + BLOCK), slice(i + BLOCK, None)
        x[part] = np.linalg.solve(factor[part, part].T, x[part] - factor[after, part].T @ x[after])
    return x


def solve(factor: Matrix, right: Matrix) -> Matrix:
    """``(L L^T)^-1 right``."""
    return backward_solve(factor, forward_solve(factor, right))
