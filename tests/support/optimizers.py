"""Optimizers that tests share, each beside the same optimizer of PyTorch or optax.

A 3-4-2 network, tanh and linear, takes steps in float64 on the mean squared error of five rows, or
of one of them after the other. Walks of 200 steps have rates with which the rows are not yet fitted
exactly: near a loss of 0, Adam and its kin divide rounding errors by rounding errors.
Gradients come from the same library as the optimizer, so nothing of a walk is fnn's. The walks are
kept in ``tests/optimizers/golden/optimizers.json``, which is written by

    python -m tests.support.optimizers        needs numpy, torch, jax and optax
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn import Optimizer
from fnn.optimizers import (
    accumulate,
    adagrad,
    adam,
    adamax,
    adamw,
    add_decayed_weights,
    add_l1,
    amsgrad,
    chain,
    clip_by_norm,
    clip_by_value,
    lion,
    masked,
    momentum,
    nadam,
    nesterov,
    per_layer,
    rmsprop,
    rprop,
    scale,
    sgd,
)
from fnn.schedules import cosine, exponential, one_cycle

GOLDEN = Path(__file__).parents[1] / "optimizers" / "golden" / "optimizers.json"
STEPS = 50
"""What schedules are made for; their walks end there."""
KEPT = (1, 2, 3, 10, 50, 200)

Arrays = list[Any]
Walk = Iterator[Arrays]


def beginning() -> tuple[Arrays, Any, Any]:
    """The arrays w1, b1, w2, b2 with weights (n_in, n_out), and the rows x and y."""
    rng = np.random.default_rng(2024)
    arrays = [rng.normal(0, 0.6, shape) for shape in ((3, 4), (4,), (4, 2), (2,))]
    return arrays, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def by_torch(
    name: str,
    *,
    schedule: tuple[str, dict[str, Any]] | None = None,
    l1: float = 0.0,
    limit: float | None = None,
    rates: tuple[float, ...] | None = None,
    **options: Any,
) -> Walk:
    """The params after each step of an optimizer of torch.optim."""
    torch = importlib.import_module("torch")
    arrays, x, y = beginning()
    params = [torch.tensor(array, requires_grad=True) for array in arrays]
    w1, b1, w2, b2 = params
    groups: Any = params
    if rates is not None:
        pairs = zip(params, rates, strict=True)
        groups = [{"params": [param], "lr": rate} for param, rate in pairs]
    optimizer = getattr(torch.optim, name)(groups, **options)
    scheduler: Any = None
    if schedule is not None:
        kind, settings = schedule
        scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, **settings)
    while True:
        optimizer.zero_grad()
        output = torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2
        loss = ((output - torch.tensor(y)) ** 2).sum(-1).mean()
        (loss + l1 * sum(p.abs().sum() for p in params)).backward()
        if limit is not None:
            torch.nn.utils.clip_grad_value_(params, limit)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        yield [p.detach().numpy().copy() for p in params]


def by_optax(make: Callable[[Any], Any], *, one_by_one: bool = False) -> Walk:
    """The params after each step of an optax optimizer."""
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    jax.config.update("jax_enable_x64", True)
    params, x, y = beginning()
    params = [jax.numpy.asarray(p) for p in params]

    def loss(params: Arrays, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = params
        output = jax.numpy.tanh(x @ w1 + b1) @ w2 + b2
        return ((output - y) ** 2).sum(-1).mean()

    optimizer, gradient = make(optax), jax.jit(jax.grad(loss))
    update = jax.jit(optimizer.update)
    state = optimizer.init(params)
    for step in itertools.count():
        rows = [step % len(x)] if one_by_one else slice(None)
        grads = gradient(params, x[rows], y[rows])
        updates, state = update(grads, state, params)
        params = optax.apply_updates(params, updates)
        yield [np.asarray(p) for p in params]


class Walked(NamedTuple):
    """An optimizer of fnn, and how another library walks with the same one."""

    optimizer: Optimizer
    walk: Callable[[], Walk]
    steps: int = 50
    one_by_one: bool = False


WALKED: dict[str, Walked] = {
    "sgd": Walked(sgd(0.1), lambda: by_torch("SGD", lr=0.1)),
    "momentum": Walked(momentum(0.05, 0.8), lambda: by_torch("SGD", lr=0.05, momentum=0.8)),
    "nesterov": Walked(
        nesterov(0.05, 0.8), lambda: by_torch("SGD", lr=0.05, momentum=0.8, nesterov=True)
    ),
    "adagrad": Walked(adagrad(0.1, 1e-3), lambda: by_torch("Adagrad", lr=0.1, eps=1e-3)),
    "rmsprop": Walked(
        rmsprop(0.01, 0.9, 1e-3), lambda: by_torch("RMSprop", lr=0.01, alpha=0.9, eps=1e-3)
    ),
    "adam": Walked(
        adam(0.02, 0.8, 0.95, 1e-3),
        lambda: by_torch("Adam", lr=0.02, betas=(0.8, 0.95), eps=1e-3),
    ),
    "adamw": Walked(
        adamw(0.02, 0.8, 0.95, 1e-3, 0.3),
        lambda: by_torch("AdamW", lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3),
    ),
    "nadam": Walked(
        nadam(0.02, 0.8, 0.95, 1e-3),
        lambda: by_optax(lambda optax: optax.nadam(0.02, b1=0.8, b2=0.95, eps=1e-3)),
    ),
    "amsgrad": Walked(
        amsgrad(0.02, 0.8, 0.95, 1e-3),
        lambda: by_torch("Adam", lr=0.02, betas=(0.8, 0.95), eps=1e-3, amsgrad=True),
        200,
    ),
    "adamax": Walked(
        adamax(0.005, 0.8, 0.95, 1e-3),
        lambda: by_torch("Adamax", lr=0.005, betas=(0.8, 0.95), eps=1e-3),
        200,
    ),
    "lion": Walked(
        lion(0.003, 0.8, 0.95, 0.3),
        lambda: by_optax(lambda optax: optax.lion(0.003, b1=0.8, b2=0.95, weight_decay=0.3)),
        200,
    ),
    "slow nadam": Walked(nadam(0.005), lambda: by_optax(lambda optax: optax.nadam(0.005)), 200),
    "adam in threes": Walked(
        accumulate(adam(0.01), 3),
        lambda: by_optax(
            lambda optax: optax.MultiSteps(optax.adam(0.01), 3, accumulator_dtype="float64"),
            one_by_one=True,
        ),
        200,
        one_by_one=True,
    ),
    "momentum per layer": Walked(
        per_layer(momentum(0.1, 0.8), (0.1, (1.0, 0.5))),
        lambda: by_torch("SGD", lr=0.1, momentum=0.8, rates=(0.01, 0.01, 0.1, 0.05)),
        200,
    ),
    "rprop": Walked(
        rprop(0.02, 0.4, 1.3, 1e-3, 0.1),
        lambda: by_torch("Rprop", lr=0.02, etas=(0.4, 1.3), step_sizes=(1e-3, 0.1)),
    ),
    "decayed momentum": Walked(
        chain(add_decayed_weights(0.1), momentum(0.05, 0.8)),
        lambda: by_torch("SGD", lr=0.05, momentum=0.8, weight_decay=0.1),
    ),
    "sgd with l1": Walked(
        chain(add_l1(0.05), sgd(0.05)), lambda: by_torch("SGD", lr=0.05, l1=0.05)
    ),
    "sgd clipped by value": Walked(
        chain(clip_by_value(0.2), sgd(0.1)), lambda: by_torch("SGD", lr=0.1, limit=0.2)
    ),
    "adam clipped by norm": Walked(
        chain(clip_by_norm(0.5), adam(0.02)),
        lambda: by_optax(
            lambda optax: optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.02))
        ),
    ),
    "exponential momentum": Walked(
        momentum(exponential(0.1, 0.9), 0.8),
        lambda: by_torch("SGD", lr=0.1, momentum=0.8, schedule=("ExponentialLR", {"gamma": 0.9})),
    ),
    "cosine adam": Walked(
        adam(cosine(0.05, 50, 0.01)),
        lambda: by_torch(
            "Adam", lr=0.05, schedule=("CosineAnnealingLR", {"T_max": STEPS, "eta_min": 0.01})
        ),
    ),
    "one-cycle sgd": Walked(
        sgd(one_cycle(0.3, 51)),
        lambda: by_torch(
            "SGD",
            lr=1.0,
            schedule=(
                "OneCycleLR",
                {"max_lr": 0.3, "total_steps": STEPS + 1, "cycle_momentum": False},
            ),
        ),
    ),
}
CASES: dict[str, Optimizer] = {name: row.optimizer for name, row in WALKED.items()}
WEIGHTS = ((True, False), (True, False))
MORE: dict[str, Optimizer] = {
    "scaled": chain(scale(-0.1), scale(2.0)),
    "climbing": chain(sgd(0.1), scale(-0.5)),
    "momentum clipped by value": chain(clip_by_value(0.1), momentum(0.1)),
    "clipped afterwards": chain(sgd(0.1), clip_by_norm(0.01)),
    "clipped in threes": accumulate(chain(clip_by_norm(0.1), rprop()), 3),
    "per layer twice": per_layer(per_layer(amsgrad(0.02), (0.0, 0.3)), ((1.0, 2.0), 0.5)),
    "lion of weights": lion(cosine(0.01, 20), decay=0.1, mask=WEIGHTS),
    "five in a row": chain(clip_by_norm(1.0), add_l1(0.01), adamax(0.02), scale(0.5), scale(2.0)),
    "masked in twos": masked(accumulate(momentum(0.1), 2), (True, (False, True))),
    "cosine adamw": adamw(cosine(0.01, 20), decay=0.1),
    "adamw of weights": adamw(0.01, decay=0.1, mask=WEIGHTS),
    "decayed in part": chain(add_decayed_weights(0.1, WEIGHTS), sgd(0.1)),
    "l1 in part": chain(add_l1(0.01, WEIGHTS), sgd(0.1)),
    "masked": masked(adam(0.02), (True, (False, True))),
    "masked twice": chain(masked(nesterov(0.1), (True, False)), masked(rprop(), WEIGHTS)),
}


def main() -> None:
    arrays, x, y = beginning()
    golden = {"params": [a.tolist() for a in arrays], "x": x.tolist(), "y": y.tolist()}
    for name, row in WALKED.items():
        golden[name] = {
            str(step): [p.tolist() for p in params]
            for step, params in enumerate(itertools.islice(row.walk(), row.steps), 1)
            if step in KEPT
        }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items())
    GOLDEN.write_text("{\n" + lines + "\n}\n")
    print(f"{GOLDEN}: {GOLDEN.stat().st_size} bytes")


if __name__ == "__main__":
    main()
