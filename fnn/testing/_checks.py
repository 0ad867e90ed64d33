"""Checks of derivatives, for pairs of your own as for the built-in ones.

Each check returns nothing, or raises `AssertionError` with both numbers and the place where they
part. The reference is `fnn.testing._differences`: a wrong derivative is found from a relative error of
about 1e-12 where the pair is analytic and takes complex numbers, else of about 1e-10.
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
from fnn.network import backprop, vjp
from fnn.random import Key, normal, split, uniform
from fnn.testing._contracts import Arrays, Function, examine
from fnn.testing._differences import EXACT, Slopes, parting, slopes
from fnn.tree import leaves

DIRECTIONS = 3  # random ones for each array: an error hides from one by bad luck only

_DOUBLE = np.dtype(np.float64)
# From -30 to 30, dense about 0, and rounded to float32 so that z + h is exact in float64.
_POINTS = frozen((0.1 * np.sinh(np.linspace(-6.4, 6.4, 200))).astype(np.float32).astype(_DOUBLE))
_MOVES = 0.0, 2.0**-8, 2.0**-6, 2.0**-4
_Ways: TypeAlias = Sequence[tuple[int, Array]]  # which array moves, and how


def check_activation(pair: Activation, points: ArrayLike | None = None) -> None:
    """Assert that ``df(z, a)`` is the derivative of ``f(z)`` where ``a = f(z)``.

    And ``d2f(z, a)`` that of ``df``, if the pair has it. Also that all act on each element alone,
    keep shape and dtype (float64 and float32) and leave their arguments unchanged. `points` are the
    z to look at, by default 200 from -30 to 30, dense about 0. Those at a kink, or where f is not
    finite, are passed over, but most must be left.

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
    a = examine("activation.f", rule, pair.f, (z,), z.shape, views)
    df = examine("activation.df", rule, pair.df, (z, a), z.shape, views)

    def compare(part: str, claim: Array, of: Function) -> None:
        slope = slopes(lambda h: np.reshape(of(z + h), (-1, 1)), _analytic(of))
        slope.check("activation", part, claim, lambda i: f" at z={z[i]} (a={a[i]})")

    compare("df", df, pair.f)
    if pair.d2f is not None:
        d2f = examine("activation.d2f", rule, pair.d2f, (z, a), z.shape, views)
        compare("d2f", d2f, lambda z: pair.df(z, pair.f(z)))


def check_loss(
    pair: Loss,
    targets: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    key: Key = Key(0),
) -> None:
    """Assert that ``df(output, target)`` is the derivative of ``f(output, target)`` by the output.

    And ``d2f(output, target, v)`` that of ``df`` along v, if the pair has it. Also that f sums over
    the last axis, df and d2f have the output's shape, a sample on its own is treated as in a batch,
    dtypes are kept (float64 and float32) and arguments are left unchanged.

    `targets` are rows of three random probabilities with sum 1, which suit most losses; give rows
    such as the loss needs, as labels of +-1 or counts. They are repeated to 64 rows and meet random
    outputs of sizes from 0.1 to 15; or give `outputs` of the targets' shape. Outputs at a kink, or
    where f is not finite, are passed over, but most must be left.

    >>> def hinge(u, y):
    ...     return np.maximum(1 - u * y, 0).sum(-1)
    >>> check_loss(Loss(hinge, lambda u, y: -y * (u * y < 1)), targets=[1.0, -1.0])
    """
    checks.check_loss(pair)
    target_key, output_key, vector_key = split(key, 3)
    if targets is None:
        targets = uniform(target_key, (64, 3) if outputs is None else np.shape(outputs), 0.1)
        targets = targets / targets.sum(-1, keepdims=True)
    y = np.atleast_2d(as_floats("targets", targets, _DOUBLE))
    if outputs is None:
        y = np.resize(y, (max(64, len(y)), y.shape[1]))
        outputs = _usual_outputs(output_key, y.shape)
    u = np.atleast_2d(as_floats("outputs", outputs, _DOUBLE))
    if u.shape != y.shape:
        raise ValueError(f"outputs: expected {y.shape} like the targets, got {u.shape}")
    n, k = u.shape
    views = np.arange(n)[::-1], slice(1), 0
    rule = "one number for each {}, whatever the other samples are"
    examine("loss.f", rule.format("sample"), pair.f, (u, y), (n,), views)
    df = examine("loss.df", rule.format("output"), pair.df, (u, y), u.shape, views).ravel()

    def terms(h: complex) -> Array:  # each output of each sample moves alone
        return np.stack([pair.f(u + h * unit, y) for unit in np.eye(k)], axis=-1).reshape(-1, 1)

    def place(i: int) -> str:
        return f"[{i % k}] at output={u[i // k].tolist()}, target={y[i // k].tolist()}"

    slopes(terms, _analytic_loss(pair.f, y)).check("loss", "df", df, place)
    if pair.d2f is None:
        return
    analytic = _analytic_loss(pair.df, y)
    for v in (_direction(vector_key, u.shape), *(np.tile(unit, (n, 1)) for unit in np.eye(k))):
        d2f = examine("loss.d2f", rule.format("output"), pair.d2f, (u, y, v), u.shape, views)
        bend = slopes(partial(_slopes_along, pair, u, y, v), analytic)
        bend.check("loss", "d2f", d2f.ravel(), place)


