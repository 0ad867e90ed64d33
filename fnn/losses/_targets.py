"""Targets that are missing, or less than certain."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from fnn._core import checks
from fnn._core.arrays import frozen
from fnn._core.numbers import as_numbers, within
from fnn._core.reprs import documented
from fnn.base import Array, Loss

_PROBE = np.array([0.5, -1.5, 2.0]), np.array([1.0, 0.5, 0.75])


def masked_loss(loss: Loss) -> Loss:
    """Mask missing targets: `loss` without the outputs whose target is NaN.

    Their terms and slopes are 0: f is the sum over the known targets of a row, and 0 for a row that
    has none. The mean that `fnn.backprop` takes is over all rows; passes over data leave out those
    of weight 0. Weights in the shape of y do the same as NaN where they are 0 and any finite number
    stands for the missing target. Outputs are left out one by one, so
    `loss` must be a sum of one term for each of them, as all of `fnn.losses` are but
    softmax_cross_entropy: others are a `ValueError`. A missing class label is a row to leave out.
    Targets with NaN are scaled by ``Scaling(nanmean(y, 0), nanstd(y, 0))``, with a scale of 1 for a
    column that is constant.

    >>> from fnn.losses import squared_error
    >>> known = masked_loss(squared_error)
    >>> known.f(np.array([3.0, 5.0]), np.array([1.0, np.nan]))
    np.float64(4.0)
    >>> known.df(np.array([3.0, 5.0]), np.array([1.0, np.nan]))
    array([4., 0.])
    """
    checks.check_loss(loss)
    masked = Loss(
        documented(partial(sum_of_known, loss.f), masked_loss.__doc__),
        partial(where_known, loss.df),
        None if loss.d2f is None else partial(where_known, loss.d2f),
        targets=None if loss.targets is None else loss.targets._replace(missing=True),
        logits=loss.logits,
        name=f"masked_loss({loss})",
    )
    together, one_by_one = float(loss.f(*_PROBE)), float(masked.f(*_PROBE))
    if not math.isclose(together, one_by_one, rel_tol=1e-6):
        raise ValueError(
            f"loss: expected a sum of one term for each output, got {together:.6g} for three"
            f" outputs and {one_by_one:.6g} from one at a time; leave out rows with missing targets"
        )
    return masked


def where_known(of: Callable[..., Array], output: Array, target: Array, *v: Array) -> Array:
    """The values of `of` for outputs taken as samples of their own; 0 where the target is NaN."""
    known = ~np.isnan(target)
    stand_in = np.where(known, target, 1)  # a label, a probability, a count: no loss warns of it
    values = of(*(part.ravel()[:, None] for part in (output, stand_in, *v)))
    return np.where(known, values.reshape(output.shape), 0)


def sum_of_known(f: Callable[[Array, Array], Array], output: Array, target: Array) -> Array:
    """The sum of the losses of outputs taken as samples of their own, without unknown targets."""
    total: Array = where_known(f, output, target).sum(-1)
    return total


def label_smoothing(alpha: float, targets: ArrayLike) -> Array:
    """Smoothed targets: `alpha` of each row's certainty is spread evenly over all classes.

    ``(1 - alpha) * y + alpha / k`` for rows (n, k) of class probabilities, or one of them (k,): as
    optax's `smooth_labels`. By it softmax_cross_entropy is (1 - alpha) times that of the targets
    and alpha times that of the uniform distribution, as PyTorch's and Keras's label_smoothing is.
    Smooth the targets to train on, not those to validate with. The floating dtype is kept.

    Raises `ValueError` for an alpha outside [0, 1], fewer than two classes, or a row that is not
    probabilities with sum 1; targets of sigmoids are smoothed by ``(1 - alpha) * y + alpha / 2``.
    Source: Szegedy et al., Rethinking the Inception architecture for computer vision, 2016.

    >>> label_smoothing(0.3, [[0.0, 1.0, 0.0]])
    array([[0.1, 0.8, 0.1]])
    """
    alpha = within("alpha", alpha, 0, 1)
    y = as_numbers("targets", targets)
    if y.ndim not in (1, 2) or y.shape[-1] < 2:
        raise ValueError(
            f"targets: expected rows (n, k) for k >= 2 classes, got {y.shape}; smooth the targets"
            " of a sigmoid by (1 - alpha) * y + alpha / 2"
        )
    rows = np.atleast_2d(y)
    good = (rows >= 0).all(-1) & (np.abs(rows.sum(-1) - 1.0) <= 1e-3)
    if not good.all():
        row = int(good.argmin())
        raise ValueError(
            f"targets: expected probabilities with sum 1, got {rows[row].tolist()} in row {row};"
            " class labels become targets by fnn.one_hot(labels, classes)"
        )
    kept = y if y.dtype.kind == "f" else y.astype(float)
    return frozen((1 - alpha) * kept + alpha / y.shape[-1])
