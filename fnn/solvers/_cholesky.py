"""Systems of equations with a positive definite matrix, solved by its Cholesky factor.

NumPy has the factor but no triangular solve. In blocks, a solve costs no more than the factor.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
"""A vector or a matrix in float64, in which solvers compute whatever the dtype of the params."""

BLOCK = 64
"""Rows of a diagonal block: a general solve of so few equations is cheap."""


def cholesky(matrix: Matrix) -> Matrix | None:
    """The lower triangular L with ``L L^T = matrix``; None if that is not positive definite.

    >>> cholesky(np.array([[4.0]])), cholesky(np.array([[-1.0]]))
    (array([[2.]]), None)
    """
    try:
        factor = np.linalg.cholesky(matrix).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        return None
    finite = np.isfinite(factor.diagonal()).all()  # some LAPACKs let NaN and inf pass
    return factor if finite else None


def forward_solve(factor: Matrix, right: Matrix) -> Matrix:
    """``L^-1 right``, for a vector or for the columns of a matrix."""
    x = right.copy()
    for i in range(0, len(factor), BLOCK):
        part = slice(i, i + BLOCK)
        x[part] = np.linalg.solve(factor[part, part], x[part] - factor[part, :i] @ x[:i])
    return x


def backward_solve(factor: Matrix, right: Matrix) -> Matrix:
    """``L^-T right``, for a vector or for the columns of a matrix."""
    x = right.copy()
    for i in reversed(range(0, len(factor), BLOCK)):
        part, after = slice(i, i + BLOCK), slice(i + BLOCK, None)
        x[part] = np.linalg.solve(factor[part, part].T, x[part] - factor[after, part].T @ x[after])
    return x


def solve(factor: Matrix, right: Matrix) -> Matrix:
    """``(L L^T)^-1 right``, for a vector or for the columns of a matrix."""
    return backward_solve(factor, forward_solve(factor, right))