def check_gradients(
    acts: Acts, loss: Loss, params: Params[F], batch: Batch, key: Key = Key(0)
) -> None:
    """Assert that `fnn.backprop` differentiates the loss of this network on this batch.

    Random directions in each array of the params, and in ``batch.x`` for the pullback of
    `fnn.vjp`, are compared with slopes of the loss of a forward pass of the checker's own; a
    failure names an entry where they part. All this in float64: for params of another dtype what
    backprop gives in it must agree as well, to half its digits. Where kinks hide an array, it is
    looked at with params moved by up to 0.1. Takes about 300 forward passes a layer: use few rows.

    >>> from fnn import init
    >>> acts = (Activation(np.sin, lambda z, a: np.cos(z)), Activation(np.exp, lambda z, a: a))
    >>> square = Loss(lambda u, y: ((u - y) ** 2).sum(-1), lambda u, y: 2 * (u - y))
    >>> check_gradients(acts, square, init(Key(0), (2, 3, 1)), Batch(np.eye(2), np.ones((2, 1))))
    """
    dtype = backprop(acts, loss, params, batch)[1][0].w.dtype  # raises what does not fit
    x, y = np.asarray(batch.x, _DOUBLE), np.asarray(batch.y, _DOUBLE)
    weight = None if batch.weight is None else np.asarray(batch.weight, _DOUBLE)
    share = np.ones(x.shape[:-1]) if weight is None else weight
    analytic = all(_analytic(act.f) for act in acts) and _analytic_loss(loss.f, y)
    net = _Net(acts, loss, Batch(x, y, weight), share / share.sum(), analytic)
    for move, move_key in zip(_MOVES, split(key, len(_MOVES)), strict=True):
        keys = iter(split(move_key, (1 + DIRECTIONS) * (2 * len(params) + 1)))
        own = [(p + move * _direction(next(keys), p.shape)).astype(dtype) for p in leaves(params)]
        arrays = [*(p.astype(_DOUBLE) for p in own), x]
        order = np.arange(len(arrays)).repeat(DIRECTIONS)
        ways = [(int(k), _direction(next(keys), arrays[k].shape)) for k in order]
        slope = net.slopes(arrays, ways)
        for layers in (arrays[:-1], own):
            net.compare(layers, arrays, ways, slope)
        if slope.usable.reshape(-1, DIRECTIONS).any(axis=1).all():
            return
    raise AssertionError(
        "loss: differences do not converge in one of the params or in batch.x, nor do they nearby;"
        " choose others, where it is finite and without kinks, jumps and noise"
    )


class _Net(NamedTuple):
    """A loss as a function of the arrays w, b, w, b, ..., x."""

    acts: Acts
    loss: Loss
    batch: Batch
    share: Array
    analytic: bool

    def losses(self, arrays: Arrays) -> Array:
        """Each sample's share in the loss, by a forward pass for real and complex numbers."""
        a = arrays[-1]
        for act, w, b in zip(self.acts, arrays[:-1:2], arrays[1::2], strict=True):
            a = act.f(a @ w + b)
        return np.reshape(self.share * self.loss.f(a, self.batch.y), -1)

    def slopes(self, arrays: Arrays, ways: _Ways) -> Slopes:
        """The slopes of the loss, one array moving each way."""

        def terms(h: complex) -> Array:
            moved = ([*arrays[:k], arrays[k] + h * way, *arrays[k + 1 :]] for k, way in ways)
            return np.stack([self.losses(each) for each in moved])

        return slopes(terms, self.analytic)

    def compare(self, layers: Arrays, arrays: Arrays, ways: _Ways, slope: Slopes) -> None:
        """Raise where backprop and vjp, in the dtype of the layers, part from the slopes."""
        params: Params[Any] = tuple(map(Layer, layers[::2], layers[1::2]))
        value, grads = backprop(self.acts, self.loss, params, self.batch)
        output, pullback = vjp(self.acts, params, self.batch.x)
        bar = self.share[..., None] * self.loss.df(output, self.batch.y.astype(output.dtype))
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
        spot = parting(claims[k], way, lambda ways: self.slopes(arrays, [(k, w) for w in ways]))
        slope = self.slopes(arrays, [(k, (np.arange(way.size) == spot).reshape(way.shape))])
        name = f"params[{k // 2}].{'wb'[k % 2]}" if k < len(layers) else "batch.x"
        place = ", ".join(map(str, np.unravel_index(spot, way.shape)))
        raise AssertionError(
            f"{name}[{place}]: backprop in {dtype} gives {claims[k].flat[spot]},"
            f" {slope.source} of the loss gives {slope.value[0]}"
        )


def _direction(key: Key, shape: tuple[int, ...]) -> Array:
    """Random numbers none of which is near 0, so that no entry goes unnoticed."""
    v = uniform(key, shape, -1.0, 1.0)
    return np.where(v < 0, v - 0.5, v + 0.5)


def _slopes_along(pair: Loss, u: Array, y: Array, v: Array, h: complex) -> Array:
    return pair.df(u + h * v, y).reshape(-1, 1)


def _usual_outputs(key: Key, shape: tuple[int, ...]) -> Array:
    return normal(key, shape) * np.geomspace(0.1, 5.0, shape[0])[:, None]


def _analytic(f: Function) -> bool:
    return slopes(lambda h: np.reshape(f(_POINTS + h), (-1, 1))).exact


def _analytic_loss(f: Function, targets: Array) -> bool:
    y = np.resize(targets, (64, targets.shape[-1]))
    u, v = _usual_outputs(Key(0), y.shape), _direction(Key(1), y.shape)
    return slopes(lambda h: np.reshape(f(u + h * v, y), (-1, 1))).exact
