"""A surrogate that knows the slopes: a function fitted by its values and its input gradients.

Forty points of f(x, y) = sin(2 x) cos(y) + x y / 2 train two networks: one on the values, one on
values and df/dx too (Czarnecki et al., "Sobolev training for neural networks", 2017).

That needs the gradient by the params of |df/dx - slopes|^2. With v = 2 (df/dx - slopes), it is the
change of the gradient of sum(f) by the params as x moves along v. `hvp` moves params, not inputs:
so a linear layer in front makes x out of (x, v), and as its weights move, x moves along v.

    python examples/surrogate.py
"""

from __future__ import annotations

import argparse

import numpy as np

from fnn import apply_updates, backprop, forward, init, key
from fnn.activations import identity, tanh
from fnn.base import Array, Batch, Grads, Layer, LayerGrad, Loss, Params
from fnn.derivatives import hvp, input_gradient
from fnn.losses import squared_error
from fnn.optimizers import adam
from fnn.random import uniform
from fnn.schedules import cosine
from fnn.tree import add, scale, zeros_like

ACTS = (tanh, tanh, identity)
OUTPUT = Loss(
    lambda a, y: a.sum(-1), lambda a, y: np.ones_like(a), lambda a, y, v: np.zeros_like(v)
)
"""Loss that is the output itself: its gradient by x is df/dx."""


def target(x: Array) -> tuple[Array, Array]:
    """Compute the values f and the slopes df/dx."""
    a, b = x[:, :1], x[:, 1:]
    f = np.sin(2 * a) * np.cos(b) + a * b / 2
    by_a, by_b = 2 * np.cos(2 * a) * np.cos(b) + b / 2, -np.sin(2 * a) * np.sin(b) + a / 2
    return f, np.concatenate([by_a, by_b], axis=1)


def gradient(params: Params, batch: Batch, slopes: Array, weight: float) -> Grads:
    """Gradient by the params of the mean of (f(x) - y)^2 + weight |df/dx - slopes|^2."""
    _, grads = backprop(ACTS, squared_error, params, batch)
    v = 2 * (input_gradient(ACTS, OUTPUT, params, batch) - slopes)
    first = Layer(np.eye(4, 2), np.zeros(2))  # makes x of (x, v)
    along = LayerGrad(np.eye(4, 2, -2), np.zeros(2))  # and moves it along v
    both = batch._replace(x=np.concatenate([batch.x, v], axis=1))
    moved = hvp((identity, *ACTS), OUTPUT, (first, *params), both, (along, *zeros_like(grads)))
    return add(grads, scale(weight, moved[1:]))


def fitted(weight: float, points: int, steps: int) -> Params:
    x = uniform(key(0), (points, 2), -2.0, 2.0)
    y, slopes = target(x)
    params, optimizer = init(key(1), (2, 16, 16, 1)), adam(cosine(0.02, steps))
    state = optimizer.init(params)
    for _ in range(steps):
        slope = gradient(params, Batch(x, y), slopes, weight)
        updates, state = optimizer.update(slope, state, params)
        params = apply_updates(params, updates)
    return params


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fit values and slopes.")
    parser.add_argument("--points", type=int, default=40, metavar="N", help="default 40")
    parser.add_argument("--steps", type=int, default=2000, metavar="N", help="default 2000")
    options = parser.parse_args()
    x = uniform(key(2), (2000, 2), -2.0, 2.0)
    y, slopes = target(x)
    for name, weight in (("values", 0.0), ("values and slopes", 0.5)):
        params = fitted(weight, options.points, options.steps)
        error = forward(ACTS, params, x) - y
        off = input_gradient(ACTS, OUTPUT, params, Batch(x, y)) - slopes
        rms = np.sqrt((error**2).mean()), np.sqrt((off**2).sum(1).mean())
        print(f"{name}: error {rms[0]:.4f}, of df/dx {rms[1]:.4f}")
