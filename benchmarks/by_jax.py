"""JAX: jitted, buffers donated; one call for whole epochs (`lax.scan`), or for a minibatch step."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.by_numpy import joined
from benchmarks.contender import Contender
from benchmarks.tasks import B1, B2, EPS, MASS, MAX_NORM, Derivative, Inference, Network, Training


def jax_module() -> Any:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)  # else float64 becomes float32
    return jax


def outputs(jax: Any, net: Network) -> Callable[[Any, Any], Any]:
    acts = [
        {"identity": lambda z: z, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[n]
        for n in net.names
    ]

    def forward(params: Any, x: Any) -> Any:
        for act, (w, b) in zip(acts, params, strict=True):
            x = act(x @ w + b)
        return x

    return forward


def squared_error(jax: Any, net: Network) -> Callable[[Any, Any, Any], Any]:
    forward = outputs(jax, net)
    return lambda params, x, y: ((forward(params, x) - y) ** 2).sum(-1).mean()


def own(jax: Any, params: Any) -> Any:
    """A copy that JAX may give away: plain pairs, on its device."""
    return tuple((jax.numpy.array(w), jax.numpy.array(b)) for w, b in params)


def optimizer(
    jax: Any, task: Training
) -> tuple[Callable[[Any], Any], Callable[[Any, Any, Any], Any]]:
    """``init(params)`` and ``update(params, grads, state) -> (params, state)``; XLA fuses each."""
    tree, rate = jax.tree.map, task.rate

    def adam(params: Any, grads: Any, state: Any) -> Any:
        t, m, v = state
        t = t + 1
        m = tree(lambda m, g: B1 * m + (1 - B1) * g, m, grads)
        v = tree(lambda v, g: B2 * v + (1 - B2) * g * g, v, grads)
        size, root = rate / (1 - B1**t), (1 - B2**t) ** -0.5

        def moved(p: Any, m: Any, v: Any) -> Any:
            kind = p.dtype
            return p - size.astype(kind) * m / (jax.numpy.sqrt(v) * root.astype(kind) + EPS)

        return tree(moved, params, m, v), (t, m, v)

    def momentum(params: Any, grads: Any, v: Any) -> Any:
        v = tree(lambda v, g: MASS * v + g, v, grads)
        return tree(lambda p, v: p - rate * v, params, v), v

    def sgd(params: Any, grads: Any, state: Any) -> Any:
        return tree(lambda p, g: p - rate * g, params, grads), state

    def zeros(params: Any) -> Any:
        return tree(jax.numpy.zeros_like, params)

    return {
        "sgd": (lambda params: (), sgd),
        "momentum": (zeros, momentum),
        "adam": (lambda params: (jax.numpy.zeros(()), zeros(params), zeros(params)), adam),
    }[task.optimizer]


def training(task: Training, unroll: int = 1, steps: int = 1) -> Contender:
    """One call is whole epochs, or so many ``steps`` on the one minibatch.

    The data are arguments: as constants, XLA would lay them out so that its products slow down.
    """
    jax = jax_module()
    loss, data = squared_error(jax, task.net), task.data()
    init, update = optimizer(jax, task)

    def step(carry: Any, batch: Any) -> Any:
        params, state = carry
        value, grads = jax.value_and_grad(loss)(params, *batch)
        return update(params, grads, state), value

    def run(carry: Any, batch: Any) -> Any:
        def epoch(carry: Any, _: Any) -> Any:
            carry, values = jax.lax.scan(step, carry, batch, unroll=unroll)
            return carry, values.mean()

        if task.batch is None:
            return jax.lax.scan(epoch, carry, None, length=task.passes)
        if steps == 1:
            return step(carry, batch)
        return jax.lax.scan(lambda carry, _: step(carry, batch), carry, None, length=steps)

    jitted = jax.jit(run, donate_argnums=0)
    batch = jax.numpy.asarray(data.x), jax.numpy.asarray(data.y)
    params = own(jax, task.net.params())
    carry = params, init(params)

    def call() -> None:
        nonlocal carry
        carry, values = jitted(carry, batch)
        jax.block_until_ready((carry, values))

    calls = None if steps == 1 else 1 / steps
    like = None if steps == 1 else task._replace(passes=steps)
    return Contender(call, lambda: task.moved(jax.tree.leaves(carry[0])), like, calls=calls)


def unrolled(task: Training) -> Contender:
    """Four samples to a turn of the loop, which is about XLA's best on these sizes."""
    return training(task, unroll=4)


def scanned(task: Training) -> Contender:
    """Eight steps a call: what Python and the waiting cost is shared."""
    return training(task, steps=8)


def inference(task: Inference) -> Contender:
    jax = jax_module()
    params, rows = own(jax, task.net.params()), jax.numpy.asarray(task.net.inputs(task.rows))
    x = rows[0] if task.rows == 1 else rows
    jitted = jax.jit(outputs(jax, task.net))
    return Contender(
        lambda: jitted(params, x).block_until_ready(), lambda: np.ravel(jitted(params, x))
    )


def derivative(task: Derivative) -> Contender:
    jax = jax_module()
    forward, loss, data = outputs(jax, task.net), squared_error(jax, task.net), task.data()
    params, vector = own(jax, task.net.params()), own(jax, task.vector())
    numbers = jax.numpy.asarray(data.x), jax.numpy.asarray(data.y)
    gradient = jax.grad(loss)

    def norm(grads: Any) -> Any:
        return jax.numpy.sqrt(sum(jax.numpy.sum(g * g) for g in jax.tree.leaves(grads)))

    def clipped(params: Any, vector: Any, x: Any, y: Any) -> Any:
        grads = each(gradient)(params, x, y)
        factors = jax.numpy.minimum(1.0, MAX_NORM / jax.vmap(norm)(grads))
        return jax.tree.map(lambda g: jax.numpy.tensordot(factors, g, 1), grads)

    def each(function: Any) -> Any:
        return jax.vmap(function, (None, 0, 0))

    def gauss_newton(params: Any, vector: Any, x: Any, y: Any) -> Any:
        def mean(u: Any) -> Any:
            return ((u - y) ** 2).sum(-1).mean()

        u, pullback = jax.vjp(lambda p: forward(p, x), params)
        _, moved = jax.jvp(lambda p: forward(p, x), (params,), (vector,))
        return pullback(jax.jvp(jax.grad(mean), (u,), (moved,))[1])[0]

    kinds = {
        "per_example_gradients": lambda p, v, x, y: each(gradient)(p, x, y),
        "per_example_norms": lambda p, v, x, y: each(lambda *s: norm(gradient(*s)))(p, x, y),
        "clipped_sum": clipped,
        "hvp": lambda p, v, x, y: jax.jvp(lambda p: gradient(p, x, y), (p,), (v,))[1],
        "gauss_newton_vp": gauss_newton,
    }
    jitted = jax.jit(kinds[task.kind])
    result: Any = None

    def call() -> None:
        nonlocal result
        result = jax.block_until_ready(jitted(params, vector, *numbers))

    return Contender(call, lambda: joined(result))
