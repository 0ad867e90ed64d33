"""Mistakes in calling the derivatives: one a line, each caught before it runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fnn import Activation, Array, Batch, Grads, Loss, Params, backprop, init, key
from fnn.activations import identity, tanh
from fnn.derivatives import (
    clipped_sum,
    fisher_vp,
    gauss_newton_vp,
    hessian,
    hvp,
    input_gradient,
    input_hessian,
    input_jacobian,
    jacobian,
    jvp,
    kfac_factors,
    laplacian,
    per_example_gradients,
    per_example_norms,
)
from fnn.losses import huber, squared_error
from fnn.tree import ravel

acts = (tanh, identity)
params = init(key(0), (3, 4, 2))
single = init(key(0), (3, 4, 2), dtype=np.float32)
x = np.ones((5, 3))
batch = Batch(x, np.ones((5, 2)))
value, grads = backprop(acts, squared_error, params, batch)
vector, unravel = ravel(grads)


def f(z: Array) -> Array:
    return z


def two(z: Array, a: Array) -> Array:
    return z


# the direction: params, a vector or nothing where grads belong
jvp(acts, params, x, params)  # type: ignore[arg-type]
jvp(acts, params, x, vector)  # type: ignore[arg-type]
jvp(acts, params, x)  # type: ignore[call-arg]
jvp(acts, params, x, grads[0])  # type: ignore[arg-type]
hvp(acts, squared_error, params, batch, params)  # type: ignore[arg-type]
hvp(acts, squared_error, params, batch, vector)  # type: ignore[arg-type]
hvp(acts, squared_error, params, batch)  # type: ignore[call-arg]
hvp(acts, squared_error, grads, batch, grads)  # type: ignore[arg-type]
gauss_newton_vp(acts, squared_error, params, batch, params)  # type: ignore[arg-type]
gauss_newton_vp(acts, squared_error, params, batch)  # type: ignore[call-arg]
fisher_vp(acts, squared_error, params, batch, params)  # type: ignore[arg-type]
fisher_vp(acts, squared_error, params, batch, x)  # type: ignore[arg-type]

# a loss forgotten, or where there is none
hvp(acts, params, batch, grads)  # type: ignore[arg-type, call-arg]
jacobian(acts, squared_error, params, x)  # type: ignore[arg-type, call-arg]
input_jacobian(acts, squared_error, params, x)  # type: ignore[arg-type, call-arg]
input_gradient(acts, params, x)  # type: ignore[arg-type, call-arg]
input_gradient(acts, params, batch)  # type: ignore[arg-type, call-arg]
per_example_norms(acts, params, batch)  # type: ignore[arg-type, call-arg]
hessian(acts, params, x)  # type: ignore[arg-type, call-arg]
hessian(squared_error, acts, params, batch)  # type: ignore[arg-type]
kfac_factors(acts, huber, params, batch)  # type: ignore[arg-type]
per_example_gradients(acts, squared_error.f, params, batch)  # type: ignore[arg-type]
clipped_sum(acts, squared_error, params, batch)  # type: ignore[call-arg]
clipped_sum(acts, squared_error, params, 1.0, batch)  # type: ignore[arg-type]
clipped_sum(acts, squared_error, params, batch, "1")  # type: ignore[arg-type]

# an array where a batch belongs, a batch where an array does
hvp(acts, squared_error, params, x, grads)  # type: ignore[arg-type]
hessian(acts, squared_error, params, x)  # type: ignore[arg-type]
per_example_norms(acts, squared_error, params, x)  # type: ignore[arg-type]
jacobian(acts, params, batch)  # type: ignore[arg-type]
laplacian(acts, params, batch)  # type: ignore[arg-type]
input_hessian(acts, params, batch)  # type: ignore[arg-type]
input_hessian(params, acts, x)  # type: ignore[arg-type]
jacobian(tanh, params, x)  # type: ignore[arg-type]
jacobian((np.tanh, np.tanh), params, x)  # type: ignore[arg-type]

# results taken for others, and one dtype for another
whole: NDArray[np.float64] = jvp(acts, params, x, grads)  # type: ignore[assignment]
turned: Grads = hessian(acts, squared_error, params, batch)  # type: ignore[assignment]
moved: Params = hvp(acts, squared_error, params, batch, grads)  # type: ignore[assignment]
norms: float = per_example_norms(acts, squared_error, params, batch)  # type: ignore[assignment]
clipped: Params = clipped_sum(acts, squared_error, params, batch, 1.0)  # type: ignore[assignment]
double: NDArray[np.float64] = jacobian(acts, single, x)  # type: ignore[arg-type]
bent: NDArray[np.float64] = input_hessian(acts, single, x)  # type: ignore[arg-type]
factors: Grads = kfac_factors(acts, squared_error, params, batch)  # type: ignore[assignment]
tree: Params = unravel(vector)  # type: ignore[assignment]
layers: Params = ravel(params)  # type: ignore[assignment]
ravel(params)(vector)  # type: ignore[operator]
unravel(batch)  # type: ignore[arg-type]
jvp(acts, params, x, grads, batch)  # type: ignore[arg-type]

# pairs
Activation(f, two, f)  # type: ignore[arg-type]
Activation(f, two, 2.0)  # type: ignore[arg-type]
Loss(two, two, two)  # type: ignore[arg-type]
Loss(two, two, f)  # type: ignore[arg-type]
tanh.d2f(x, x)  # type: ignore[misc]
squared_error.d2f(x, x, x)  # type: ignore[misc]
Activation(f, two, d2f=lambda z: z)  # type: ignore[arg-type, misc]
Loss(two, two, d2f=lambda output, target: output)  # type: ignore[arg-type, misc]
