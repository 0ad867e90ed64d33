"""Per-example gradients and curvature against JAX (jitted), where it is installed.

    python benchmarks/derivatives.py

784-128-10 in float32 with 128 rows, by relu and squared error, and by tanh and softmax
cross-entropy. Bars: per_example_norms 0.25 of JAX's norms of vmap(grad); per_example_gradients 0.4
of vmap(grad); clipped_sum 1.3 of one own gradient; hvp 1.05 of JAX's jvp of grad and 2.2 of one own
gradient. All are held to one core, and must agree first.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
if hasattr(os, "sched_setaffinity"):  # XLA starts threads of its own, whatever its flags say
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np  # after the threads are pinned

from fnn import Activation, Batch, Grads, Loss, Params, backprop, init, key, one_hot
from fnn.activations import identity, relu, tanh
from fnn.derivatives import (
    clipped_sum,
    gauss_newton_vp,
    hvp,
    per_example_gradients,
    per_example_norms,
)
from fnn.losses import softmax_cross_entropy, squared_error
from fnn.random import normal
from fnn.tree import leaves
from timing import microseconds, ratio, take_turns

Call = Callable[[], Any]
SIZES, ROWS, MAX_NORM = (784, 128, 10), 128, 10.0


class Case(NamedTuple):
    """Ours, and the same in JAX's words."""

    act: Activation
    loss: Loss
    jax_act: str
    jax_loss: Callable[[Any, Any, Any], Any]


CASES = {
    "relu, squared error": Case(
        relu, squared_error, "relu", lambda jax, u, y: ((u - y) ** 2).sum(-1)
    ),
    "tanh, softmax cross-entropy": Case(
        tanh,
        softmax_cross_entropy,
        "tanh",
        lambda jax, u, y: -(y * jax.nn.log_softmax(u)).sum(-1),
    ),
}


def by_fnn(case: Case, params: Params[Any], batch: Batch, vector: Grads[Any]) -> dict[str, Call]:
    given = (case.act, identity), case.loss, params, batch
    return {
        "gradient": lambda: backprop(*given)[1],
        "per_example_norms": lambda: per_example_norms(*given),
        "clipped_sum": lambda: clipped_sum(*given, MAX_NORM),
        "per_example_gradients": lambda: per_example_gradients(*given),
        "hvp": lambda: hvp(*given, vector),
        "gauss_newton_vp": lambda: gauss_newton_vp(*given, vector),
    }


def by_jax(case: Case, params: Params[Any], batch: Batch, vector: Grads[Any]) -> dict[str, Call]:
    jax = importlib.import_module("jax")
    jnp, act = jax.numpy, getattr(jax.nn, case.jax_act)

    def outputs(params: Any, x: Any) -> Any:
        (w, b), (w_out, b_out) = params
        return act(x @ w + b) @ w_out + b_out

    def loss(params: Any, x: Any, y: Any) -> Any:
        return case.jax_loss(jax, outputs(params, x), y).mean()

    def norms(grads: Any) -> Any:
        return jnp.sqrt(sum((g.reshape(len(g), -1) ** 2).sum(1) for g in jax.tree.leaves(grads)))

    def clip(grads: Any) -> Any:
        scale = jnp.minimum(1, MAX_NORM / norms(grads))
        return jax.tree.map(lambda g: jnp.tensordot(scale, g, 1), grads)

    def curve(params: Any, x: Any, y: Any, v: Any) -> Any:
        return jax.jvp(lambda p: jax.grad(loss)(p, x, y), (params,), (v,))[1]

    def bend(u: Any, y: Any, v: Any) -> Any:
        def mean(u: Any) -> Any:
            return case.jax_loss(jax, u, y).mean()

        return jax.jvp(jax.grad(mean), (u,), (v,))[1]

    def gauss_newton(params: Any, x: Any, y: Any, v: Any) -> Any:
        u, moved = jax.jvp(lambda p: outputs(p, x), (params,), (v,))
        return jax.vjp(lambda p: outputs(p, x), params)[1](bend(u, y, moved))[0]

    each = jax.vmap(jax.grad(loss), (None, 0, 0))
    p, v = (jax.tree.map(jnp.asarray, tuple(map(tuple, tree))) for tree in (params, vector))
    x, y = jnp.asarray(batch.x), jnp.asarray(batch.y)
    functions = {
        "gradient": (jax.grad(loss), (p, x, y)),
        "per_example_norms": (lambda *a: norms(each(*a)), (p, x, y)),
        "clipped_sum": (lambda *a: clip(each(*a)), (p, x, y)),
        "per_example_gradients": (each, (p, x, y)),
        "hvp": (curve, (p, x, y, v)),
        "gauss_newton_vp": (gauss_newton, (p, x, y, v)),
    }

    def call(f: Any, given: Any) -> Call:
        jitted = jax.jit(f)
        return lambda: jax.block_until_ready(jitted(*given))

    return {what: call(*both) for what, both in functions.items()}


def compare(title: str, case: Case) -> None:
    params = init(key(0), SIZES, dtype=np.float32)
    x = normal(key(1), (ROWS, SIZES[0]), dtype=np.float32)
    labels = np.random.default_rng(2).integers(0, SIZES[-1], ROWS)
    batch = Batch(x, one_hot(labels, SIZES[-1], np.float32))
    _, vector = backprop((case.act, identity), case.loss, params, batch)
    ours = by_fnn(case, params, batch, vector)
    jax = by_jax(case, params, batch, vector) if importlib.util.find_spec("jax") else {}
    for what, call in jax.items():
        flat = importlib.import_module("jax").tree.leaves(call())
        for a, b in zip(leaves(ours[what]()), flat, strict=True):
            size = float(np.abs(a).max())
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * size, err_msg=what)
    for what, call in ours.items():
        contenders = {"fnn": call, "gradient": ours["gradient"]}
        if what in jax:
            contenders["jax"] = jax[what]
        times = take_turns(contenders, seconds=0.05)
        took = ", ".join(f"{who} {microseconds(times, who)}" for who in contenders)
        parts = [f"{ratio(times, 'fnn', who)} of {who}" for who in contenders if who != "fnn"]
        print(f"{title}, {what}: {took}; fnn takes {', '.join(parts)}")


if __name__ == "__main__":
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}, one core; medians of 41 turns")
    for title, case in CASES.items():
        compare(title, case)
