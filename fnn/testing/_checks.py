"""Checks of the derivatives of activation pairs, of loss pairs and of whole networks.

The reference are the numerical derivatives of `fnn.testing._differences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from fnn._core import checks
from fnn._core.arrays import frozen
from fnn._core.numbers import as_floats
from fnn.base import Activation, Acts, Array, Batch, F, Layer, Loss, Params
from fnn.losses._weighted import weighted
from fnn.network import backprop, forward, vjp
from fnn.random import Key, normal, split, uniform
from fnn.testing._contracts import Arrays, Function, check_float32, checked_result
from fnn.testing._differences import EXACT, Slopes, slopes, wrong_entry
from fnn.tree import leaves

DIRECTIONS = 3  # random ones for each array: an error may be orthogonal to one by bad luck

_DOUBLE = np.dtype(np.float64)
# From -30 to 30, dense about 0, and rounded to float32 so that z + h is exact in float64.
_POINTS = frozen((0.1 * np.sinh(np.linspace(-6.4, 6.4, 200))).astype(np.float32).astype(_DOUBLE))
_MOVES = 0.0, 2.0**-8, 2.0**-6, 2.0**-4
_Ways: TypeAlias = Sequence[tuple[int, Array]]  # which array moves, and how


def check_activation(pair: Activation, points: ArrayLike | None = None) -> None:
    """Assert that ``df(z, a)`` is the derivative of ``f(z)`` where ``a = f(z)``.

    ``d2f(z, a)``, if the pair has it, must be the derivative of ``df``. All functions must act on
    each element alone, keep shape and dtype (float64 and float32) and leave their arguments
    unchanged. `points` are the z to check at, by default 200 from -30 to 30, dense about 0. Points
    at a kink, or where f is not finite, are left out, but more than half must remain. Raises
    `AssertionError` with the place and both numbers, and `TypeError` for other things than a pair.
    It notices relative errors from about 1e-12 where f is analytic and takes complex numbers, else
    from about 1e-10.

    >>> check_activation(Activation(np.tanh, lambda z, a: 1 - a * a))
    >>> check_activation(Activation(np.square, lambda z, a: z), [3.0])
    Traceback (most recent call last):
    AssertionError: activation.df at z=3.0 (a=9.0): df gives 3.0, the complex step of f gives 6.0
    """
    checks.check_acts((pair,))
    z = _POINTS if points is None else as_floats("points", points, _DOUBLE).ravel()
    rows = np.arange(z.size)
    views = rows[::-1], rows[:1], np.stack((rows, rows[::-1]))
    rule = "one number for each z, whatever the others are"
    a = checked_result("activation.f", rule, pair.f, (z,), z.shape, views)
    df = checked_result("activation.df", rule, pair.df, (z, a), z.shape, views)

    def compare(part: str, claim: Array, of: Function) -> None:
        slope = slopes(lambda h: np.reshape(of(z + h), (-1, 1)), _analytic(of))
        slope.check("activation", part, claim, lambda i: f" at z={z[i]} (a={a[i]})")

    compare("df", df, pair.f)
    check_float32("activation.f", rule, pair.f, (z,), z.shape)
    check_float32("activation.df", rule, pair.df, (z, a), z.shape)
    if pair.d2f is not None:
        d2f = checked_result("activation.d2f", rule, pair.d2f, (z, a), z.shape, views)
        compare("d2f", d2f, lambda z: pair.df(z, pair.f(z)))
        check_float32("activation.d2f", rule, pair.d2f, (z, a), z.shape)


def check_loss(
    pair: Loss,
    targets: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    key: Key = Key(0),
) -> None:
    """Assert that ``df(output, target)`` is the derivative of ``f(output, target)`` by the output.

    ``d2f(output, target, v)``, if the pair has it, must be the derivative of ``df`` along v. f must
    sum over the last axis, df and d2f have the output's shape, results for one sample be those in a
    batch, dtypes be kept (float64 and float32) and arguments be left unchanged.

    `targets` are by default rows of three random probabilities with sum 1, which suit most losses;
    give other rows where the loss needs them, such as labels of +-1 or counts. For a loss that
    declares class labels they are labels (n,), by default of three. They are repeated to 64 rows
    and combined with random outputs of sizes from 0.1 to 15, or with your `outputs`, of the
    shape of the targets. Outputs at a kink, or where f is not finite, are left out, but more than
    half must remain. Raises `AssertionError` with the place and both numbers, `ValueError` for
    outputs of another shape, and `TypeError` for other things than a pair. It notices errors as
    small as `check_activation` does.

    >>> def hinge(u, y):
    ...     return np.maximum(1 - u * y, 0).sum(-1)
    >>> check_loss(Loss(hinge, lambda u, y: np.where(u * y < 1, -y, 0.0)), targets=[1.0, -1.0])
    """
    checks.check_loss(pair)
    target_key, output_key, vector_key = split(key, 3)
    labels = pair.targets is not None and pair.targets.labels
    shape = (64, 3) if outputs is None else np.atleast_2d(outputs).shape
    if targets is None:
        targets = uniform(target_key, shape, 0.1)
        targets = targets.argmax(-1) if labels else targets / targets.sum(-1, keepdims=True)
    y = as_floats("targets", targets, _DOUBLE)
    y = np.atleast_1d(y) if labels else np.atleast_2d(y)
    if outputs is None:
        y = np.resize(y, (max(64, len(y)), *y.shape[1:]))
        k = max(3, int(y.max()) + 1) if labels else y.shape[-1]
        outputs = _usual_outputs(output_key, (len(y), k))
    u = np.atleast_2d(as_floats("outputs", outputs, _DOUBLE))
    if y.shape != (u.shape[:1] if labels else u.shape):
        raise ValueError(f"outputs: expected {y.shape} like the targets, got {u.shape}")
    n, k = u.shape
    views = np.arange(n)[::-1], slice(1), 0
    rule = "one number for each {}, whatever the other samples are"
    checked_result("loss.f", rule.format("sample"), pair.f, (u, y), (n,), views)
    df = checked_result("loss.df", rule.format("output"), pair.df, (u, y), u.shape, views).ravel()

    def terms(h: complex) -> Array:  # one output of one sample moves at a time
        return np.stack([pair.f(u + h * unit, y) for unit in np.eye(k)], axis=-1).reshape(-1, 1)

    def place(i: int) -> str:
        return f"[{i % k}] at output={u[i // k].tolist()}, target={y[i // k].tolist()}"

    slopes(terms, _analytic_loss(pair.f, y, k)).check("loss", "df", df, place)
    check_float32("loss.f", rule.format("sample"), pair.f, (u, y), (n,))
    check_float32("loss.df", rule.format("output"), pair.df, (u, y), u.shape)
    if pair.d2f is None:
        return
    analytic = _analytic_loss(pair.df, y, k)
    for v in (_direction(vector_key, u.shape), *(np.tile(unit, (n, 1)) for unit in np.eye(k))):
        d2f = checked_result("loss.d2f", rule.format("output"), pair.d2f, (u, y, v), u.shape, views)
        curvature = slopes(partial(_moved_df, pair, u, y, v), analytic)
        curvature.check("loss", "d2f", d2f.ravel(), place)
    check_float32("loss.d2f", rule.format("output"), pair.d2f, (u, y, np.ones(u.shape)), u.shape)


def check_gradients(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, key: Key = Key(0)
) -> None:
    """Assert that `fnn.backprop` differentiates the loss of this network on this batch.

    Along random directions in each array of the params, and in ``batch.x`` for the pullback of
    `fnn.vjp`, the gradient is compared with numerical derivatives of the loss, in float64. For
    params of another dtype, the gradient in that dtype must agree to half its digits as well. Where
    kinks hide the derivatives by an array, params moved by up to 0.1 are checked instead. It takes
    about 300 forward passes a layer: use few rows.

    Raises `AssertionError` that names a wrong entry, with both numbers, and what `fnn.backprop`
    raises. `key` draws the directions.

    >>> from fnn import init
    >>> acts = (Activation(np.sin, lambda z, a: np.cos(z)), Activation(np.exp, lambda z, a: a))
    >>> square = Loss(lambda u, y: ((u - y) ** 2).sum(-1), lambda u, y: 2 * (u - y))
    >>> check_gradients(acts, square, init(Key(0), (2, 3, 1)), Batch(np.eye(2), np.ones((2, 1))))
    """
    dtype = backprop(acts, loss, params, batch)[1][0].w.dtype  # raises what does not fit
    x, y = np.asarray(batch.x, _DOUBLE), np.asarray(batch.y, _DOUBLE)
    weight = None if batch.weight is None else np.asarray(batch.weight, _DOUBLE)
    k, rows = params[-1].b.size, y if x.ndim > 1 else y[None]
    analytic = all(_analytic(act.f) for act in acts) and _analytic_loss(loss.f, rows, k)
    output = forward(acts, params, x).astype(_DOUBLE)
    rowwise, y, share = weighted(loss, weight, output, y)
    shares = np.broadcast_to(share, x.shape[:-1])
    net = _Network(acts, loss, Batch(x, y, weight), rowwise, shares, analytic)
    for move, move_key in zip(_MOVES, split(key, len(_MOVES)), strict=True):
        keys = iter(split(move_key, (1 + DIRECTIONS) * (2 * len(params) + 1)))
        own = [(p + move * _direction(next(keys), p.shape)).astype(dtype) for p in leaves(params)]
        arrays = [*(p.astype(_DOUBLE) for p in own), x]
        order = np.arange(len(arrays)).repeat(DIRECTIONS)
        ways = [(int(k), _direction(next(keys), arrays[k].shape)) for k in order]
        slope = net.derivatives(arrays, ways)
        for layers in (arrays[:-1], own):
            net.compare(layers, arrays, ways, slope)
        if slope.usable.reshape(-1, DIRECTIONS).any(axis=1).all():
            return
    raise AssertionError(
        "loss: differences do not converge in one of the params or in batch.x, nor do they nearby;"
        " choose others, where it is finite and without kinks, jumps and noise"
    )


class _Network(NamedTuple):
    """A network's loss as a function of the arrays w, b, w, b, ..., x."""

    acts: Acts
    loss: Loss
    batch: Batch
    rowwise: Loss
    """The loss of each row, with the weights for each target in it."""
    share: Array
    """Factor of each row's loss."""
    analytic: bool

    def losses(self, arrays: Arrays) -> Array:
        """Each sample's part of the loss, by a forward pass that takes complex numbers as well."""
        a = arrays[-1]
        for act, w, b in zip(self.acts, arrays[:-1:2], arrays[1::2], strict=True):
            a = act.f(a @ w + b)
        return np.reshape(self.share * self.rowwise.f(a, self.batch.y), -1)

    def derivatives(self, arrays: Arrays, ways: _Ways) -> Slopes:
        """The numerical derivatives of the loss, along one array's direction at a time."""

        def terms(h: complex) -> Array:
            moved = ([*arrays[:k], arrays[k] + h * v, *arrays[k + 1 :]] for k, v in ways)
            return np.stack([self.losses(each) for each in moved])

        return slopes(terms, self.analytic)

    def compare(self, layers: Arrays, arrays: Arrays, ways: _Ways, slope: Slopes) -> None:
        """Raise where backprop or vjp, in the dtype of the layers, differ from the derivatives."""
        params: Params[Any] = tuple(map(Layer, layers[::2], layers[1::2]))
        value, grads = backprop(self.acts, self.loss, params, self.batch)
        output, pullback = vjp(self.acts, params, self.batch.x)
        bar = self.share[..., None] * self.rowwise.df(output, self.batch.y.astype(output.dtype))
        claims = [*leaves(grads), pullback(bar)[1]]
        dtype, losses = output.dtype, self.losses(arrays)
        half = 0.0 if dtype == _DOUBLE else float(np.sqrt(np.finfo(dtype).eps))
        size = np.abs(losses).sum()
        if not abs(value - losses.sum()) <= max(half, EXACT) * size:
            raise AssertionError(
                f"backprop in {dtype} gives {value}, a forward pass {losses.sum()}"
            )
        sums = np.array([np.vdot(claims[k], way) for k, way in ways])
        i = slope.worst(sums, half * (slope.scale + size))
        if i is None:
            return
        k, way = ways[i]
        spot = wrong_entry(
            claims[k], way, lambda some: self.derivatives(arrays, [(k, v) for v in some])
        )
        unit = np.zeros(way.shape)
        unit.flat[spot] = 1.0
        slope = self.derivatives(arrays, [(k, unit)])
        name = f"params[{k // 2}].{'wb'[k % 2]}" if k < len(layers) else "batch.x"
        place = ", ".join(map(str, np.unravel_index(spot, way.shape)))
        raise AssertionError(
            f"{name}[{place}]: backprop in {dtype} gives {claims[k].flat[spot]},"
            f" {slope.source} of the loss gives {slope.value[0]}"
        )


