"""What comes before and after optimizers, in their form: `fnn.compiled._code.optimizers` has it."""

from __future__ import annotations

import math

import numpy as np

from fnn.compiled._code.kernels import P
from fnn.compiled._code.pointers import number, offset, whole
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


def clip_norm(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Scale a gradient down to a norm."""
    size = norm(g, q)
    if not math.isfinite(size):
        r[0] = size
        return NORM
    if size > c[0]:
        factor = number(p, c[0] / size)
        for i in range(q):
            g[i] *= factor
    return 0


def clip_value(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
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
    """Before a masked optimizer: no gradient where the mask is False, and its state put by."""
    vectors = int(c[0])
    spare = offset(s, vectors * q)
    for i in range(q):
        if m[i] != 0:
            g[i] = 0
    for i in range(vectors * q):
        spare[i] = s[i]
    return 0


def release(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """After it: no update there, and the state as it was."""
    vectors = int(c[0])
    spare = offset(s, vectors * q)
    for i in range(q):
        if m[i] != 0:
            g[i] = -0.0
            for j in range(vectors):
                s[j * q + i] = spare[j * q + i]
    return 0


def give_all(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """What adds the update where the last operation could not."""
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
    """One step: the operations in turn. 0, or what is wrong with the gradient."""
    for k in range(n_ops):
        op = offset(ops, k * OPERATION)
        wrong: int = whole(
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
