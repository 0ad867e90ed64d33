"""Mistakes in calling the network's functions: one a line, each caught before it runs."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from fnn import (
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Params,
    apply_updates,
    backprop,
    forward,
    init,
    key,
    step,
    trace,
    vjp,
)
from fnn.activations import leaky_relu, relu, sigmoid, tanh
from fnn.initializers import glorot_uniform, uniform
from fnn.losses import huber, squared_error

acts = (tanh, sigmoid)
params = init(key(0), (3, 4, 2))
single = init(key(0), (3, 4, 2), dtype=np.float32)
x, y = np.ones((5, 3)), np.ones((5, 2))
batch = Batch(x, y)
value, grads = backprop(acts, squared_error, params, batch)
output, pullback = vjp(acts, params, x)

# params and grads swapped, or the two results of a function
step(grads, params, 0.1)  # type: ignore[arg-type]
step(params, params, 0.1)  # type: ignore[arg-type]
apply_updates(grads, params)  # type: ignore[arg-type]
apply_updates(params, params)  # type: ignore[arg-type]
step(params, value, 0.1)  # type: ignore[arg-type]
step(params, backprop(acts, squared_error, params, batch), 0.1)  # type: ignore[arg-type]
step(params, pullback(y), 0.1)  # type: ignore[arg-type]
forward(acts, grads, x)  # type: ignore[arg-type]
backprop(acts, squared_error, grads, batch)  # type: ignore[arg-type]
swapped: tuple[Grads, float] = backprop(acts, squared_error, params, batch)  # type: ignore[assignment]
new: Grads = step(params, grads, 0.1)  # type: ignore[assignment]
print(vjp(acts, params, x) + x)  # type: ignore[operator]
output_only: NDArray[np.float64] = vjp(acts, params, x)  # type: ignore[assignment]

# an argument forgotten, or in the wrong place
forward(params, x)  # type: ignore[arg-type, call-arg]
forward(acts, x)  # type: ignore[call-arg]
forward(acts, params)  # type: ignore[call-arg]
forward(params, acts, x)  # type: ignore[arg-type]
forward(acts, x, params)  # type: ignore[arg-type]
forward(x, acts, params)  # type: ignore[arg-type]
trace(params, acts, x)  # type: ignore[arg-type]
trace(acts, x)  # type: ignore[call-arg]
vjp(params, acts, x)  # type: ignore[arg-type]
backprop(acts, params, batch)  # type: ignore[arg-type, call-arg]
backprop(squared_error, acts, params, batch)  # type: ignore[arg-type]
backprop(acts, params, squared_error, batch)  # type: ignore[arg-type]
backprop(acts, squared_error, batch, params)  # type: ignore[arg-type]
backprop(acts, squared_error, params)  # type: ignore[call-arg]
backprop(acts, squared_error, params, x, y)  # type: ignore[arg-type, call-arg]
step(params, grads)  # type: ignore[call-arg]
step(params, 0.1, grads)  # type: ignore[arg-type]
step(0.1, params, grads)  # type: ignore[arg-type]
partial(forward, acts)(x, params)  # type: ignore[arg-type]
partial(forward, params)  # type: ignore[arg-type]

# something else where a pair belongs
forward(tanh, params, x)  # type: ignore[arg-type]
forward((np.tanh, np.tanh), params, x)  # type: ignore[arg-type]
forward((tanh, np.tanh), params, x)  # type: ignore[arg-type]
forward([tanh, sigmoid], params, x)  # type: ignore[arg-type]
forward(("tanh", "sigmoid"), params, x)  # type: ignore[arg-type]
forward("tanh", params, x)  # type: ignore[arg-type]
forward((tanh.f, sigmoid.f), params, x)  # type: ignore[arg-type]
forward((relu, leaky_relu), params, x)  # type: ignore[arg-type]
forward((tanh, squared_error), params, x)  # type: ignore[arg-type]
forward(squared_error, params, x)  # type: ignore[arg-type]
backprop(acts, tanh, params, batch)  # type: ignore[arg-type]
backprop(acts, squared_error.f, params, batch)  # type: ignore[arg-type]
backprop(acts, huber, params, batch)  # type: ignore[arg-type]
backprop(acts, "squared_error", params, batch)  # type: ignore[arg-type]
backprop(acts, (squared_error, squared_error), params, batch)  # type: ignore[arg-type]

# something else where params, a batch or a number belongs
forward(acts, 1.0, x)  # type: ignore[arg-type]
forward(acts, None, x)  # type: ignore[arg-type]
forward(acts, list(params), x)  # type: ignore[arg-type]
forward(acts, params[0], x)  # type: ignore[arg-type]
forward(acts, params[0].w, x)  # type: ignore[arg-type]
forward(acts, ((x, y),), x)  # type: ignore[arg-type]
backprop(acts, squared_error, params, x)  # type: ignore[arg-type]
backprop(acts, squared_error, params, (x, y))  # type: ignore[arg-type]
backprop(acts, squared_error, params, [batch])  # type: ignore[arg-type]
step(params, grads, "0.1")  # type: ignore[arg-type]
step(params, grads, None)  # type: ignore[arg-type]
step(params, grads, lambda steps: 0.1)  # type: ignore[arg-type]
step(params, grads, [0.1, 0.2])  # type: ignore[arg-type]
step(params, list(grads), 0.1)  # type: ignore[arg-type]
forward(acts, params, None)  # type: ignore[arg-type]
forward(acts, params, {"x": 1.0})  # type: ignore[arg-type]
forward(acts, params, iter(x))  # type: ignore[arg-type]
forward(acts, params, batch)  # type: ignore[arg-type]
pullback(None)  # type: ignore[arg-type]

# init
init(0, (3, 2))  # type: ignore[call-overload]
init((3, 2), key(0))  # type: ignore[call-overload]
init(key(0), 3)  # type: ignore[call-overload]
init(key(0), (3.0, 2.0))  # type: ignore[arg-type]
init(key(0), "32")  # type: ignore[arg-type]
init(key(0), (3, 2), "glorot_uniform")  # type: ignore[call-overload]
init(key(0), (3, 2), 0.0)  # type: ignore[call-overload]
init(key(0), (3, 2), glorot_uniform(key(0), (3, 2), np.dtype(np.float64)))  # type: ignore[call-overload]
init(key(0), (3, 2), uniform)  # type: ignore[arg-type]
init(key(0), (3, 2), np.float32)  # type: ignore[arg-type]
init(key(0), (3, 2), dtype=np.int64)  # type: ignore[type-var]
init(key(0), (3, 2), dtype=int)  # type: ignore[type-var]
init(key(0), (3, 2), dtype=np.complex128)  # type: ignore[type-var]
init(key(0), (3, 2), dtypes=np.float32)  # type: ignore[call-overload]

# values that do not change
params[0] = params[1]  # type: ignore[index]
params[0].w = x  # type: ignore[misc]
params[0].b = y  # type: ignore[misc]
grads[0].w = x  # type: ignore[misc]
batch.x = x  # type: ignore[misc]
batch.weight = y  # type: ignore[misc]
tanh.f = np.tanh  # type: ignore[misc]
squared_error.df = squared_error.f  # type: ignore[misc]
params.append(params[0])  # type: ignore[attr-defined]
print(params[0].weights)  # type: ignore[attr-defined]
print(batch.inputs)  # type: ignore[attr-defined]
del params[0]  # type: ignore[attr-defined]

# one floating type is not another
wide: Params = single  # type: ignore[assignment]
narrow: Params[np.float32] = params  # type: ignore[assignment]
narrow_grads: Grads[np.float32] = grads  # type: ignore[assignment]
narrow_output: NDArray[np.float32] = forward(acts, params, x)  # type: ignore[arg-type]
wide_step: Params = step(single, grads, 0.1)  # type: ignore[arg-type]
wide_layer: Layer = single[0]  # type: ignore[assignment]
gradient: LayerGrad = params[0]  # type: ignore[assignment]
