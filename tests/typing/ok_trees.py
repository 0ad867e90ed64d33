"""Optimizers over trees: params of a network keep their types, other trees are gradual."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar, assert_type

import numpy as np
from numpy.typing import NDArray

from fnn import Grads, Optimizer, Params, State, apply_updates, init, key, start
from fnn.optimizers import (
    AdamState,
    SgdState,
    adam,
    add_decayed_weights,
    chain,
    clip_by_norm,
    masked,
    scale,
    sgd,
)
from fnn.tree import as_grads, leaves, zero_grads
from fnn.tree import scale as scaled

F = TypeVar("F", bound=np.floating[Any])
S = TypeVar("S")


class Gain(NamedTuple):
    net: Params
    gain: NDArray[np.float64]


params = init(key(0), (3, 4, 2))
single = init(key(0), (3, 4, 2), dtype=np.float32)
tree = Gain(params, np.ones(2))
pair = (params, init(key(1), (2, 1)))
many: tuple[Params, ...] = pair

assert_type(start(sgd(0.1), params), State[np.float64, SgdState])
assert_type(start(sgd(0.1), single), State[np.float32, SgdState])
assert_type(zero_grads(single), Grads[np.float32])
assert_type(as_grads(params), Grads)
optimizer = adam(0.1)
assert_type(optimizer.init(tree), AdamState)
updates, state = optimizer.update(zero_grads(tree), optimizer.init(tree), tree)
assert_type(state, AdamState)
assert_type(apply_updates(tree, updates), Gain)
assert apply_updates(tree, updates).gain.tolist() == [1, 1]
for several in (pair, many):
    stepped = apply_updates(several, zero_grads(several))
    assert stepped[1][0].w.shape == (2, 1)
assert_type(apply_updates(params, as_grads(scaled(0.1, params))), Params)
array: NDArray[np.float64] = np.ones(3)
assert_type(apply_updates(array, array), NDArray[np.float64])
begun = start(optimizer, (pair, array))
(first, _), array = begun.params
assert first[0].w.shape == (3, 4)
assert {leaf.dtype for leaf in leaves(start(sgd(0.1), single).params)} == {np.dtype(np.float32)}


def begin(optimizer: Optimizer[S], params: Params[F]) -> State[F, S]:
    state = start(optimizer, params)
    assert_type(state, State[F, S])
    return state


def moved(params: Params[F], updates: Grads[F]) -> Params[F]:
    return apply_updates(params, updates)


def turned(grads: Gain, state: int, params: Gain) -> tuple[Gain, int]:
    return scaled(-0.1, grads), state + 1


def zero(params: Gain) -> int:
    return 0


own = Optimizer(zero, turned)
assert_type(own, Optimizer[int])
assert_type(chain(own), Optimizer[int])
assert_type(chain(own, sgd(0.1)), Optimizer[tuple[int, SgdState]])
assert_type(chain(clip_by_norm(1.0), own, sgd(0.1)), Optimizer[tuple[tuple[()], int, SgdState]])
four = chain(clip_by_norm(1.0), add_decayed_weights(0.1), adam(0.1), scale(0.5))
assert_type(four, Optimizer[tuple[tuple[()], tuple[()], AdamState, tuple[()]]])
five = chain(sgd(0.1), sgd(0.1), sgd(0.1), sgd(0.1), adam(0.1))
assert_type(five, Optimizer[tuple[SgdState, SgdState, SgdState, SgdState, AdamState]])
six = chain(sgd(0.1), sgd(0.1), sgd(0.1), sgd(0.1), adam(0.1), own)
assert_type(six, Optimizer[tuple[Any, ...]])
assert len(six.init(tree)) == 6
assert_type(masked(adam(0.1), ((True, (True, False)), False)), Optimizer[AdamState])
assert_type(masked(sgd(0.1), np.array([True, False])), Optimizer[SgdState])
