"""Writes optimizers.json: what PyTorch's optimizers, and optax's nadam, make of a small network.

    python tests/optimizers/golden/optimizers.py        needs numpy, torch, jax and optax

A 3-4-2 network, tanh and linear, takes 50 steps in float64 on the mean squared error of five rows.
Gradients come from the same library as the optimizer, so nothing here is fnn's.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 50
KEPT = (1, 2, 3, 10, 50)

Arrays = list[Any]
Walk = Iterator[Arrays]


def start() -> tuple[Arrays, Any, Any]:
    """The arrays w1, b1, w2, b2 with weights (n_in, n_out), and the rows x and y."""
    rng = np.random.default_rng(2024)
    arrays = [rng.normal(0, 0.6, shape) for shape in ((3, 4), (4,), (4, 2), (2,))]
    return arrays, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def by_torch(
    make: Callable[[Any], Any],
    *,
    scheduler: Callable[[Any], Any] | None = None,
    l1: float = 0.0,
    limit: float | None = None,
) -> Walk:
    """The params after each step of a PyTorch optimizer."""
    torch = importlib.import_module("torch")
    arrays, x, y = start()
    params = [torch.tensor(array, requires_grad=True) for array in arrays]
    w1, b1, w2, b2 = params
    optimizer = make(params)
    schedule = scheduler(optimizer) if scheduler else None
    for _ in range(STEPS):
        optimizer.zero_grad()
        output = torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2
        loss = ((output - torch.tensor(y)) ** 2).sum(-1).mean()
        (loss + l1 * sum(p.abs().sum() for p in params)).backward()
        if limit is not None:
            torch.nn.utils.clip_grad_value_(params, limit)
        optimizer.step()
        if schedule:
            schedule.step()
        yield [p.detach().numpy().copy() for p in params]


def by_optax(make: Callable[[Any], Any]) -> Walk:
    """The params after each step of an optax optimizer."""
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    jax.config.update("jax_enable_x64", True)
    params, x, y = start()
    params = [jax.numpy.asarray(p) for p in params]

    def loss(params: Arrays) -> Any:
        w1, b1, w2, b2 = params
        output = jax.numpy.tanh(x @ w1 + b1) @ w2 + b2
        return ((output - y) ** 2).sum(-1).mean()

    optimizer = make(optax)
    state = optimizer.init(params)
    for _ in range(STEPS):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
        yield [np.asarray(p) for p in params]


def walks() -> dict[str, Walk]:
    """One walk for each entry of CASES in tests/support/optimizers.py."""
    torch = importlib.import_module("torch")
    optim, schedulers = torch.optim, torch.optim.lr_scheduler
    return {
        "sgd": by_torch(lambda p: optim.SGD(p, lr=0.1)),
        "momentum": by_torch(lambda p: optim.SGD(p, lr=0.05, momentum=0.8)),
        "nesterov": by_torch(lambda p: optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True)),
        "adagrad": by_torch(lambda p: optim.Adagrad(p, lr=0.1, eps=1e-3)),
        "rmsprop": by_torch(lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-3)),
        "adam": by_torch(lambda p: optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3)),
        "adamw": by_torch(
            lambda p: optim.AdamW(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3)
        ),
        "nadam": by_optax(lambda optax: optax.nadam(0.02, b1=0.8, b2=0.95, eps=1e-3)),
        "rprop": by_torch(
            lambda p: optim.Rprop(p, lr=0.02, etas=(0.4, 1.3), step_sizes=(1e-3, 0.1))
        ),
        "decayed momentum": by_torch(
            lambda p: optim.SGD(p, lr=0.05, momentum=0.8, weight_decay=0.1)
        ),
        "sgd with l1": by_torch(lambda p: optim.SGD(p, lr=0.05), l1=0.05),
        "sgd clipped by value": by_torch(lambda p: optim.SGD(p, lr=0.1), limit=0.2),
        "adam clipped by norm": by_optax(
            lambda optax: optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.02))
        ),
        "exponential momentum": by_torch(
            lambda p: optim.SGD(p, lr=0.1, momentum=0.8),
            scheduler=lambda o: schedulers.ExponentialLR(o, 0.9),
        ),
        "cosine adam": by_torch(
            lambda p: optim.Adam(p, lr=0.05),
            scheduler=lambda o: schedulers.CosineAnnealingLR(o, STEPS, eta_min=0.01),
        ),
        "one-cycle sgd": by_torch(
            lambda p: optim.SGD(p, lr=1.0),
            scheduler=lambda o: schedulers.OneCycleLR(
                o, 0.3, total_steps=STEPS + 1, cycle_momentum=False
            ),
        ),
    }


def main() -> None:
    arrays, x, y = start()
    golden = {"params": [a.tolist() for a in arrays], "x": x.tolist(), "y": y.tolist()}
    for name, walk in walks().items():
        golden[name] = {
            str(step): [p.tolist() for p in params]
            for step, params in enumerate(walk, 1)
            if step in KEPT
        }
    path = Path(__file__).with_suffix(".json")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items())
    path.write_text("{\n" + lines + "\n}\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
