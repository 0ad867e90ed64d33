"""A network linearized at some samples: small changes pushed forward, slopes pulled backward.

With a_0 = x, z_l = a_{l-1} W_l + b_l and a_l = f_l(z_l), a change of the params by (V_l, c_l) and
of x by x. changes the output by a._L, where a dot marks the change::

    z._l = a._{l-1} W_l + a_{l-1} V_l + c_l        a._l = f_l'(z_l) * z._l

and a slope g_L by the output, its cotangent, becomes g_{l-1} = d_l W_l^T, d_l = g_l * f_l'(z_l),
by the inputs of each layer. Here ``deltas`` is the walk backward that all derivatives share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core import checks, memory, shapes
from fnn._core.arrays import frozen
from fnn.activations._piecewise import zero_second_derivative
from fnn.base import Acts, Array, Batch, F, F_co, Grads, LayerGrad, Loss, Params
from fnn.losses._weighted import weighted
from fnn.network import trace


class Linear(NamedTuple, Generic[F_co]):
    """The values of a forward pass over rows, and the slope of every unit; a sample is one row."""

    acts: Acts
    params: Params[F_co]
    a: tuple[NDArray[F_co], ...]
    """The input of each layer and, last, the output: a_0 to a_L."""
    z: tuple[NDArray[F_co], ...]
    slopes: tuple[NDArray[F_co], ...]
    """f_l'(z_l)"""
    leading: tuple[int, ...]
    """The batch axis of x: (n,) for rows, () for one sample."""

    @property
    def output(self) -> NDArray[F_co]:
        """The rows of outputs, a_L."""
        return self.a[-1]

    def restored(self, rows: NDArray[F]) -> NDArray[F]:
        """A result for rows with the batch axis that x has, read-only."""
        return frozen(rows.reshape(self.leading + rows.shape[1:]))


def enter(name: str, acts: Acts, params: Params[F], x: Any) -> NDArray[F]:
    """The samples, checked together with the network, before anything is computed."""
    return shapes.check_input(name, x, params, checks.check_network(acts, params))


def linearize(acts: Acts, params: Params[F], x: NDArray[F]) -> Linear[F]:
    """The network linearized at samples that `enter` has checked."""
    rows = x.reshape(-1, x.shape[-1])
    layers = trace(acts, params, rows)
    slopes = tuple(
        shapes.check_elementwise("df", i, act.df(z, a), z)
        for i, (act, (z, a)) in enumerate(zip(acts, layers, strict=True))
    )
    zs, outputs = zip(*layers, strict=True)
    return Linear(acts, params, (rows, *outputs), zs, slopes, x.shape[:-1])


def check_stack(name: str, rows: int, k: int, params: Params[F]) -> None:
    """Raise `ValueError` unless k vectors a row, as wide as the widest layer, fit into memory.

    The values of the forward pass are counted too.
    """
    widest = max(len(b) for _, b in params)
    k += 4 * len(params)  # z, a, f' and f''
    memory.check_room(
        (rows, k, widest), params[0].w.dtype, name, "stacks of directions", "take chunks of rows"
    )


class LossAt(NamedTuple, Generic[F_co]):
    """A loss at the outputs for a batch, with its first and second derivatives by them."""

    loss: Loss
    output: NDArray[F_co]
    y: Array
    shares: NDArray[F_co] | float
    """Factor of each row's own loss: a column w_i / n, or one number for all, 1 / n."""

    def slope(self) -> NDArray[F_co]:
        """The gradient of each row's own loss by its output."""
        return shapes.check_like_output("loss.df", self.loss.df(self.output, self.y), self.output)

    def bend(self, v: NDArray[F_co]) -> NDArray[F_co]:
        """The Hessian of each row's own loss by its output, times v."""
        if self.loss.d2f is None:
            raise ValueError(
                "loss.d2f: expected the second derivative, which curvature needs, got None;"
                " give the pair one: Loss(f, df, d2f), d2f(output, target, v) being the Hessian"
                " of a sample's loss by its output, times v"
            )
        return shapes.check_like_output(
            "loss.d2f", self.loss.d2f(self.output, self.y, frozen(v.view())), self.output
        )


