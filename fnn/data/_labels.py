"""Labels of classes: as targets, as indices, and as weights for rare classes."""

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
    """Targets (n, classes) for labels (n,): each row is 0 but for a 1 in the column of its label.

    One label alone gives (classes,). The result has the floating `dtype`, by default float64.
    Raises `ValueError` for labels of a higher rank, and for the first label that is not a whole
    number from 0 to classes - 1; `TypeError` for labels that are not numbers.

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
    """Weights (n,) in float64 that give every class the same total, for `Batch.weight`.

    `labels` are numbers or strings (n,), or rows (n, k) such as one-hot targets. A row of a class
    of c rows weighs ``n / (classes * c)``, so all weights add up to n; only classes that occur
    are counted. As scikit-learn's ``compute_sample_weight("balanced", labels)``. For weights that
    you choose by class, index them: ``np.array([1.0, 5.0])[labels]``. Raises `ValueError` for no
    labels and for labels of another shape, `TypeError` for labels that cannot be compared.

    >>> balanced_weights(["rare", "common", "common"])
    array([1.5 , 0.75, 0.75])
    """
    indices = class_indices("labels", labels)
    sizes = np.bincount(indices)
    return frozen(np.divide(len(indices), len(sizes) * sizes[indices], dtype=np.float64))


def class_indices(name: str, labels: Any, n: int | None = None) -> NDArray[np.intp]:
    """The index of each row's class; rows with equal labels, or equal rows of them, share one."""
    array = np.asarray(labels)
    if array.ndim not in (1, 2) or len(array) == 0 or n not in (None, len(array)):
        raise ValueError(
            f"{name}: expected {n or 'one or more'} labels, (n,) or rows (n, k), got {array.shape}"
        )
    if array.dtype.kind == "f":
        check_finite(name, array)
    axis = None if array.ndim == 1 else 0
    try:
        indices: NDArray[np.intp] = np.unique(array, axis=axis, return_inverse=True)[1]
    except TypeError:
        raise TypeError(
            f"{name}: expected labels of one kind, got an array of {array.dtype};"
            " fill in what is missing, and convert it to numbers or strings"
        ) from None
    return indices
