"""Triangular solves in blocks are those of a general solver."""

from __future__ import annotations

import numpy as np
import pytest

from fnn.random import key, normal
from fnn.solvers._cholesky import BLOCK, backward_solve, cholesky, forward_solve, solve


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 9])
@pytest.mark.parametrize("columns", [(), (3,)])
def test_blocks_solve_what_a_general_solver_does(size: int, columns: tuple[int, ...]) -> None:
    square, right = normal(key(0), (size, size)), normal(key(1), (size, *columns))
    matrix = square @ square.T + size * np.eye(size)
    factor = cholesky(matrix)
    assert factor is not None
    np.testing.assert_allclose(factor @ factor.T, matrix, atol=1e-12 * size)
    # The condition is below 10: no more than some eps is lost.
    for got, expected in (
        (forward_solve(factor, right), np.linalg.solve(factor, right)),
        (backward_solve(factor, right), np.linalg.solve(factor.T, right)),
        (solve(factor, right), np.linalg.solve(matrix, right)),
    ):
        np.testing.assert_allclose(got, expected, atol=1e-13)


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
def test_what_is_not_positive_definite_and_finite_has_no_factor(bad: float) -> None:
    matrix = np.eye(5)
    matrix[2, 2] = bad
    assert cholesky(matrix) is None