def bends(at: Linear[F], reason: str) -> list[NDArray[F] | None]:
    """f_l''(z_l) of every layer; None where it is 0 everywhere, as for relu."""
    second: list[NDArray[F] | None] = []
    for i, (act, z, a) in enumerate(zip(at.acts, at.z, at.a[1:], strict=True)):
        if act.d2f is None:
            raise ValueError(
                f"acts[{i}].d2f: expected the second derivative, which {reason} needs, got None;"
                " give the pair one: Activation(f, df, d2f), d2f(z, a) being f''(z)"
            )
        checks.check_inputs(f"acts[{i}].d2f", act.d2f, "z", "a")
        if act.d2f is zero_second_derivative:
            second.append(None)
        else:
            second.append(shapes.check_elementwise("d2f", i, act.d2f(z, a), z))
    return second


def enter_batch(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch
) -> tuple[Linear[F], LossAt[F]]:
    """The network linearized at the samples of a batch, and the loss at its outputs."""
    checks.check_loss(loss)
    checks.check_batch(batch)
    at = linearize(acts, params, enter("batch.x", acts, params, batch.x))
    output = at.output.reshape(at.leading + at.output.shape[1:])
    y = shapes.check_target(batch.y, output, targets=loss.targets)
    weight = batch.weight
    if weight is not None and not at.leading:
        weight = shapes.check_weight(weight, (), y.shape, output.dtype)[None]
    rows = y.reshape(len(at.output), *y.shape[len(at.leading) :])
    loss, rows, shares = weighted(loss, weight, at.output, rows)
    if isinstance(shares, np.ndarray):
        shares = shares[:, None]
    return at, LossAt(loss, at.output, frozen(rows.view()), shares)


def times(stack: NDArray[F], matrix: NDArray[F]) -> NDArray[F]:
    """``stack @ matrix`` for a stack of any number of axes, as one product of matrices."""
    flat: NDArray[F] = stack.reshape(-1, stack.shape[-1]).dot(matrix)
    return flat.reshape(*stack.shape[:-1], matrix.shape[1])


def layer_grad(a: Array, delta: Array) -> LayerGrad[Any]:
    """The gradient by a layer's params, from the rows of its inputs and of its deltas."""
    return LayerGrad(frozen(a.T.dot(delta)), frozen(np.add.reduce(delta, axis=0)))


def push(at: Linear[F], tangent: Grads[F], x_tangent: NDArray[F] | None = None) -> NDArray[F]:
    """The change of the output for a change of the params and, if given, of x."""
    moved: Array = at.output
    for i, (v, c) in enumerate(tangent):
        z: Array = at.a[i].dot(v)
        z += c
        if i:
            z += moved.dot(at.params[i].w)
        elif x_tangent is not None:
            z += x_tangent.dot(at.params[i].w)
        moved = z * at.slopes[i]
    return moved


def deltas(at: Linear[F], output_bar: NDArray[F]) -> Iterator[tuple[int, NDArray[F], NDArray[F]]]:
    """Walk backward: (l, g_l, d_l) from the last layer to the first.

    `output_bar` is one cotangent of the output for each row, (n, m), or k of them, (n, k, m).
    """
    bar = output_bar
    for i in range(len(at.params) - 1, -1, -1):
        slope = at.slopes[i] if bar.ndim == 2 else at.slopes[i][:, None]
        delta: NDArray[F] = np.multiply(bar, slope)
        yield i, bar, delta
        if i:
            bar = times(delta, at.params[i].w.T)


def pull(at: Linear[F], output_bar: NDArray[F]) -> Grads[F]:
    """The gradient by the params of ``sum(output_bar * output)``."""
    grads = [layer_grad(at.a[i], delta) for i, _, delta in deltas(at, output_bar)]
    return tuple(grads[::-1])


def fill_rows(at: Linear[F], output_bars: NDArray[F], rows: Array) -> None:
    """Write the gradients by the params, for k cotangents of each row (n, k, m), into (n, k, P).

    For unit cotangents these are rows of the Jacobian: dW_l = a_{l-1} (x) d_l, db_l = d_l. An array
    of fewer columns gets those of the last layers.
    """
    end = rows.shape[-1]
    for i, _, delta in deltas(at, output_bars):
        w, b = at.params[i]
        rows[:, :, end - b.size : end] = delta
        end -= b.size + w.size
        part = rows[:, :, end : end + w.size].reshape(*rows.shape[:2], *w.shape)  # a view
        np.multiply(at.a[i][:, None, :, None], delta[:, :, None, :], out=part)
        if not end:
            break


def unit_bars(at: Linear[F]) -> NDArray[F]:
    """The unit cotangents of the m outputs, for every row: (n, m, m)."""
    n, m = at.output.shape
    return np.broadcast_to(np.eye(m, dtype=at.output.dtype), (n, m, m))
