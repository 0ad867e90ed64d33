"""The entry points of compiled code: tasks of training, a gradient, losses and outputs."""

from __future__ import annotations

import math

import numpy as np

from fnn.compiled.kernels import P, product, settle
from fnn.compiled.lanes import at, offset, real, run, whole

TASK = 16
"""Integers of a task: the addresses of params, state, x, y, weights or 0, rows and where batches
begin; how many steps; the addresses of operations; how many; those of numbers, rates, masks, losses
and a report; and, to be filled in, the steps that were taken."""


def train(
    work: P,
    floats: P,
    net: P,
    q: int,
    width: int,
    fused: int,
    stop: int,
    one: int,
    descend: int,
    tasks: P,
    n_tasks: int,
) -> None:
    """Every task in turn: its steps, or those before the one that had to stop, and spoiled p and s.

    `work` is for a gradient of q numbers and three vectors of `width`; `floats` lends its type;
    `one` and `descend` are the addresses of `fnn.compiled.kernels.sample` and of `descend`.
    """
    g, z = work, offset(work, q)
    a, d = offset(z, width), offset(z, 2 * width)
    n_in, n_out = net[2], offset(net, 2 + 4 * (net[0] - 1))[1]
    for k in range(n_tasks):
        task = offset(tasks, k * TASK)
        p, s, x, y = at(work, task[0]), at(work, task[1]), at(work, task[2]), at(work, task[3])
        weight, rows, bounds = at(work, task[4]), at(net, task[5]), at(net, task[6])
        ops, numbers, rates = at(net, task[8]), at(floats, task[10]), at(floats, task[11])
        masks, losses, report = at(work, task[12]), at(floats, task[13]), at(floats, task[14])
        done = due = 0
        old = x
        while done < task[7]:
            first, end = bounds[done], bounds[done + 1]
            if fused and end == first + 1:
                row = rows[first]
                share = -rates[ops[3] + ops[4] * done]
                xi, yi = offset(x, row * n_in), offset(y, row * n_out)
                value = real(one, net, p, p, xi, yi, share, stop, old, due, 1, z, a, d)
                losses[done] = value
                due = 1
                if stop and not math.isfinite(value):
                    due = 0
                    break
                old = xi
            else:
                if due:
                    settle(net, p, old, d)
                    due = 0
                for i in range(q):
                    g[i] = 0
                mass = float(end - first)
                if task[4] != 0:
                    mass = 0.0
                    for i in range(first, end):
                        mass += np.float64(weight[rows[i]])
                value = 0.0
                for i in range(first, end):
                    row = rows[i]
                    share = (1.0 if task[4] == 0 else np.float64(weight[row])) / mass
                    xi, yi = offset(x, row * n_in), offset(y, row * n_out)
                    value += share * real(one, net, p, g, xi, yi, share, 0, x, 0, 0, z, a, d)
                losses[done] = value
                wrong = whole(
                    descend, ops, task[9], numbers, rates, done, p, g, s, masks, q, report
                )
                report[2] = wrong
                if wrong or (stop and not math.isfinite(value)):
                    break
            done += 1
        if due:
            settle(net, p, old, d)
        task[15] = done


def gradient(
    x: P,
    y: P,
    share: P,
    work: P,
    p: P,
    g: P,
    net: P,
    width: int,
    one: int,
    rows: int,
) -> float:
    """The sum of the losses of rows of samples, each times its share; g is their gradient."""
    a, d = offset(work, width), offset(work, 2 * width)
    n_in, n_out = net[2], offset(net, 2 + 4 * (net[0] - 1))[1]
    value = 0.0
    for i in range(rows):
        part = np.float64(share[i])
        xi, yi = offset(x, i * n_in), offset(y, i * n_out)
        value += part * real(one, net, p, g, xi, yi, part, 0, x, 0, 0, work, a, d)
    return value


def activate(z: P, b: P, a: P, d: P, address: int, rows: int, n: int) -> None:
    """``z += b`` for rows of a layer, then their a and f'(z)."""
    for i in range(rows):
        k = i * n
        zk = offset(z, k)
        for j in range(n):
            zk[j] += b[j]
        run(address, n, zk, offset(a, k), offset(d, k))


def lose(
    output: P,
    target: P,
    slope: P,
    share: P,
    d: P,
    db: P,
    address: int,
    rows: int,
    n: int,
) -> float:
    """The sum of the losses of rows of outputs, each times its share; d becomes its delta.

    db is the sum of the deltas.
    """
    value = 0.0
    for j in range(n):
        db[j] = 0
    for i in range(rows):
        k = i * n
        part = share[i]
        value += part * real(address, n, offset(output, k), offset(target, k), offset(slope, k))
        sk, dk = offset(slope, k), offset(d, k)
        for j in range(n):
            delta = dk[j] * (sk[j] * part)
            dk[j] = delta
            db[j] += delta
    return value


def pull_back(back: P, d: P, db: P, rows: int, n: int) -> None:
    """``d *= back`` for rows of a layer, and db, their sum."""
    for j in range(n):
        db[j] = 0
    for i in range(rows):
        k = i * n
        bk, dk = offset(back, k), offset(d, k)
        for j in range(n):
            delta = dk[j] * bk[j]
            dk[j] = delta
            db[j] += delta


def predict(x: P, net: P) -> None:
    """The outputs of rows of samples, by arrays that are not padded.

    `net` is the depth, how many rows, the addresses of outputs and of three vectors to work in, the
    width of these, and for each layer n_in, n_out, and the addresses of W, b and f.
    """
    rows, out, work, width = net[1], at(x, net[2]), at(x, net[3]), net[4]
    for i in range(rows):
        source = offset(x, i * net[5])
        for layer in range(net[0]):
            shape = offset(net, 5 + 5 * layer)
            product(source, shape[0], at(x, shape[2]), at(x, shape[3]), shape[1], work)
            if layer == net[0] - 1:
                run(shape[4], shape[1], work, offset(out, i * shape[1]))
            else:
                source = offset(work, (1 + layer % 2) * width)
                run(shape[4], shape[1], work, source)
