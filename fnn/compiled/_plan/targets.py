"""Targets in the form in which machine code reads them: rows of numbers of the network's dtype."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from fnn._core.numbers import as_floats
from fnn._core.shapes import counted_targets
from fnn.base import Acts, Array, Batch, Loss, Params
from fnn.losses._classification import softmax_cross_entropy
from fnn.losses._weighted import by_target
from fnn.network import forward

PROBED = 64
"""Rows by which a loss is seen to be a sum of one term for each output."""


Form: TypeAlias = Literal["plain", "weighted", "labels"]
"""Content of a row of targets: targets alone, targets and then their weights, or a label."""


class Table(NamedTuple):
    """Samples and their targets, a row of each for every sample, and the weights of the rows.

    With ``by_target`` a row of ``y`` has the targets first and then the weights of each. Class
    labels are rows of one number.
    """

    x: Array
    y: Array
    weight: Array | None
    by_target: bool


def table(loss: Loss, x: Array, y: Array, weight: Array | None) -> Table:
    """The table of checked data, all of one dtype; of one sample it is one of one row."""
    rows = x.shape[:-1]
    labels = y.shape == rows
    if weight is not None:
        y = counted_targets(y, weight)
    if weight is None or weight.shape == rows:
        return Table(x, y[..., None] if labels else y, weight, by_target=False)
    if loss.f is softmax_cross_entropy.f:
        return Table(x, y * weight, None, by_target=False)
    return Table(x, np.concatenate([y, weight], axis=-1), None, by_target=True)


def numbers_in_row(loss: Loss, outputs: int, *, by_target: bool) -> int:
    """The numbers in a row of targets of a table."""
    if has_labels(loss):
        return 1
    return 2 * outputs if by_target else outputs


def has_labels(loss: Loss) -> bool:
    """Tell whether the targets of a loss are class labels."""
    return loss.targets is not None and loss.targets.labels


def form_of(loss: Loss, *, by_target: bool) -> Form:
    """The form of the rows of targets of a table."""
    if has_labels(loss):
        return "labels"
    return "weighted" if by_target else "plain"


def check_terms(
    acts: Acts, loss: Loss, params: Params[Any], batch: Batch, dtype: np.dtype[Any]
) -> None:
    """Refuse weights of each target for a loss that is not a sum of terms, by its first rows."""
    x, y, weight = (
        as_floats("data", array[:PROBED] if np.ndim(batch.x) == 2 else array, dtype)
        for array in batch
        if array is not None
    )
    by_target(loss, weight, forward(acts, params, x), y)
