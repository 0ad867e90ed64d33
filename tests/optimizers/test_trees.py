"""Optimizers take any tree of floating arrays: networks trained as one, arrays beside layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from fnn import (
    Array,
    Batch,
    Layer,
    Optimizer,
    Params,
    apply_updates,
    backprop,
    init,
    key,
    start,
    vjp,
)
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.optimizers import (
    AccumulateState,
    accumulate,
    adam,
    adamw,
    add_l1,
    chain,
    clip_by_norm,
    masked,
    per_layer,
    sgd,
)
from fnn.random import normal
from fnn.tree import as_grads, leaves, map, norm, ravel, zero_grads, zeros_like
from tests.support.optimizers import CASES, MORE

ANY_TREE = {
    name: optimizer
    for name, optimizer in (CASES | MORE).items()
    if "mask" not in repr(optimizer) and "per_layer" not in repr(optimizer)
}
"""Those without a nesting of their own."""


class Learned(NamedTuple):
    """Two networks, and an array of one's own."""

    nets: tuple[Params[Any], Params[Any]]
    slope: Array


def tree(dtype: Any = np.float64) -> Learned:
    nets = init(key(0), (3, 4, 2), dtype=dtype), init(key(1), (2, 1), dtype=dtype)
    return Learned(nets, normal(key(2), (2, 3, 2), dtype=dtype))


def gradient(seed: int, dtype: Any = np.float64) -> Any:
    """Writable, and the array of one's own apart in memory."""
    whole = map(lambda a: a + 0, as_grads(tree(dtype)))
    vector = normal(key(seed), ravel(whole)[0].size, dtype=dtype)
    nets, slope = ravel(whole)[1](vector)
    return Learned(nets, np.asfortranarray(slope))


def content(values: Any) -> list[Any]:
    return [x.tobytes() if isinstance(x, np.ndarray) else x for x in leaves(values)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ANY_TREE)
def test_a_tree_is_trained_as_its_numbers_in_one_array_are(name: str, dtype: Any) -> None:
    """And an array alone is a tree."""
    optimizer = ANY_TREE[name]
    state = start(optimizer, tree(dtype))
    alone, own = ravel(tree(dtype))[0], optimizer.init(ravel(tree(dtype))[0])
    for seed in range(3):
        grads = gradient(seed, dtype)
        updates, opt = optimizer.update(grads, state.opt, state.params)
        assert [type(node) for node in updates.nets[0]] == [type(node) for node in grads.nets[0]]
        assert type(updates) is Learned
        state = state._replace(params=apply_updates(state.params, updates), opt=opt)
        change, own = optimizer.update(ravel(grads)[0], own, alone)
        alone = apply_updates(alone, change)
        assert content(ravel(state.params)[0]) == content(alone)
        assert content(state.opt) == content(own)
    assert type(state.params) is Learned
    assert type(state.params.nets[1][0]) is Layer
    for array in leaves(state):
        if isinstance(array, np.ndarray):
            assert array.dtype == dtype
            assert not array.flags.writeable


def test_the_norm_is_that_of_all_parts_together() -> None:
    optimizer = clip_by_norm(0.5)
    assert norm(optimizer.update(gradient(3), (), tree())[0]) == pytest.approx(0.5, rel=1e-14)


def test_a_mask_has_the_nesting_of_its_tree_with_bools_for_arrays_and_for_parts() -> None:
    some = np.arange(12).reshape(2, 3, 2) % 2 == 0
    mask = ((True, ((False, True),)), some)
    ones = as_grads(map(np.ones_like, tree()))
    updates, _ = masked(sgd(1.0), mask).update(ones, sgd(1.0).init(tree()), tree())
    (first, ((w, b),)), slope = updates
    assert all((array == -1).all() for array in leaves(first))
    assert not w.any()
    assert (b == -1).all()
    np.testing.assert_array_equal(slope, np.where(some, -1.0, 0.0))


