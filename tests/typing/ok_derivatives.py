"""Derivatives keep the dtype of the params and say what they are."""

from __future__ import annotations

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import Activation, Array, Batch, Grads, Loss, Params, backprop, init, key
from fnn.activations import identity, tanh
from fnn.derivatives import (
    clipped_sum,
    diagonal_gauss_newton,
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
from fnn.tree import leaves, ravel

acts = (tanh, identity)
double, single = init(key(0), (3, 4, 2)), init(key(0), (3, 4, 2), dtype=np.float32)
batch = Batch(np.ones((5, 3)), np.ones((5, 2)))
_, grads = backprop(acts, squared_error, double, batch)
_, single_grads = backprop(acts, squared_error, single, batch)

output, moved = jvp(acts, double, batch.x, grads)
assert_type(moved, NDArray[np.float64])
assert jvp(acts, single, [[1, 2, 3]], single_grads, [[1, 0, 0]])[1].dtype == np.float32
assert_type(jacobian(acts, double, [1, 2, 3]), NDArray[np.float64])
assert_type(jacobian(acts, single, batch.x), NDArray[np.float32])
assert jacobian(acts, single, batch.x).dtype == np.float32
assert_type(input_jacobian(acts, single, batch.x), NDArray[np.float32])
assert_type(input_hessian(acts, single, batch.x), NDArray[np.float32])
assert_type(laplacian(acts, single, batch.x), NDArray[np.float32])
assert_type(input_gradient(acts, huber(1.0), single, batch), NDArray[np.float32])
assert_type(per_example_gradients(acts, squared_error, double, batch), Grads[np.float64])
assert_type(per_example_norms(acts, squared_error, single, batch), NDArray[np.float32])
assert_type(clipped_sum(acts, squared_error, single, batch, 1), Grads[np.float32])
assert_type(hvp(acts, squared_error, double, batch, grads), Grads)
assert_type(hvp(acts, squared_error, single, batch, single_grads), Grads[np.float32])
assert_type(gauss_newton_vp(acts, squared_error, double, batch, grads), Grads)
assert_type(fisher_vp(acts, squared_error, double, batch, grads), Grads)
assert_type(hessian(acts, squared_error, single, batch), NDArray[np.float32])
assert_type(diagonal_gauss_newton(acts, squared_error, single, batch), Grads[np.float32])
assert_type(kfac_factors(acts, squared_error, single, batch)[0].a, NDArray[np.float32])
for tree in (
    hvp(acts, squared_error, single, batch, single_grads),
    clipped_sum(acts, squared_error, single, batch, np.float64(1.0)),
    kfac_factors(acts, squared_error, single, batch),
):
    assert {leaf.dtype for leaf in leaves(tree)} == {np.dtype(np.float32)}

vector, unravel = ravel(double)
assert_type(unravel(vector), Params)
assert_type(ravel(grads)[1](2 * vector), Grads)
hvp(acts, squared_error, double, batch, ravel(grads)[1](vector))


def bend(z: Array, a: Array) -> Array:
    return np.full_like(z, 2)


def curve(output: Array, target: Array, v: Array) -> Array:
    return np.add(v, v)


parabola = Activation(np.square, lambda z, a: np.add(z, z), bend)
smooth = Loss(squared_error.f, squared_error.df, curve)
hvp((parabola, parabola), smooth, double, batch, grads)
if tanh.d2f is not None:
    assert_type(tanh.d2f(np.ones(2), np.ones(2)), Array)
