"""Rows by their class: hold some out, and give rare classes their weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn import random
from fnn.base import Batch
from fnn.random import Key
from fnn.rows import as_data, take
from fnn.tree import frozen
from fnn.values import check_finite, finite


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


def balanced_weights(labels: ArrayLike | Sequence[str]) -> NDArray[np.float64]:
    """A weight for each row, for `Batch.weight`, by which all classes count alike.

    `labels` are (n,) of any kind, or rows (n, k) such as one-hot targets. A row of a class of c
    rows weighs ``n / (classes * c)``, so the weights add up to n; a class without rows is none.
    As scikit-learn's ``compute_sample_weight("balanced", labels)``. Weights for whole classes of
    your own are ``np.array([1.0, 5.0])[labels]``.

    >>> balanced_weights(["rare", "common", "common"])
    array([1.5 , 0.75, 0.75])
    """
    which = classes("labels", labels)
    sizes = np.bincount(which)
    return frozen(np.divide(len(which), len(sizes) * sizes[which], dtype=np.float64))


def classes(name: str, labels: Any, n: int | None = None) -> NDArray[np.intp]:
    """The number of the class of each row: equal labels, or equal rows of them, are one class."""
    array = np.asarray(labels)
    if array.ndim not in (1, 2) or len(array) == 0 or n not in (None, len(array)):
        raise ValueError(
            f"{name}: expected {n or 'one or more'} labels, (n,) or rows (n, k), got {array.shape}"
        )
    if array.dtype.kind == "f":
        check_finite(name, array)
    axis = None if array.ndim == 1 else 0
    try:
        which: NDArray[np.intp] = np.unique(array, axis=axis, return_inverse=True)[1]
    except TypeError:
        raise TypeError(
            f"{name}: expected labels of one kind, got an array of {array.dtype};"
            " fill in what is missing, and convert it to numbers or strings"
        ) from None
    return which