@pytest.mark.parametrize(
    "decayed",
    [
        lambda mask: adamw(0.1, decay=0.3, mask=mask),
        lambda mask: chain(add_l1(0.3, mask), sgd(0.1)),
    ],
    ids=["adamw", "L1"],
)
def test_decay_is_masked_by_parts(decayed: Any) -> None:
    zero = zero_grads(tree())
    optimizer = decayed(((False, True), False))
    (first, second), slope = optimizer.update(zero, optimizer.init(tree()), tree())[0]
    assert not any(array.any() for array in leaves((first, slope)))
    assert all(array.any() for array in leaves(second[0].w))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (((True,), True), r"mask\.nets: expected a bool, or 2 entries like params\.nets"),
        ((True, np.ones((3, 2, 2), bool)), r"mask\.slope: expected a bool, or bools \(2, 3, 2\)"),
        ((True, (True, True)), r"mask\.slope: expected a bool, or bools \(2, 3, 2\) like"),
        ((((True,), True), True), r"mask\.nets\[0\]: expected 2 entries, one for each layer of"),
        (
            (np.ones(2, bool), True),
            r"mask\.nets: expected a bool, or 2 .*, got an array \(2,\)",
        ),
        (np.ones(2, bool), r"mask: expected a bool, or 2 entries like params, got an array \(2,\)"),
    ],
)
def test_a_mask_that_does_not_fit_its_tree_is_told_by_place(mask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        masked(sgd(0.1), mask).init(tree())


def test_a_mask_for_an_array_alone_is_an_array_of_bools() -> None:
    params, chosen = np.ones(3), np.array([True, False, True])
    optimizer = masked(sgd(1.0), chosen)
    assert optimizer.update(np.ones(3), optimizer.init(params), params)[0].tolist() == [-1, 0, -1]


def test_factors_have_the_nesting_of_their_tree_with_numbers_for_arrays_and_for_parts() -> None:
    ones = as_grads(map(np.ones_like, tree()))
    optimizer = per_layer(sgd(1.0), ((0.5, ((0.0, 2.0),)), 3))
    (first, ((w, b),)), slope = optimizer.update(ones, optimizer.init(tree()), tree())[0]
    assert all((array == -0.5).all() for array in leaves(first))
    assert not w.any()
    assert (b == -2).all()
    assert (slope == -3).all()


@pytest.mark.parametrize(
    ("factors", "error", "message"),
    [
        (0.5, TypeError, "factors: expected a tuple with a number for each layer, got float 0.5"),
        (
            ((1.0, -1.0), 1.0),
            ValueError,
            r"factors\[0\]\[1\]: expected a finite number of at least",
        ),
        (((1.0, "1"), 1.0), TypeError, r"factors\[0\]\[1\]: expected a number, got str '1'"),
        (
            (1.0, 1.0, 1.0),
            ValueError,
            "factors: expected a number, or 2 entries like params",
        ),
        ((1.0, (1.0, 1.0)), ValueError, r"factors\.slope: expected a number for params\.slope"),
        (((1.0, (1.0, 1.0)), 1.0), ValueError, r"factors\.nets\[1\]: expected 1 entries, one for"),
    ],
)
def test_factors_that_do_not_fit_are_told_by_place(
    factors: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        per_layer(sgd(0.1), factors).init(tree())


def test_accumulated_updates_come_every_so_many_batches_and_leave_params_as_they_are() -> None:
    optimizer = accumulate(chain(clip_by_norm(1e9), sgd(0.1)), 3)
    state = optimizer.init(tree())
    gradients = [gradient(seed) for seed in range(3)]
    for grads in gradients[:2]:
        updates, state = optimizer.update(grads, state, tree())
        assert content(apply_updates(tree(), updates)) == content(tree())
    assert (state.batches, state.inner[1].steps) == (2, 0)
    updates, state = optimizer.update(gradients[2], state, tree())
    mean = map(lambda *gs: sum(gs) / 3, *gradients)
    for got, want in zip(leaves(updates), leaves(mean), strict=True):
        np.testing.assert_allclose(got, -0.1 * want, rtol=1e-14, atol=1e-15)
    assert (state.batches, state.inner[1].steps) == (0, 1)
    assert not state.total.any()


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (sgd(0.1).init(np.ones(3)), TypeError, "state: expected AccumulateState, got SgdState"),
        (
            AccumulateState(0, np.ones(2), None),
            ValueError,
            r"state.total: expected a vector \(3,\) of float64 to match params, got \(2,\)",
        ),
        (
            AccumulateState(-1, np.ones(3), None),
            ValueError,
            "state.batches: expected a whole number of at least 0, got -1",
        ),
    ],
)
def test_an_accumulated_state_of_something_else_is_told(
    state: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        accumulate(sgd(0.1), 2).update(np.ones(3), state, np.ones(3))


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_batches_are_accumulated_by_whole_numbers(every: Any) -> None:
    with pytest.raises(ValueError, match=r"^every: expected a whole number"):
        accumulate(sgd(0.1), every)


def test_an_own_optimizer_of_a_tree_gets_it_in_its_nesting() -> None:
    seen: list[Any] = []

    def update(grads: Learned, state: Learned, params: Learned) -> tuple[Learned, Learned]:
        seen.append(grads)
        return map(lambda g: -g, grads), params

    own = Optimizer(zeros_like, update)
    grads = gradient(1)
    updates, state = chain(clip_by_norm(1e9), own).update(grads, ((), tree()), tree())
    assert content(seen[0]) == content(grads)
    assert type(seen[0]) is Learned
    assert not any(array.flags.writeable for array in leaves(seen[0]))
    assert content(updates) == content(map(lambda g: -g, grads))
    assert content(state[1]) == content(tree())


def test_two_networks_and_a_gain_learn_as_one() -> None:
    """Y = gain * second(first(x)), its gradient by hand; the gain starts at 0."""
    x = np.linspace(-1, 1, 12)[:, None]
    target = np.sin(2 * x)
    acts = tanh, identity
    params = (init(key(0), (1, 6, 2)), init(key(1), (2, 6, 1))), np.zeros(1)

    def value_and_grads(params: Any) -> tuple[float, Any]:
        (first, second), gain = params
        inner, back_first = vjp(acts, first, x)
        outer, back_second = vjp(acts, second, inner)
        gap = gain * outer - target
        bar = 2 * gap / len(x)
        second_grads, inner_bar = back_second(gain * bar)
        return float((gap**2).mean()), (
            (back_first(inner_bar)[0], second_grads),
            np.array([(bar * outer).sum()]),
        )

    optimizer = chain(clip_by_norm(1.0), adam(0.03))
    state = start(optimizer, params)
    first, _ = value_and_grads(state.params)
    for _ in range(600):
        _, grads = value_and_grads(state.params)
        updates, opt = optimizer.update(grads, state.opt, state.params)
        state = state._replace(params=apply_updates(state.params, updates), opt=opt)
    assert first > 0.4
    assert value_and_grads(state.params)[0] < 1e-3
    assert abs(state.params[1][0]) > 0.1


def test_as_grads_turns_layers_into_their_gradients_wherever_they_stand() -> None:
    params = tree()
    grads = as_grads(params)
    assert type(grads) is Learned
    for got, want in zip(leaves(grads), leaves(params), strict=True):
        assert got is want
    network = init(key(0), (3, 4, 2))
    data = Batch(np.eye(3), np.ones((3, 2)))
    _, slopes = backprop((tanh, identity), squared_error, network, data)
    assert [type(node) for node in as_grads(network)] == [type(node) for node in slopes]
    for array, like in zip(leaves(zero_grads(params)), leaves(params), strict=True):
        assert array.shape == like.shape
        assert not array.any()
        assert not array.flags.writeable
    assert [type(node) for node in zero_grads(network)] == [type(node) for node in slopes]
