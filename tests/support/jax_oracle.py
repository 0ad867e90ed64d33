"""The same derivatives by JAX's autodiff, in float64, where it is installed."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from fnn.base import Array, Batch, Grads, Params
from fnn.tree import leaves


def truths(act: str, loss: str, params: Params, batch: Batch, vector: Grads) -> dict[str, Array]:
    """For rows of samples, by names of JAX's activations and of fnn's losses."""
    jax = importlib.import_module("jax")
    jnp, flatten = jax.numpy, importlib.import_module("jax.flatten_util")
    jax.config.update("jax_enable_x64", True)
    f = getattr(jax.nn, act)
    losses = {
        "squared_error": lambda u, y: ((u - y) ** 2).sum(-1),
        "softmax_cross_entropy": lambda u, y: -(y * jax.nn.log_softmax(u)).sum(-1),
        "poisson": lambda u, y: (jnp.exp(u) - y * u).sum(-1),
    }
    theta, unravel = flatten.ravel_pytree(params)
    v = jnp.concatenate([jnp.ravel(leaf) for leaf in leaves(vector)])
    x, y = jnp.asarray(batch.x), jnp.asarray(batch.y)

    def net(theta: Any, x: Any) -> Any:
        for w, b in unravel(theta):
            x = f(x @ w + b)
        return x

    def one(theta: Any, x: Any, y: Any) -> Any:
        return losses[loss](net(theta, x), y)

    def mean(theta: Any) -> Any:
        return jnp.mean(count * one(theta, x, y))

    def rows(f: Any) -> Any:
        return jax.vmap(lambda x: f(theta, x))(x)

    count = jnp.ones(len(x)) if batch.weight is None else jnp.asarray(batch.weight)
    share = count / len(x)
    each = jax.vmap(jax.grad(one), (None, 0, 0))(theta, x, y)
    norms = jnp.linalg.norm(each, axis=1)
    bend = jax.vmap(jax.hessian(losses[loss]))(net(theta, x), y)
    jacobians, hessians = rows(jax.jacobian(net)), rows(jax.hessian(net, 1))
    gauss_newton = jnp.einsum("n,nkp,nkl,nlq->pq", share, jacobians, bend, jacobians)
    found = {
        "jvp": jax.jvp(lambda t: net(t, x), (theta,), (v,))[1],
        "jacobian": jacobians,
        "input_jacobian": rows(jax.jacobian(net, 1)),
        "input_hessian": hessians,
        "laplacian": jnp.trace(hessians, axis1=2, axis2=3),
        "per_example_gradients": each,
        "per_example_norms": norms,
        "clipped_sum": (count * jnp.minimum(1, 1 / norms)) @ each,
        "input_gradient": jax.vmap(jax.grad(one, 1), (None, 0, 0))(theta, x, y),
        "hvp": jax.jvp(jax.grad(mean), (theta,), (v,))[1],
        "hessian": jax.hessian(mean)(theta),
        "gauss_newton_vp": gauss_newton @ v,
        "diagonal_gauss_newton": jnp.diag(gauss_newton),
        "fisher_vp": each.T @ (share * (each @ v)),
    }
    return {name: np.asarray(value) for name, value in found.items()}
