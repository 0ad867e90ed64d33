"""Labels of classes: as targets, as numbers, and as weights for rare ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn._core.arrays import frozen
from fnn._core.numbers import as_numbers, check_finite, floating, whole
from fnn.base import F


@overload
def one_hot(labels: ArrayLike, classes: int) -> NDArray[np.float64]: ...
@overload
def one_hot(labels: ArrayLike, classes: int, dtype: type[F] | np.dtype[F]) -> NDArray[F]: ...
def one_hot(labels: ArrayLike, classes: int, dtype: Any = np.float64) -> NDArray[Any]:
    """Targets with a 1 in the place of each label: labels (n,) give (n, classes).

    One label alone gives (classes,). Raises `ValueError` for labels of a higher rank, and for the
    first that is not a whole number from 0 to classes - 1.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    classes = whole("classes", classes, 1)
    array = as_numbers("labels", labels)
    if array.ndim > 1:
        raise ValueError(
            f"labels: expected one for each row, (n,), got {array.shape}; pass labels.ravel()"
        )
    wrong = ~((array >= 0) & (array < classes) & (array == np.floor(array)))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"labels: expected whole numbers from 0 to {classes - 1}, got"
            f" {array.flat[row]} in row {row}; number the classes from 0"
        )
    targets = np.zeros((*array.shape, classes), floating(dtype))
    np.put_along_axis(targets, array.astype(np.intp)[..., None], 1.0, axis=-1)
    return frozen(targets)


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
