"""Mistakes in pairs and optimizers of one's own: one a line, each caught before it runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn import Activation, Array, Batch, Loss, Optimizer, Params, State, backprop, init, key
from fnn.activations import leaky_relu, tanh
from fnn.base import Acts, Grads
from fnn.losses import huber, squared_error
from fnn.optimizers import SgdState, adam, chain, sgd
from fnn.testing import check_activation, check_gradients, check_loss


def f(z: Array) -> Array:
    return np.sin(z)


def df(z: Array, a: Array) -> Array:
    return np.cos(z)


def df_of_z(z: Array) -> Array:
    return np.cos(z)


def loss_f(output: Array, target: Array) -> Array:
    total: Array = np.abs(output - target).sum(-1)
    return total


def as_float(output: Array, target: Array) -> float:
    return float(loss_f(output, target).mean())


# activations
Activation(f)  # type: ignore[call-arg]
Activation(df, f)  # type: ignore[arg-type]
Activation(f, df_of_z)  # type: ignore[arg-type]
Activation(f, f)  # type: ignore[arg-type]
Activation(f, df, f)  # type: ignore[arg-type]
Activation(f, df, df, df)  # type: ignore[arg-type]
Activation(f, df, df, (0.0, 1.0), "f", df)  # type: ignore[call-arg]
Activation(f(np.ones(2)), df)  # type: ignore[arg-type]
Activation(lambda z, a: z, df)  # type: ignore[arg-type, misc]
Activation(lambda: np.ones(2), df)  # type: ignore[arg-type, misc]
Activation(f, lambda z: z)  # type: ignore[arg-type, misc]
Activation(f, lambda z, a: None)  # type: ignore[arg-type, return-value]
Activation("sin", "cos")  # type: ignore[arg-type]
Activation(np.sin)  # type: ignore[call-arg]
Activation(f=f, dfdz=df)  # type: ignore[call-arg]
pair: Activation = squared_error  # type: ignore[assignment]
loss_pair: Loss = tanh  # type: ignore[assignment]
from_tuple: Activation = (f, df)  # type: ignore[assignment]
acts: Acts = (tanh, f)  # type: ignore[assignment]
acts_list: Acts = [tanh, tanh]  # type: ignore[assignment]
acts_alone: Acts = tanh  # type: ignore[assignment]
acts_mixed: Acts = (tanh, squared_error)  # type: ignore[assignment]
leaky_relu("0.1")  # type: ignore[arg-type]
leaky_relu(tanh)  # type: ignore[arg-type]
tanh(np.ones(2))  # type: ignore[operator]
tanh.df(np.ones(2))  # type: ignore[call-arg]
tanh.f(np.ones(2), np.ones(2))  # type: ignore[call-arg]

# losses
Loss(loss_f)  # type: ignore[call-arg]
Loss(loss_f, df_of_z)  # type: ignore[arg-type]
Loss(f, df)  # type: ignore[arg-type]
Loss(loss_f, loss_f, loss_f)  # type: ignore[arg-type]
Loss(as_float, loss_f)  # type: ignore[arg-type]
Loss(loss_f, lambda output: output)  # type: ignore[arg-type, misc]
Loss(lambda output, target: "0", loss_f)  # type: ignore[arg-type, return-value]
huber("1.0")  # type: ignore[arg-type]
huber()  # type: ignore[call-arg]
squared_error(np.ones(2), np.ones(2))  # type: ignore[operator]
squared_error.f(np.ones(2))  # type: ignore[call-arg]

# optimizers
Optimizer(lambda params: 0)  # type: ignore[call-arg]
Optimizer(0, lambda grads, state, params: (grads, state))  # type: ignore[arg-type]
Optimizer(lambda: 0, lambda grads, state, params: (grads, state))  # type: ignore[arg-type, misc]
Optimizer(lambda params: 0, lambda grads, state: (grads, state))  # type: ignore[arg-type, misc]


def init_state(params: Params[Any]) -> int:
    return 0


def update_swapped(grads: Grads[Any], state: int, params: Params[Any]) -> tuple[int, Grads[Any]]:
    return state, grads


def update_without_state(grads: Grads[Any], state: int, params: Params[Any]) -> Grads[Any]:
    return grads


def update_other_state(
    grads: Grads[Any], state: str, params: Params[Any]
) -> tuple[Grads[Any], str]:
    return grads, state


Optimizer(init_state, update_swapped)  # type: ignore[misc]
Optimizer(init_state, update_without_state)  # type: ignore[arg-type]
chain(sgd(0.1), 0.1)  # type: ignore[call-overload]
chain(sgd(0.1), adam(0.1)).update(0, SgdState(0), 0)  # type: ignore[arg-type]
mixed: Optimizer[int] = Optimizer(init_state, update_other_state)  # type: ignore[arg-type]
other: Optimizer[int] = sgd(0.1)  # type: ignore[assignment]
some_state: State[np.float64, SgdState] = State(init(key(0), (2, 1)), 0)  # type: ignore[arg-type]

# the checkers
params = init(key(0), (2, 1))
batch = Batch(np.ones(2), np.ones(1))
check_activation(squared_error)  # type: ignore[arg-type]
check_activation(np.tanh)  # type: ignore[arg-type]
check_activation(f, df)  # type: ignore[arg-type]
check_loss(tanh)  # type: ignore[arg-type]
check_gradients(squared_error, (tanh,), params, batch)  # type: ignore[arg-type]
check_gradients((tanh,), squared_error, batch, params)  # type: ignore[arg-type]
check_gradients((tanh,), squared_error, params)  # type: ignore[call-arg]
check_gradients((tanh,), squared_error, backprop((tanh,), squared_error, params, batch)[1], batch)  # type: ignore[arg-type]
