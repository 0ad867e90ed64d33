"""Partitions of a data set into batches, textbook losses with weights, and rows of a rare class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn import Batch
from fnn.base import Acts, Array, Grads, Loss, Params
from fnn.tree import leaves
from tests.support.oracles import LOSS_SLOPES, LOSSES

Backprop: TypeAlias = Callable[[Acts, Loss, Params[Any], Batch], tuple[float, Grads[Any]]]
"""`fnn.backprop`, or another engine's."""


def partitions(seed: int, n: int) -> Iterator[list[NDArray[np.intp]]]:
    """The numbers of n rows cut into batches: of every size from 1 to n, and at random places."""
    rng = np.random.default_rng(seed)
    for size in range(1, n + 1):
        yield np.array_split(rng.permutation(n), np.arange(size, n, size))
    for cuts in range(n):
        places = 1 + np.sort(rng.permutation(n - 1)[:cuts])
        yield np.array_split(rng.permutation(n), places)


def chosen(batch: Batch, rows: Any) -> Batch:
    """These rows of a batch, or the sample of this number."""
    x, y, weight = batch
    return Batch(x[rows], y[rows], None if weight is None else np.asarray(weight)[rows])


def part(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    """These rows of a batch; one row alone is a sample every other time."""
    return chosen(batch, int(rows[0]) if len(rows) == 1 and rows[0] % 2 else rows)


def sums_over(
    backprop: Backprop, acts: Acts, loss: Loss, params: Params[Any], batches: list[Batch]
) -> list[Array]:
    """The sums over batches of n_b * (value, gradient), an array for each array of the params."""
    totals: list[Array] = []
    for batch in batches:
        rows = len(batch.x) if batch.x.ndim == 2 else 1
        value, grads = backprop(acts, loss, params, batch)
        found = [rows * np.asarray(array) for array in (value, *leaves(grads))]
        totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
    return totals


def weighted_loss(name: str, output: Array, y: Array, weight: Array) -> Array:
    """sum_k w_k term_k for each row, by the textbook, of outputs that may be complex."""
    f = LOSSES[name][1]
    if name == "softmax_cross_entropy":
        return f(output, weight * y)
    terms = [f(output[..., [k]], y[..., [k]]) for k in range(y.shape[-1])]
    total: Array = (weight * np.stack(terms, axis=-1)).sum(-1)
    return total


def weighted_slope(name: str, output: Array, y: Array, weight: Array | float) -> Array:
    """The derivative of `weighted_loss` by the output."""
    if name == "softmax_cross_entropy":
        return LOSS_SLOPES[name](output, weight * y)
    slope: Array = weight * LOSS_SLOPES[name](output, y)
    return slope


def rare_class() -> tuple[Batch, Array]:
    """400 rows of a number and a class, of which 5 % are positive; and the best balanced line.

    The number is normal, and 1.22 greater where the class is positive. The line (w, b) has the
    least cross-entropy where both classes count the same: w is near 1.22 and b near -1.22^2 / 2.
    Newton's method finds it.
    """
    normal = NormalDist()
    negative, positive = (
        np.array([normal.inv_cdf((i + 0.5) / m) for i in range(m)]) for m in (380, 20)
    )
    x, y = np.concatenate([negative, positive + 1.22]), np.repeat([0.0, 1.0], [380, 20])
    weight, line, given = np.where(y > 0, 10.0, 10 / 19), np.zeros(2), np.stack([x, np.ones(400)])
    for _ in range(20):
        p = 1 / (1 + np.exp(-line @ given))
        line = line - np.linalg.solve(
            (weight * p * (1 - p) * given) @ given.T, given @ (weight * (p - y))
        )
    return Batch(x[:, None], y[:, None]), line


def recall(line: Array, data: Batch) -> float:
    """The fraction of the positive rows that (w, b) calls positive."""
    return float(np.mean((data.x @ line[:1] + line[1])[data.y[:, 0] == 1] > 0))
