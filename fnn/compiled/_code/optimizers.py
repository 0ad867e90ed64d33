"""The optimizers, as loops over the params that compute what the rules of `fnn.optimizers` do.

All have the signature of an operation. They get q params p and their gradient g, and overwrite g by
the update; the `last` operation adds the update to p instead. s is the optimizer's state, one
vector after another; m is 1 where a mask is False; c are the rule's numbers; t is 1 at the first
step. They return 0, or say that the gradient is not finite (`NORM` or `VALUE`) and write its size
to the report r. Sums and products come in the order of the NumPy rules, so that the results are
theirs to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.compiled._code.lanes import root
from fnn.compiled._code.pointers import P, number, offset


def give(p: P, g: P, i: int, update: float, last: int) -> None:
    """Write an update to g, or add it to p if the operation is the last."""
    if last:
        p[i] = update + p[i]
    else:
        g[i] = update


def weight_sum(b: float, t: int) -> float:
    """The sum ``1 + b + ... + b ** (t - 1)``, as `fnn.optimizers._moments.weight_sum`."""
    return (1.0 - math.pow(b, float(t))) / (1.0 - b)


def sgd(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Gradient descent; no state."""
    factor = number(p, -rate)
    for i in range(q):
        give(p, g, i, g[i] * factor, last)
    return 0


def momentum(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Polyak's momentum; s is ``carried``."""
    factor, mass = number(p, -rate), number(p, c[0])
    for i in range(q):
        v = g[i] + s[i]
        s[i] = v * mass
        give(p, g, i, v * factor, last)
    return 0


def nesterov(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Nesterov's momentum; s is ``carried``."""
    factor, mass = number(p, -rate), number(p, c[0])
    for i in range(q):
        carried = (g[i] + s[i]) * mass
        s[i] = carried
        give(p, g, i, (g[i] + carried) * factor, last)
    return 0


def adagrad(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Adagrad; s is ``squares``."""
    factor, eps = number(p, -rate), number(p, c[0])
    for i in range(q):
        v = g[i] * g[i] + s[i]
        s[i] = v
        give(p, g, i, g[i] / (root(v) + eps) * factor, last)
    return 0


def rmsprop(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """RMSProp; s is ``squares``."""
    factor, eps = number(p, -rate), number(p, c[1])
    kept, fresh = number(p, c[0]), number(p, 1.0 - c[0])
    for i in range(q):
        v = g[i] * g[i] * fresh + kept * s[i]
        s[i] = v
        give(p, g, i, g[i] / (root(v) + eps) * factor, last)
    return 0


def rprop(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Rprop; s is ``signs``, then ``sizes``."""
    shrink, grow = number(p, c[1]), number(p, c[2])
    least, most = number(p, c[3]), number(p, c[4])
    sizes = offset(s, q)
    for i in range(q):
        sign = np.sign(g[i])
        product, size = sign * s[i], sizes[i]
        if product > 0:
            size = size * grow
        if product < 0:
            size = size * shrink
            sign = number(p, 0.0)
        size = min(max(size, least), most)
        s[i] = sign
        sizes[i] = size
        give(p, g, i, -(sign * size), last)
    return 0


def adam(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Adam; s is ``m``, then ``v``."""
    b1, b2 = number(p, c[0]), number(p, c[1])
    debias = math.sqrt(weight_sum(c[1], t))
    eps = number(p, c[2] * debias)
    factor = number(p, -rate * debias / weight_sum(c[0], t))
    v = offset(s, q)
    for i in range(q):
        m1 = s[i] * b1 + g[i]
        v1 = v[i] * b2 + g[i] * g[i]
        s[i] = m1
        v[i] = v1
        give(p, g, i, m1 / (root(v1) + eps) * factor, last)
    return 0


def nadam(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Nadam; s is ``m``, then ``v``."""
    b1, b2 = number(p, c[0]), number(p, c[1])
    debias = math.sqrt(weight_sum(c[1], t))
    eps, factor = number(p, c[2] * debias), number(p, -rate * debias)
    here = number(p, 1.0 / weight_sum(c[0], t))
    ahead = number(p, c[0] / weight_sum(c[0], t + 1))
    v = offset(s, q)
    for i in range(q):
        m1 = s[i] * b1 + g[i]
        v1 = g[i] * g[i] + b2 * v[i]
        s[i] = m1
        v[i] = v1
        give(p, g, i, (g[i] * here + ahead * m1) / (root(v1) + eps) * factor, last)
    return 0


def amsgrad(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Amsgrad; s is ``m``, then ``v``, then ``top``."""
    b1, b2 = number(p, c[0]), number(p, c[1])
    debias = math.sqrt(weight_sum(c[1], t))
    eps = number(p, c[2] * debias)
    factor = number(p, -rate * debias / weight_sum(c[0], t))
    v, top = offset(s, q), offset(s, 2 * q)
    for i in range(q):
        m1 = s[i] * b1 + g[i]
        v1 = v[i] * b2 + g[i] * g[i]
        top1 = max(top[i], v1)
        s[i] = m1
        v[i] = v1
        top[i] = top1
        give(p, g, i, m1 / (root(top1) + eps) * factor, last)
    return 0


def adamax(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Adamax; s is ``m``, then ``u``."""
    b1, b2, eps = number(p, c[0]), number(p, c[1]), number(p, c[2])
    factor = number(p, -rate / weight_sum(c[0], t))
    u = offset(s, q)
    for i in range(q):
        m1 = s[i] * b1 + g[i]
        u1 = max(u[i] * b2, abs(g[i]) + eps)
        s[i] = m1
        u[i] = u1
        give(p, g, i, m1 / u1 * factor, last)
    return 0


def lion(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Lion; s is ``m``."""
    factor = number(p, -rate)
    b1, fresh1 = number(p, c[0]), number(p, 1.0 - c[0])
    b2, fresh2 = number(p, c[1]), number(p, 1.0 - c[1])
    for i in range(q):
        sign = np.sign(g[i] * fresh1 + b1 * s[i])
        s[i] = g[i] * fresh2 + b2 * s[i]
        give(p, g, i, sign * factor, last)
    return 0


def scale_each(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Multiply every number by one of its own, which stands in m."""
    for i in range(q):
        give(p, g, i, g[i] * m[i], last)
    return 0


def add_decayed_weights(
    p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P
) -> int:
    """L2: add the params, except masked ones, times a number and the rate."""
    factor = number(p, c[0] * rate)
    for i in range(q):
        kept = number(p, 0.0) if m[i] != 0 else p[i]
        give(p, g, i, g[i] + factor * kept, last)
    return 0


def add_l1(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """L1: add the signs of the params, except masked ones, times a number."""
    factor = number(p, c[0])
    for i in range(q):
        kept = number(p, 0.0) if m[i] != 0 else p[i]
        give(p, g, i, g[i] + factor * np.sign(kept), last)
    return 0


def scale(p: P, g: P, s: P, m: P, q: int, rate: float, c: P, t: int, last: int, r: P) -> int:
    """Multiply by a number."""
    factor = number(p, c[0])
    for i in range(q):
        give(p, g, i, g[i] * factor, last)
    return 0


KERNELS: dict[str, Callable[..., Any]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "rprop": rprop,
    "adam": adam,
    "nadam": nadam,
    "amsgrad": amsgrad,
    "adamax": adamax,
    "lion": lion,
    "scale_each": scale_each,
    "add_decayed_weights": add_decayed_weights,
    "add_l1": add_l1,
    "scale": scale,
}
