"""Functions that Python calls: tasks of training, a gradient, outputs, parts of large batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.compiled._code.pointers import P, at, calling, offset
from fnn.compiled._code.sample import layer_of, product, settle
from fnn.compiled._plan.tables import (
    BOUNDS,
    CYCLE,
    FIRST,
    LOSSES,
    MASKS,
    N_IN,
    N_OPERATIONS,
    NUMBERS,
    OPERATIONS,
    PARAMS,
    RATE,
    RATES,
    REPORT,
    ROWS,
    STATE,
    STEPS,
    STRIDE,
    TAKEN,
    TARGETS,
    TASK,
    WEIGHT,
    X,
    Y,
)

call_sample, call_descend = calling("sample"), calling("descend")
call_activation, call_value, call_loss = calling("activation"), calling("value"), calling("loss")


def train(
    work: P,
    floats: P,
    net: P,
    q: int,
    width: int,
    fused: int,
    stop: int,
    sample: int,
    descend: int,
    tasks: P,
    n_tasks: int,
) -> None:
    """Carry out tasks, in their order.

    A task takes all its steps, or ends where the loss or the gradient of a step is not finite; it
    counts the steps before that one, whose p and s are spoiled. `work` has room for a gradient of q
    numbers and three vectors of `width`. `floats` only lends its type to pointers. `sample` and
    `descend` are the addresses of the functions of these names. `fused` says that the update is a
    multiple of the gradient of one sample.
    """
    g, z = work, offset(work, q)
    a, d = offset(z, width), offset(z, 2 * width)
    n_in, n_targets = layer_of(net, 0)[N_IN], net[TARGETS]
    for k in range(n_tasks):
        task = offset(tasks, k * TASK)
        p, s = at(work, task[PARAMS]), at(work, task[STATE])
        x, y, weight = at(work, task[X]), at(work, task[Y]), at(work, task[WEIGHT])
        rows, bounds, ops = at(net, task[ROWS]), at(net, task[BOUNDS]), at(net, task[OPERATIONS])
        numbers, rates = at(floats, task[NUMBERS]), at(floats, task[RATES])
        masks, losses, report = (
            at(work, task[MASKS]),
            at(floats, task[LOSSES]),
            at(floats, task[REPORT]),
        )
        weighted, cycle = task[WEIGHT] != 0, task[CYCLE]
        batch = task[FIRST] % cycle
        done = due = 0
        old = x
        while done < task[STEPS]:
            first, end = bounds[batch], bounds[batch + 1]
            if fused and end == first + 1:
                row = rows[first]
                mass = np.float64(weight[row]) if weighted else 1.0
                share = -rates[ops[RATE] + ops[STRIDE] * done] * mass
                xi, yi = offset(x, row * n_in), offset(y, row * n_targets)
                value = call_sample(sample, net, p, p, xi, yi, share, stop, old, due, 1, z, a, d)
                value *= mass
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
                value = 0.0
                for i in range(first, end):
                    row = rows[i]
                    share = (np.float64(weight[row]) if weighted else 1.0) / mass
                    xi, yi = offset(x, row * n_in), offset(y, row * n_targets)
                    loss = call_sample(sample, net, p, g, xi, yi, share, 0, x, 0, 0, z, a, d)
                    value += share * loss
                losses[done] = value
                wrong = call_descend(
                    descend,
                    ops,
                    task[N_OPERATIONS],
                    numbers,
                    rates,
                    done,
                    p,
                    g,
                    s,
                    masks,
                    q,
                    report,
                )
                report[2] = wrong
                if wrong or (stop and not math.isfinite(value)):
                    break
            done += 1
            batch += 1
            if batch == cycle:
                batch = 0
        if due:
            settle(net, p, old, d)
        task[TAKEN] = done


def gradient(
    x: P,
    y: P,
    share: P,
    work: P,
    p: P,
    g: P,
    net: P,
    width: int,
    sample: int,
    rows: int,
) -> float:
    """The sum of the losses of samples, each times its share; its gradient is added to g."""
    a, d = offset(work, width), offset(work, 2 * width)
    n_in, n_targets = layer_of(net, 0)[N_IN], net[TARGETS]
    value = 0.0
    for i in range(rows):
        part = np.float64(share[i])
        xi, yi = offset(x, i * n_in), offset(y, i * n_targets)
        value += part * call_sample(sample, net, p, g, xi, yi, part, 0, x, 0, 0, work, a, d)
    return value


def activate(z: P, b: P, a: P, d: P, address: int, rows: int, n: int) -> None:
    """Set ``z += b`` for rows of a layer, then their a and f'(z)."""
    for i in range(rows):
        k = i * n
        zk = offset(z, k)
        for j in range(n):
            zk[j] += b[j]
        call_activation(address, n, zk, offset(a, k), offset(d, k))


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
    n_targets: int,
) -> float:
    """The sum of the losses of rows of outputs, each times its share.

    d, which is f'(z), becomes the delta of the last layer, and db the sum of its rows.
    """
    value = 0.0
    for j in range(n):
        db[j] = 0
    for i in range(rows):
        k = i * n
        part = share[i]
        sk, dk = offset(slope, k), offset(d, k)
        value += part * call_loss(address, n, offset(output, k), offset(target, i * n_targets), sk)
        for j in range(n):
            delta = dk[j] * (sk[j] * part)
            dk[j] = delta
            db[j] += delta
    return value


def pull_back(back: P, d: P, db: P, rows: int, n: int) -> None:
    """Set ``d *= back`` for rows of a layer, and db to their sum."""
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
    """Write the outputs of rows of samples; no array is padded.

    `net` holds the depth, the number of rows, the addresses of the outputs and of three vectors to
    work in, the width of these, and for each layer n_in, n_out, and the addresses of W, b and f.
    """
    rows, out, work, width = net[1], at(x, net[2]), at(x, net[3]), net[4]
    for i in range(rows):
        source = offset(x, i * net[5])
        for layer in range(net[0]):
            shape = offset(net, 5 + 5 * layer)
            product(source, shape[0], at(x, shape[2]), at(x, shape[3]), shape[1], work)
            if layer == net[0] - 1:
                call_value(shape[4], shape[1], work, offset(out, i * shape[1]))
            else:
                source = offset(work, (1 + layer % 2) * width)
                call_value(shape[4], shape[1], work, source)


KERNELS: dict[str, Callable[..., Any]] = {
    "train": train,
    "gradient": gradient,
    "activate": activate,
    "lose": lose,
    "pull_back": pull_back,
    "predict": predict,
}
