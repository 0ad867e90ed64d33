"""A split of a data set in two: rows to train on, and rows held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fnn._core.numbers import check_finite, within
from fnn._core.rows import as_data, take
from fnn.base import Batch
from fnn.data._labels import class_indices
from fnn.random import Key, fold_in, permutation, uniform


def split(
    key: Key, fraction: float, data: Batch, stratify: ArrayLike | Sequence[str] | None = None
) -> tuple[Batch, Batch]:
    """Divide rows at random: ``(rest, held_out)``, as scikit-learn's `train_test_split` does.

    Of the n rows, ``m = round(fraction * n)`` are held out. Every row comes once, with its weight,
    in the random order of `key`, and each is held out with probability m / n. With `stratify`,
    labels (n,) or rows (n, k) such as one-hot targets, a class of c rows has c * m / n of them
    held out, rounded up or down: classes of too few rows may be missing on one side.

    The rows are copied. Raises `ValueError` for a fraction outside (0, 1), for one that leaves
    either side empty, and for a number in ``data.x`` that is not finite, by its row and column.
    Source: Madow and Madow, "On the theory of systematic sampling", 1944.

    >>> from fnn.random import key
    >>> data = Batch(np.arange(10.0).reshape(10, 1), np.eye(2).repeat(5, axis=0))
    >>> rest, held_out = split(key(0), 0.2, data, stratify=data.y)
    >>> rest.y.sum(axis=0), held_out.y.sum(axis=0)
    (array([4., 4.]), array([1., 1.]))
    """
    remedy = "it is the share of the rows to hold out"
    fraction = within("fraction", fraction, 0.0, 1.0, "()", remedy)
    data = as_data(data)
    check_finite("data.x", data.x)
    n = len(data.x)
    m = round(fraction * n)
    if not 0 < m < n:
        raise ValueError(
            f"fraction: expected rows on both sides, got {m} of {n} rows held out by {fraction!r}"
        )
    order = permutation(fold_in(key, 0), n)
    by_class = order
    if stratify is not None:
        by_class = order[class_indices("stratify", stratify, n)[order].argsort(kind="stable")]
    # Walk the classes from a random start, and hold out the row at every n / m-th step.
    start = int(uniform(fold_in(key, 1), (), 0, n))
    steps = np.diff((start + m * np.arange(n + 1)) // n)
    out = np.zeros(n, bool)
    out[by_class[steps == 1]] = True
    return take(data, order[~out[order]]), take(data, order[out[order]])