def _direction(key: Key, shape: tuple[int, ...]) -> Array:
    """Random numbers, none of them near 0, so that an error in any entry shows."""
    v = uniform(key, shape, -1.0, 1.0)
    return np.where(v < 0, v - 0.5, v + 0.5)


def _moved_df(pair: Loss, u: Array, y: Array, v: Array, h: complex) -> Array:
    """Each output's slope where the outputs have moved by h along v."""
    return pair.df(u + h * v, y).reshape(-1, 1)


def _usual_outputs(key: Key, shape: tuple[int, ...]) -> Array:
    """Random outputs whose sizes grow from row to row, from 0.1 to 5."""
    return normal(key, shape) * np.geomspace(0.1, 5.0, shape[0])[:, None]


def _analytic(f: Function) -> bool:
    """True if the complex step differentiates an activation at the usual points."""
    return slopes(lambda h: np.reshape(f(_POINTS + h), (-1, 1))).exact


def _analytic_loss(f: Function, targets: Array, k: int) -> bool:
    """True if the complex step differentiates a loss at the usual outputs, k for each target."""
    y = np.resize(targets, (64, *targets.shape[1:]))
    u, v = _usual_outputs(Key(0), (64, k)), _direction(Key(1), (64, k))
    return slopes(lambda h: np.reshape(f(u + h * v, y), (-1, 1))).exact
