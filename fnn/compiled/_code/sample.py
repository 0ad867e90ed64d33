"""Training on one sample: plain loops over flat memory.

A network is a vector of integers, `net` (`fnn.compiled._plan.tables`). Rows of W and vectors are
padded to whole registers (`fnn.compiled._code.lanes`) with zeros, which stay zeros. A layer's W
comes before its b, and layer before layer. The equations are those of `fnn.network`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fnn.compiled._code.lanes import (
    add,
    lanes,
    load,
    nothing,
    plus,
    put,
    splat,
    store,
    times,
    total,
)
from fnn.compiled._code.pointers import P, calling, number, offset
from fnn.compiled._plan.tables import (
    ACTIVATION,
    ALL_PARAMS,
    ALL_WIDTHS,
    DEPTH,
    LAYER,
    LAYERS,
    LOSS,
    N_IN,
    N_OUT,
    WIDTH,
)

call_activation = calling("activation")
call_loss = calling("loss")


def product(x: P, m: int, w: P, b: P, n: int, z: P) -> None:
    """Set ``z = x W + b``: four vectors of z at a time, then one, then number by number."""
    step = lanes(w)
    j = 0
    while j + 4 * step <= n:
        s0, s1 = load(b, j), load(b, j + step)
        s2, s3 = load(b, j + 2 * step), load(b, j + 3 * step)
        k = j
        for i in range(m):
            xi = splat(x[i])
            s0 = plus(s0, xi, load(w, k))
            s1 = plus(s1, xi, load(w, k + step))
            s2 = plus(s2, xi, load(w, k + 2 * step))
            s3 = plus(s3, xi, load(w, k + 3 * step))
            k += n
        store(z, j, s0)
        store(z, j + step, s1)
        store(z, j + 2 * step, s2)
        store(z, j + 3 * step, s3)
        j += 4 * step
    while j + step <= n:
        s = load(b, j)
        k = j
        for i in range(m):
            s = plus(s, splat(x[i]), load(w, k))
            k += n
        store(z, j, s)
        j += step
    while j < n:
        rest = b[j]
        k = j
        for i in range(m):
            rest += x[i] * w[k]
            k += n
        z[j] = rest
        j += 1


def outer(x: P, m: int, d: P, n: int, t: P) -> None:
    """Add an outer product: ``T += x d``."""
    k = 0
    for i in range(m):
        xi = splat(x[i])
        for j in range(0, n, lanes(t)):
            store(t, k, plus(load(t, k), xi, load(d, j)))
            k += lanes(t)


def turn(old: P, d: P, x: P, m: int, w: P, b: P, n: int, z: P) -> None:
    """Set ``W += old d``, then ``z = x W + b``, reading W once: it may be larger than the cache."""
    step = lanes(w)
    j = 0
    while j + 4 * step <= n:
        d0, d1 = load(d, j), load(d, j + step)
        d2, d3 = load(d, j + 2 * step), load(d, j + 3 * step)
        s0, s1 = load(b, j), load(b, j + step)
        s2, s3 = load(b, j + 2 * step), load(b, j + 3 * step)
        k = j
        for i in range(m):
            oi, xi = splat(old[i]), splat(x[i])
            w0 = plus(load(w, k), oi, d0)
            w1 = plus(load(w, k + step), oi, d1)
            w2 = plus(load(w, k + 2 * step), oi, d2)
            w3 = plus(load(w, k + 3 * step), oi, d3)
            store(w, k, w0)
            store(w, k + step, w1)
            store(w, k + 2 * step, w2)
            store(w, k + 3 * step, w3)
            s0, s1 = plus(s0, xi, w0), plus(s1, xi, w1)
            s2, s3 = plus(s2, xi, w2), plus(s3, xi, w3)
            k += n
        store(z, j, s0)
        store(z, j + step, s1)
        store(z, j + 2 * step, s2)
        store(z, j + 3 * step, s3)
        j += 4 * step
    while j < n:
        dj, s = load(d, j), load(b, j)
        k = j
        for i in range(m):
            r = plus(load(w, k), splat(old[i]), dj)
            store(w, k, r)
            s = plus(s, splat(x[i]), r)
            k += n
        store(z, j, s)
        j += step


def pull(x: P, m: int, w: P, d: P, n: int, t: P, e: P) -> None:
    """Set ``e *= W d``, then ``T += x d``, reading W once; T may be W.

    e is written by whole registers, for it is read next: a processor waits for single numbers.
    """
    step = lanes(w)
    k = 0
    for i in range(0, m, step):
        ei = nothing(e)
        for lane in range(min(step, m - i)):
            s = nothing(w)
            xi = splat(x[i + lane])
            for j in range(0, n, step):
                wj, dj = load(w, k), load(d, j)
                s = plus(s, wj, dj)
                store(t, k, plus(load(t, k), xi, dj))
                k += step
            ei = put(ei, lane, e[i + lane] * total(s))
        store(e, i, ei)


def layer_of(net: P, i: int) -> P:
    """The row of a layer in the table of the network."""
    return offset(net, LAYERS + LAYER * i)


def upward(net: P, p: P, x: P, z: P, a: P, d: P, old: P, due: int) -> None:
    """Set every layer's z, a and f'(z) for the sample x.

    Where the first W's update is `due`, the outer product of `old` and d, it comes first.
    """
    o = q = 0
    source = x
    for i in range(net[DEPTH]):
        layer = layer_of(net, i)
        m, n = layer[N_IN], layer[WIDTH]
        w, b, zi = offset(p, o), offset(p, o + m * n), offset(z, q)
        if due and i == 0:
            turn(old, d, x, m, w, b, n, zi)
        else:
            product(source, m, w, b, n, zi)
        source = offset(a, q)
        call_activation(layer[ACTIVATION], n, zi, source, offset(d, q))
        o += (m + 1) * n
        q += n


def downward(net: P, p: P, t: P, x: P, a: P, d: P, defer: int) -> None:
    """Add the gradient to t, which may be p; leave out that of the first W to `defer` it.

    The last layer's d holds its delta; afterwards every layer's does.
    """
    o, q = net[ALL_PARAMS], net[ALL_WIDTHS]
    for i in range(net[DEPTH] - 1, -1, -1):
        layer = layer_of(net, i)
        m, n = layer[N_IN], layer[WIDTH]
        o -= (m + 1) * n
        q -= n
        delta, b = offset(d, q), offset(t, o + m * n)
        if i > 0:
            lower = layer_of(net, i - 1)[WIDTH]
            source, e = offset(a, q - lower), offset(d, q - lower)
            pull(source, m, offset(p, o), delta, n, offset(t, o), e)
        elif not defer:
            outer(x, m, delta, n, t)
        for j in range(0, n, lanes(t)):
            store(b, j, add(load(b, j), load(delta, j)))


def sample(
    net: P,
    p: P,
    t: P,
    x: P,
    y: P,
    share: float,
    stop: int,
    old: P,
    due: int,
    defer: int,
    z: P,
    a: P,
    d: P,
) -> float:
    """The loss of one sample; `share` times its gradient is added to t.

    Nothing is added if the loss is not finite and `stop` is set. Where t is p, the update of the
    first W may be deferred: it is due with the next sample, for which x is the `old` one, and until
    then d must stay as it is.
    """
    upward(net, p, x, z, a, d, old, due)
    last = layer_of(net, net[DEPTH] - 1)
    n_out, width = last[N_OUT], last[WIDTH]
    q = net[ALL_WIDTHS] - width
    slope, delta = offset(z, q), offset(d, q)
    value: float = call_loss(net[LOSS], n_out, offset(a, q), y, slope)
    if stop and not math.isfinite(value):
        return value
    step, part = lanes(delta), number(delta, share)
    j = 0
    while j + step <= n_out:
        store(delta, j, times(load(delta, j), times(load(slope, j), splat(part))))
        j += step
    while j < n_out:
        delta[j] *= slope[j] * part
        j += 1
    for j in range(n_out, width):
        delta[j] = 0
    downward(net, p, t, x, a, d, defer)
    return value


def settle(net: P, p: P, old: P, d: P) -> None:
    """Add the update that is due to the first W."""
    first = layer_of(net, 0)
    outer(old, first[N_IN], d, first[WIDTH], p)


KERNELS: dict[str, Callable[..., Any]] = {"sample": sample}
