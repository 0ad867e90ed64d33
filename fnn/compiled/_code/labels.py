"""The loss `fnn.losses.softmax_cross_entropy_with_integer_labels` of one sample.

Its functions look up the labels of many rows at once, which machine code has no rows for. These
take their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.losses._logits import below_top


def label_loss(z: Any, label: Any) -> Any:
    """The loss -log p of the label's class, p = softmax(z)."""
    below = below_top(z)
    top = 0
    for i in range(1, len(z)):
        if not below[i] <= below[top]:  # NaN, too
            top = i
    total = 0.0
    for i in range(len(z)):
        if i != top:  # all but one at the top: log1p keeps a small loss exact
            total += np.exp(below[i])
    return np.log1p(total) - below[label]


def label_slope(z: Any, label: Any) -> Any:
    """The slopes of `label_loss`: p, less 1 at the label."""
    slope = np.exp(below_top(z))
    total = slope.sum()
    for i in range(len(z)):
        slope[i] /= total
    slope[label] -= 1
    return slope
