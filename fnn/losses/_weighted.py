"""Losses of samples that have weights: one for each sample, or one for each of its targets.

With a weight for each row a batch of n rows has the loss ``sum_i w_i loss_i / n``. With one for
each target, loss_i is ``sum_k w_ik term_k``, so the slopes are w_ik times those of the terms, and
the mean over the rows stays a plain one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import as_floats
from fnn._core.shapes import check_like_output, check_weight, row_share
from fnn.base import Array, F, Loss
from fnn.losses._classification import softmax_cross_entropy
from fnn.losses._terms import summed


def weighted(
    loss: Loss, weight: Any, output: NDArray[F], y: Array
) -> tuple[Loss, NDArray[F] | float]:
    """The loss of each row, and the share of each in the batch's loss: one number, or w_i / n.

    Weights for each target are in the loss that is returned, which is for this output and y alone.
    Raises `ValueError` for weights that do not fit, for an empty batch, and where weights for each
    target meet a loss that is not a sum of one term for each output.
    """
    share = row_share(output)
    if weight is None:
        return loss, share
    checked = check_weight(weight, output.shape[:-1], y.shape, output.dtype)
    if checked.ndim == 0:
        return loss, checked
    if checked.ndim < output.ndim:
        shares: NDArray[F] = np.multiply(checked, share)
        return loss, shares
    return by_target(loss, checked, output, y), share


def by_target(loss: Loss, weight: NDArray[F], output: NDArray[F], y: NDArray[F]) -> Loss:
    """The loss ``sum_k w_k term_k`` of rows with these checked weights, (n, n_out) or (n_out,).

    For softmax_cross_entropy the weights multiply the targets: -sum_k w_k y_k log p_k.
    """
    d2f = loss.d2f
    if loss.f is softmax_cross_entropy.f:
        return Loss(
            lambda output, y: loss.f(output, weight * y),
            lambda output, y: loss.df(output, weight * y),
            None if d2f is None else lambda output, y, v: d2f(output, weight * y, v),
        )
    if output.shape[-1] > 1 and not (isinstance(loss.f, partial) and loss.f.func is summed):
        _check_sum(loss, output, y)
    return Loss(
        lambda output, y: (weight * terms(loss, output, y)).sum(-1),
        lambda output, y: weight * check_like_output("loss.df", loss.df(output, y), output),
        None
        if d2f is None
        else lambda output, y, v: weight * check_like_output("loss.d2f", d2f(output, y, v), output),
    )


def terms(loss: Loss, output: NDArray[F], y: NDArray[F]) -> NDArray[F]:
    """The terms of a loss, in the shape of the output: the losses of outputs taken alone."""
    if isinstance(loss.f, partial) and loss.f.func is summed:
        values: Any = loss.f.args[0](output, y)
    else:
        values = loss.f(output.reshape(-1, 1), y.reshape(-1, 1))
        values = values.reshape(output.shape)
    return as_floats("loss.f", values, output.dtype)


def _check_sum(loss: Loss, output: NDArray[F], y: NDArray[F]) -> None:
    """Refuse a loss that is not a sum of one term for each output, by its values in this batch."""
    together: Array = np.asarray(loss.f(output, y))
    try:
        alone = terms(loss, output, y)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _not_a_sum(loss, f"{type(error).__name__} for one output at a time") from error
    with np.errstate(invalid="ignore", over="ignore"):
        total, size = alone.sum(-1), np.abs(alone).sum(-1)
        wrong = np.abs(together - total) > np.sqrt(np.finfo(output.dtype).eps) * size
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise _not_a_sum(
            loss, f"{together.flat[row]} for sample {row} and {total.flat[row]} from its terms"
        )


def _not_a_sum(loss: Loss, found: str) -> ValueError:
    return ValueError(
        "loss: expected a sum of one term for each output, as batch.weight has a number for each,"
        f" got {found}; give one number for each row, or put the weights into the loss"
    )
