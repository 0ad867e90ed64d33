"""Rows by their class: hold some out, and give rare classes their weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fnn import random
from fnn._core.numbers import check_finite, finite
from fnn.base import Batch
from fnn.data._labels import classes
from fnn._core.rows import as_data, take
from fnn.random import Key


def split(
    key: Key, fraction: float, data: Batch, stratify: ArrayLike | Sequence[str] | None = None
) -> tuple[Batch, Batch]:
    """``(rest, held_out)``: train and test rows, as from scikit-learn's `train_test_split`.

    Of the n rows, ``m = round(fraction * n)`` are held out. Every row comes once, with its weight,
    in the random order of `key`, and each is held out with probability m / n. With `stratify`,
    labels (n,) or rows (n, k) such as one-hot targets, a class of c rows has c * m / n of them
    held out, rounded up or down: classes of too few rows may be missing on one side.

    The rows are copied. Raises `ValueError` for a fraction outside (0, 1), for one that leaves
    either side empty, and for a number in ``data.x`` that is not finite, by its row and column.
    Systematic sampling: Madow and Madow, On the theory of systematic sampling, 1944.

    >>> data = Batch(np.arange(10.0).reshape(10, 1), np.eye(2).repeat(5, axis=0))
    >>> rest, held_out = split(random.key(0), 0.2, data, stratify=data.y)
    >>> rest.y.sum(axis=0), held_out.y.sum(axis=0)
    (array([4., 4.]), array([1., 1.]))
    """
    fraction = finite("fraction", fraction)
    if not 0 < fraction < 1:
        raise ValueError(
            f"fraction: expected the share of rows to hold out, between 0 and 1, got {fraction!r}"
        )
    data = as_data(data)
    check_finite("data.x", data.x)
    n = len(data.x)
    m = round(fraction * n)
    if not 0 < m < n:
        raise ValueError(
            f"fraction: expected rows on both sides, got {m} of {n} rows held out by {fraction!r}"
        )
    order_key, start_key = random.split(key)
    order = random.permutation(order_key, n)
    by_class = order
    if stratify is not None:
        by_class = order[classes("stratify", stratify, n)[order].argsort(kind="stable")]
    # Walk the classes from a random start, and hold out the row at every n / m-th step.
    start = int(random.uniform(start_key, (), 0, n))
    steps = np.diff((start + m * np.arange(n + 1)) // n)
    out = np.zeros(n, bool)
    out[by_class[steps == 1]] = True
    return take(data, order[~out[order]]), take(data, order[out[order]])
