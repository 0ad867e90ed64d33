"""Clipping, masks, and one step of an optimizer, which is a list of operations.

Operations have the arguments that `fnn.compiled._code.optimizers` describes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.compiled._code.pointers import P, calling, number, offset
from fnn.compiled._plan.signatures import NORM, VALUE
from fnn.compiled._plan.tables import (
    ADDRESS,
    BEFORE,
    LAST,
    MASK,
    NUMBER,
    OPERATION,
    RATE,
    STRIDE,
    VECTOR,
)

call_operation = calling("operation")


def norm(g: P, q: int) -> float:
    """The Euclidean norm, safe from overflow and underflow."""
    square = 0.0
    for i in range(q):
        square += np.float64(g[i]) * np.float64(g[i])
    if 1e-30 < square < 1e30:
        return math.sqrt(square)
    largest = 0.0
    for i in range(q):
        size = np.float64(abs(g[i]))
        if math.isnan(size):
            return size
        largest = max(largest, size)
    if largest == 0.0 or math.isinf(largest):
        return largest
    square = 0.0
    for i in range(q):
        square += (np.float64(g[i]) / largest) ** 2
    return largest * math.sqrt(square)


def clip_by_norm(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Scale a gradient whose norm is larger than a number down to it."""
    size = norm(g, q)
    if not math.isfinite(size):
        r[0] = size
        return NORM
    if size > c[0]:
        factor = number(p, c[0] / size)
        for i in range(q):
            g[i] *= factor
    return 0


def clip_by_value(
    p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P
) -> int:
    """Move every number into a range."""
    low = high = 0.0
    for i in range(q):
        gi = np.float64(g[i])
        if math.isnan(gi):
            low = high = gi
            break
        low, high = min(low, gi), max(high, gi)
    if not (math.isfinite(low) and math.isfinite(high)):
        r[0], r[1] = low, high
        return VALUE
    factor = number(p, c[0])
    for i in range(q):
        g[i] = min(max(g[i], -factor), factor)
    return 0


def hold(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Begin a masked optimizer: set masked gradients to 0, and copy its vectors to spare ones."""
    vectors = int(c[0])
    spare = offset(s, vectors * q)
    for i in range(q):
        if m[i] != 0:
            g[i] = 0
    for i in range(vectors * q):
        spare[i] = s[i]
    return 0


def release(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """End a masked optimizer: set masked updates to -0, and restore its state there."""
    vectors = int(c[0])
    spare = offset(s, vectors * q)
    for i in range(q):
        if m[i] != 0:
            g[i] = -0.0
            for j in range(vectors):
                s[j * q + i] = spare[j * q + i]
    return 0


def give_all(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Add the update to the params, after an operation that cannot."""
    for i in range(q):
        p[i] = g[i] + p[i]
    return 0


def descend(
    ops: P,
    n_ops: int,
    numbers: P,
    rates: P,
    step: int,
    p: P,
    g: P,
    s: P,
    masks: P,
    q: int,
    report: P,
) -> int:
    """Take one step by the operations, in their order; return 0, or the first value that is not."""
    for k in range(n_ops):
        op = offset(ops, k * OPERATION)
        wrong: int = call_operation(
            op[ADDRESS],
            p,
            g,
            offset(s, op[VECTOR] * q),
            offset(masks, op[MASK] * q),
            q,
            rates[op[RATE] + op[STRIDE] * step],
            offset(numbers, op[NUMBER]),
            op[BEFORE] + step + 1,
            op[LAST],
            report,
        )
        if wrong:
            return wrong
    return 0


KERNELS: dict[str, Callable[..., Any]] = {
    "clip_by_norm": clip_by_norm,
    "clip_by_value": clip_by_value,
    "hold": hold,
    "release": release,
    "give_all": give_all,
    "descend": descend,
}
