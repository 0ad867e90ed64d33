"""Whole training steps against JAX (jitted, donating) and PyTorch (fused), where installed.

    python benchmarks/optimizers.py

784-512-512-10 in float32 with 128 rows, and 8-3-8 in float64 with one: relu, squared error, and
SGD, momentum and Adam. Bars, for the large network: Adam 1.2 of JAX and 1.0 of PyTorch; SGD and
momentum 1.0 of both. All are held to one core, and must reach the same params first.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
if hasattr(os, "sched_setaffinity"):  # XLA starts threads of its own, whatever its flags say
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np  # after the threads are pinned

from fnn import Batch, Optimizer, Params, init, key, start, train_step
from fnn.activations import identity, relu
from fnn.losses import squared_error
from fnn.optimizers import adam, momentum, sgd
from fnn.random import normal
from fnn.tree import leaves
from timing import microseconds, ratio, take_turns

Step = Callable[[], None]
Read = Callable[[], list[Any]]
RATE, EPS = 1e-4, 1e-4  # with an EPS like this, rounding in a gradient of 0 stays rounding
FNN: dict[str, Optimizer] = {
    "sgd": sgd(RATE),
    "momentum": momentum(RATE, 0.9),
    "adam": adam(RATE, eps=EPS),
}


def by_fnn(name: str, params: Params[Any], batch: Batch) -> tuple[Step, Read]:
    acts = (relu,) * (len(params) - 1) + (identity,)
    update = train_step(acts, squared_error, FNN[name])
    state = start(update.optimizer, params)

    def step() -> None:
        nonlocal state
        state, _ = update(state, batch)

    return step, lambda: list(leaves(state.params))


def by_jax(name: str, params: Params[Any], batch: Batch) -> tuple[Step, Read]:
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    jax.config.update("jax_enable_x64", True)
    optimizer = {
        "sgd": optax.sgd(RATE),
        "momentum": optax.sgd(RATE, momentum=0.9),
        "adam": optax.adam(RATE, eps=EPS),
    }[name]

    def loss(params: Any, x: Any, y: Any) -> Any:
        *hidden, (w, b) = params
        for layer in hidden:
            x = jax.nn.relu(x @ layer.w + layer.b)
        return ((x @ w + b - y) ** 2).sum(-1).mean()

    def update(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    jitted = jax.jit(update, donate_argnums=(0, 1))
    params = jax.tree.map(lambda a: jax.numpy.array(a, copy=True), params)
    state = optimizer.init(params)
    x, y = jax.numpy.asarray(batch.x), jax.numpy.asarray(batch.y)

    def step() -> None:
        nonlocal params, state
        params, state, value = jitted(params, state, x, y)
        jax.block_until_ready((params, value))

    return step, lambda: [np.asarray(array) for array in leaves(params)]


def by_torch(name: str, params: Params[Any], batch: Batch) -> tuple[Step, Read]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    layers = []
    for w, b in params:
        layer = torch.nn.Linear(*w.shape)
        layer.weight.data, layer.bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
        layers += [layer, torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimizer = {
        "sgd": lambda p: torch.optim.SGD(p, lr=RATE, fused=True),
        "momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9, fused=True),
        "adam": lambda p: torch.optim.Adam(p, lr=RATE, eps=EPS, fused=True),
    }[name](net.parameters())
    x, y = torch.tensor(batch.x), torch.tensor(batch.y)

    def step() -> None:
        optimizer.zero_grad()
        loss = ((net(x) - y) ** 2).sum(-1).mean()
        loss.backward()
        optimizer.step()

    return step, lambda: [p.detach().numpy().T for p in net.parameters()]


def compare(title: str, sizes: tuple[int, ...], rows: int | None, dtype: Any) -> None:
    params = init(key(0), sizes, dtype=dtype)
    leading = () if rows is None else (rows,)
    batch = Batch(
        normal(key(1), (*leading, sizes[0]), dtype=dtype),
        normal(key(2), (*leading, sizes[-1]), dtype=dtype),
    )
    for name in FNN:
        contenders = {"fnn": by_fnn(name, params, batch)}
        if importlib.util.find_spec("optax"):
            contenders["jax"] = by_jax(name, params, batch)
        if importlib.util.find_spec("torch"):
            contenders["torch"] = by_torch(name, params, batch)
        for step, _ in contenders.values():
            for _ in range(5):
                step()
        for peer, (_, read) in contenders.items():
            for a, b in zip(contenders["fnn"][1](), read(), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-2 * RATE, err_msg=peer)
        times = take_turns({peer: step for peer, (step, _) in contenders.items()}, seconds=0.05)
        took = ", ".join(f"{peer} {microseconds(times, peer)}" for peer in contenders)
        ratios = ", ".join(
            f"{ratio(times, 'fnn', peer)} of {peer}" for peer in contenders if peer != "fnn"
        )
        print(f"{title}, {name}: {took}; fnn takes {ratios or 'nothing to compare with'}")


if __name__ == "__main__":
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}, one core")
    compare("784-512-512-10, 128 rows, float32", (784, 512, 512, 10), 128, np.float32)
    compare("8-3-8, one sample, float64", (8, 3, 8), None, np.float64)
