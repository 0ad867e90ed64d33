"""Training that saves after every epoch and goes on from what it finds, for tests to kill.

``python tests/checkpoint/killed_run.py CHECKPOINT EPOCHS`` prints a line after updates and saves.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fnn import Batch, Grads, Optimizer, Params, init, key, minibatches, start, train_step
from fnn.activations import identity, tanh
from fnn.checkpoint import load, save
from fnn.losses import squared_error
from fnn.random import normal, split
from fnn.tree import map as tree_map
from fnn.tree import zeros_like

DATA = Batch(normal(key(1), (30, 2)), normal(key(2), (30, 1)))


def heavy_ball(
    grads: Grads[Any], velocity: Params[Any], params: Params[Any]
) -> tuple[Grads[Any], Params[Any]]:
    """Gradient descent with momentum: a state of arrays that a lost epoch would show in."""
    velocity = tree_map(lambda v, g: 0.9 * v + g, velocity, grads)
    return tree_map(lambda g, v: -0.01 * v, grads, velocity), velocity


UPDATE = train_step((tanh, identity), squared_error, Optimizer(zeros_like, heavy_ball))
FRESH = (start(UPDATE.optimizer, init(key(0), (2, 5, 1))), key(3), 0)


def main(path: Path, epochs: int) -> None:
    state, now, epoch = load(path, like=FRESH) if path.exists() else FRESH
    while epoch < epochs:
        now, order = split(now)  # after 16 epochs its seed is one of 128 bits
        for batch in minibatches(order, 8, DATA):
            state, _ = UPDATE(state, batch)
            print("updated", flush=True)
        epoch += 1
        save(path, (state, now, epoch))
        print("saved", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
