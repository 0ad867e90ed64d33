"""Small random networks, and batches with targets that a loss is meant for."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fnn import Array, Batch, Params, init, key
from fnn.initializers import normal
from fnn.random import fold_in, split
from fnn.random import normal as draw
from tests.support.losses import ORACLES

SEEDS = st.integers(0, 2**32 - 1)


def network(seed: int, sizes: tuple[int, ...]) -> Params:
    return init(key(seed), sizes, normal(0.7), normal(0.3))


def data(seed: int, loss: str, rows: int | None, n_in: int, n_out: int) -> Batch:
    """A sample (rows=None) or rows of them, with targets that the loss is meant for."""
    leading = () if rows is None else (rows,)
    x_key, y_key = split(fold_in(key(seed), 99))
    x, y = draw(x_key, (*leading, n_in)), draw(y_key, (*leading, n_out))
    return Batch(x, ORACLES[loss].targets(y))


def standard(table: Array, weight: Array | None = None) -> Array:
    """Columns of weighted mean 0 and deviation 1, as solvers see all data."""
    centered: Array = table - np.average(table, axis=0, weights=weight)
    scaled: Array = centered / np.sqrt(np.average(centered**2, axis=0, weights=weight))
    return scaled
