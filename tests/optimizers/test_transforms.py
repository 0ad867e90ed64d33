"""Transforms and combinations of optimizers keep their laws, and bad numbers are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fnn import (
    Array,
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Optimizer,
    Params,
    apply_updates,
    init,
    key,
    scan,
    start,
    train_step,
)
from fnn.activations import identity, tanh
from fnn.initializers import normal
from fnn.losses import squared_error
from fnn.optimizers import (
    SgdState,
    adagrad,
    adam,
    adamw,
    add_decayed_weights,
    add_l1,
    chain,
    clip_by_norm,
    clip_by_value,
    masked,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    rprop,
    scale,
    sgd,
)
from fnn.random import normal as draw
from fnn.tree import leaves, map, norm

SIZES = (3, 5, 2)


def network(dtype: Any = np.float64) -> Params[Any]:
    return init(key(1), SIZES, normal(0.5), normal(0.5), dtype=dtype)


def gradient(seed: int = 2, dtype: Any = np.float64) -> Grads[Any]:
    return tuple(
        LayerGrad(
            draw(key(seed + i), w.shape, dtype=dtype), draw(key(9 * seed + i), b.shape, dtype=dtype)
        )
        for i, (w, b) in enumerate(network())
    )


def content(tree: Any) -> list[Any]:
    return [x.tobytes() if isinstance(x, np.ndarray) else x for x in leaves(tree)]


def change(
    optimizer: Optimizer, grads: Grads[Any], params: Params[Any] | None = None
) -> Grads[Any]:
    params = network(grads[0].w.dtype) if params is None else params
    updates: Grads[Any] = optimizer.update(grads, optimizer.init(params), params)[0]
    return updates


def test_a_gradient_within_the_norm_passes_unchanged() -> None:
    grads = gradient()
    for max_norm in (norm(grads) * (1 + 1e-15), norm(grads) * 10):
        assert content(change(clip_by_norm(max_norm), grads)) == content(grads)


@pytest.mark.parametrize("max_norm", [1e-40, 0.5, 1.0])
@pytest.mark.parametrize("size", [1e-180, 1e-3, 10.0, 1e150, 1e250])
def test_a_clipped_gradient_has_the_norm_and_the_direction(max_norm: float, size: float) -> None:
    grads = map(lambda a: a * size, gradient())
    clipped = change(clip_by_norm(max_norm), grads)
    wanted = min(max_norm, norm(grads))
    assert norm(clipped) == pytest.approx(wanted, rel=1e-14, abs=0)
    for array, g in zip(leaves(clipped), leaves(gradient()), strict=True):
        np.testing.assert_allclose(array, g * (wanted / norm(gradient())), rtol=1e-13)


def test_the_norm_is_safe_from_underflow() -> None:
    grads = map(lambda a: a * 1e-180, gradient())
    assert norm(change(clip_by_norm(1e-190), grads)) == pytest.approx(1e-190, rel=1e-14, abs=0)


def test_the_norm_of_float32_is_safe_from_overflow() -> None:
    grads = map(lambda a: a * np.float32(1e30), gradient(dtype=np.float32))
    clipped = change(clip_by_norm(2.0), grads)
    assert norm(clipped) == pytest.approx(2.0, rel=1e-6)


def test_clipping_by_value_bounds_each_number_and_leaves_the_others() -> None:
    grads = gradient()
    for array, g in zip(leaves(change(clip_by_value(0.5), grads)), leaves(grads), strict=True):
        np.testing.assert_array_equal(array, np.where(np.abs(g) > 0.5, 0.5 * np.sign(g), g))
    assert content(change(clip_by_value(1e9), grads)) == content(grads)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("optimizer", [clip_by_norm(1.0), clip_by_value(1.0)])
def test_clipping_what_is_not_finite_raises(optimizer: Optimizer, bad: float) -> None:
    first, second = gradient()
    grads = (first, second._replace(b=np.array([1.0, bad])))
    with pytest.raises(FloatingPointError, match=r"grads: expected finite numbers to clip, got .*"):
        change(optimizer, grads)


def test_weight_decay_is_the_gradient_of_half_the_squared_norm() -> None:
    """As a network without data: (p + h)^2 / 2 has the slope p, and decay multiplies it."""
    params, h = network(), 1e-6
    zero = map(np.zeros_like, gradient())
    (dw, _), _ = change(add_decayed_weights(0.3), zero)
    for place in np.ndindex(dw.shape):
        nudge = np.zeros_like(dw)
        nudge[place] = h
        up = (params[0]._replace(w=params[0].w + nudge), params[1])
        down = (params[0]._replace(w=params[0].w - nudge), params[1])
        slope = 0.3 / 2 * (norm(up) ** 2 - norm(down) ** 2) / (2 * h)
        assert dw[place] == pytest.approx(slope, rel=1e-8, abs=1e-8)


def test_decay_and_l1_add_to_the_gradient() -> None:
    params, grads = network(), gradient()
    for array, g, p in zip(
        leaves(change(add_decayed_weights(0.3), grads)), leaves(grads), leaves(params), strict=True
    ):
        np.testing.assert_array_equal(array, g + 0.3 * p)
    for array, g, p in zip(
        leaves(change(add_l1(0.3), grads)), leaves(grads), leaves(params), strict=True
    ):
        np.testing.assert_array_equal(array, g + 0.3 * np.sign(p))


def test_l1_leaves_a_weight_of_zero_alone() -> None:
    params = map(np.zeros_like, network())
    assert content(change(add_l1(0.3), gradient(), params)) == content(gradient())


def test_chains_are_associative_and_scaling_by_one_is_their_identity() -> None:
    a, b, c = clip_by_norm(0.5), add_decayed_weights(0.1), adam(0.01)
    params, grads = network(), gradient()
    left, right, plain = chain(chain(a, b), c), chain(a, chain(b, c)), chain(b, c)
    ones = chain(scale(1.0), chain(plain, scale(1.0)))
    states = left.init(params), right.init(params), plain.init(params), ones.init(params)
    one, two, three, four = states
    for seed in (3, 4, 5):
        grads = gradient(seed)
        x, one = left.update(grads, one, params)
        y, two = right.update(grads, two, params)
        assert content(x) == content(y)
        assert content(one) == content(two)
        x, three = plain.update(grads, three, params)
        y, four = ones.update(grads, four, params)
        assert content(x) == content(y)


def test_scaling_by_minus_one_climbs() -> None:
    assert content(change(chain(sgd(0.1), scale(-1.0)), gradient())) == content(
        change(scale(0.1), gradient())
    )


Trace = tuple[Grads[Any], Grads[Any]]


def kept(params: Params[Any]) -> Trace:
    zero: Grads[Any] = tuple(LayerGrad(np.zeros_like(w), np.zeros_like(b)) for w, b in params)
    return zero, zero


def keep(grads: Grads[Any], state: Trace, params: Params[Any]) -> tuple[Grads[Any], Trace]:
    """A user's optimizer, which returns the very array that it keeps, and keeps what it gets."""
    update = map(lambda v, g: 0.5 * v - 0.1 * g, state[0], grads)
    return update, (update, grads)


def test_a_users_optimizer_takes_part_in_a_chain_and_keeps_what_is_its_own() -> None:
    own = Optimizer(kept, keep)
    params = network()
    batch = Batch(draw(key(7), (4, 3)), draw(key(8), (4, 2)))
    alone = train_step((tanh, identity), squared_error, own)
    doubled = train_step(
        (tanh, identity),
        squared_error,
        chain(scale(2.0), chain(own, chain(scale(0.25), scale(2.0)))),
    )
    one, two = start(own, params), start(doubled.optimizer, params)
    for _ in range(4):
        one, _ = alone(one, batch)
        two, _ = doubled(two, batch)
        own_state = two.opt[1][0]
        assert content(own_state[0]) == content(map(lambda a: 2 * a, one.opt[0]))
        assert content(own_state[1]) == content(map(lambda a: 2 * a, one.opt[1]))
        assert content(two.params) == content(one.params)


def test_a_users_optimizer_in_a_chain_can_keep_its_gradient_which_is_read_only() -> None:
    seen: list[Any] = []

    def watch(grads: Grads[Any], state: None, params: Params[Any]) -> tuple[Grads[Any], None]:
        seen.append((grads, content(grads)))
        return grads, state

    update = train_step(
        (tanh, identity), squared_error, chain(Optimizer(lambda p: None, watch), sgd(0.1))
    )
    batch = Batch(draw(key(7), (4, 3)), draw(key(8), (4, 2)))
    scan(update, start(update.optimizer, network()), [batch] * 2)
    for grads, then in seen:
        assert not any(array.flags.writeable for array in leaves(grads))
        assert content(grads) == then


@pytest.mark.parametrize(
    "place", [lambda own: own, lambda own: chain(scale(1.0), own)], ids=["alone", "chained"]
)
def test_an_update_that_returns_no_pair_is_told(place: Callable[[Optimizer], Optimizer]) -> None:
    own: Any = Optimizer(lambda params: (), lambda grads, state, params: untyped(None))
    update = train_step((tanh, identity), squared_error, place(own))
    with pytest.raises(TypeError, match=r"optimizer\.update: expected the pair \(updates, state\)"):
        update(start(update.optimizer, network()), Batch(np.ones((1, 3)), np.ones((1, 2))))


def test_a_users_updates_of_the_wrong_shape_are_told() -> None:
    own = Optimizer(kept, lambda grads, state, params: (grads[:1], state))
    with pytest.raises(ValueError, match="updates: expected 2 layers like params, got 1"):
        change(chain(own, scale(2.0)), gradient())


MIXED = (False, (np.array([[True, False]] * 5), True))


@pytest.mark.parametrize(
    "inner",
    [adam(0.1), momentum(0.1), rprop(), adamw(0.1), chain(clip_by_norm(0.1), adagrad(0.1))],
)
def test_what_is_masked_keeps_every_bit_and_its_place_in_the_state(inner: Optimizer) -> None:
    """Mid-training, with moments already there, and a weight of -0.0."""
    first, (w, b) = network()
    w = np.where(np.arange(10).reshape(5, 2) == 3, -0.0, w)
    params: Params[Any] = (first, Layer(w, b))
    batch = Batch(draw(key(7), (4, 3)), draw(key(8), (4, 2)))
    free = train_step((tanh, identity), squared_error, inner)
    update = train_step((tanh, identity), squared_error, masked(inner, MIXED))
    state, _ = free(start(inner, params), batch)
    state = state._replace(params=params)
    after, _ = scan(update, state, [batch] * 3)
    assert content(after.params[0]) == content(params[0])
    assert after.params[1].w[:, 1].tobytes() == w[:, 1].tobytes()
    assert (after.params[1].w[:, 0] != w[:, 0]).all()
    assert (after.params[1].b != b).all()
    fixed = np.array([True] * 20 + [False, True] * 5 + [False] * 2)
    for old, new in zip(leaves(state.opt), leaves(after.opt), strict=True):
        if isinstance(old, np.ndarray):
            assert new[fixed].tobytes() == old[fixed].tobytes()
            assert not new.flags.writeable


def test_a_mask_of_true_masks_nothing_and_one_of_false_everything() -> None:
    for optimizer in (adam(0.1), chain(clip_by_norm(0.1), sgd(0.1))):
        assert content(change(masked(optimizer, (True, True)), gradient())) == content(
            change(optimizer, gradient())
        )
        params = network()
        updates = change(masked(optimizer, (False, (False, False))), gradient(), params)
        assert content(apply_updates(params, updates)) == content(params)


def test_what_is_masked_does_not_count_for_the_norm() -> None:
    first, second = gradient()
    huge = (LayerGrad(first.w * 1e9, np.full(5, math.nan)), second)
    clipped = change(masked(clip_by_norm(0.5), (False, True)), huge)
    assert norm(clipped) == pytest.approx(0.5, rel=1e-14)


SOME = ((True, False), (np.array([[True, False]] * 5), False))


@pytest.mark.parametrize(
    "decayed",
    [
        lambda decay, mask=None: chain(add_decayed_weights(decay, mask), sgd(0.1)),
        lambda decay, mask=None: chain(add_l1(decay, mask), sgd(0.1)),
        lambda decay, mask=None: adamw(0.1, decay=decay, mask=mask),
    ],
    ids=["L2", "L1", "adamw"],
)
def test_what_does_not_decay_trains_on(decayed: Callable[..., Optimizer]) -> None:
    batch = Batch(draw(key(7), (4, 3)), draw(key(8), (4, 2)))

    def trained(optimizer: Optimizer) -> Any:
        update = train_step((tanh, identity), squared_error, optimizer)
        after, _ = update(start(optimizer, network()), batch)
        return np.concatenate([array.ravel() for array in leaves(after.params)])

    some, every, none = trained(decayed(0.3, SOME)), trained(decayed(0.3)), trained(decayed(0.0))
    decays = np.array([True] * 15 + [False] * 5 + [True, False] * 5 + [False] * 2)
    np.testing.assert_array_equal(some, np.where(decays, every, none))
    assert (every != none).all()


def test_a_mask_is_copied() -> None:
    chosen = np.array([True, True])
    optimizer = masked(sgd(0.1), (True, (True, chosen)))
    chosen[:] = False
    assert content(change(optimizer, gradient())) == content(change(sgd(0.1), gradient()))


def test_a_users_optimizer_can_be_masked() -> None:
    updates = change(masked(Optimizer(kept, keep), (False, True)), gradient())
    assert not updates[0].w.any()
    np.testing.assert_array_equal(updates[1].w, -0.1 * gradient()[1].w)


def test_a_masked_param_keeps_its_place_in_every_vector_of_state() -> None:
    chained = masked(chain(clip_by_norm(1.0), adam(0.1)), ((True, False), False))
    state = chained.init(network())
    for _ in range(3):
        _, state = chained.update(gradient(), state, network())
    steps, m, v = state[1]
    assert steps == 3
    for vector in (m, v):
        assert vector[:15].all()
        assert not vector[15:].any()


def test_a_masked_optimizer_of_ones_own_makes_its_state_as_it_likes() -> None:
    def update(grads: Grads[Any], state: Array, params: Params[Any]) -> tuple[Grads[Any], Array]:
        return grads, state + 1.0

    size = sum(array.size for array in leaves(network()))
    own = masked(Optimizer(lambda params: np.zeros(size), update), (False, True))
    _, after = own.update(gradient(), own.init(network()), network())
    np.testing.assert_array_equal(after, np.ones(size))


def untyped(value: Any) -> Any:
    """What a type checker would refuse."""
    return value


def of_wrong_state(optimizer: Optimizer, state: Any) -> Callable[[], object]:
    return lambda: optimizer.update(gradient(), state, network())


WIDER = init(key(0), (4, 5, 2))
EARLY = adam(0.1).init(network())._replace(steps=-1)
BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a negative rate": (
        lambda: sgd(-0.1),
        ValueError,
        "rate: expected a finite number of at least 0",
    ),
    "a rate of NaN": (
        lambda: adam(math.nan),
        ValueError,
        "rate: expected a finite number, got nan",
    ),
    "an infinite rate": (lambda: adamw(math.inf), ValueError, "rate: expected a finite number"),
    "a rate of words": (
        lambda: adam(untyped("fast")),
        TypeError,
        "rate: expected a number, got str",
    ),
    "a true rate": (lambda: momentum(True), TypeError, "rate: expected a number, got bool"),
    "a mass of one": (
        lambda: momentum(0.1, 1.0),
        ValueError,
        "mass: expected a number from 0 to below 1",
    ),
    "a mass below 0": (
        lambda: momentum(0.1, -0.1),
        ValueError,
        "mass: expected a number from 0 to below 1",
    ),
    "nesterov of no mass": (
        lambda: nesterov(0.1, 0.0),
        ValueError,
        "mass: expected a number between 0 and 1",
    ),
    "nesterov of mass 1": (
        lambda: nesterov(0.1, 1.0),
        ValueError,
        "mass: expected a number between 0 and 1",
    ),
    "an eps of 0": (lambda: adagrad(0.1, 0.0), ValueError, "eps: expected a finite number above 0"),
    "a decay of 1": (
        lambda: rmsprop(0.1, 1.0),
        ValueError,
        "decay: expected a number from 0 to below 1",
    ),
    "an eps below 0": (lambda: rmsprop(0.1, eps=-1.0), ValueError, "eps: expected a finite number"),
    "a b1 of 1.5": (lambda: adam(0.1, 1.5), ValueError, "b1: expected .* below 1, got 1.5"),
    "a b2 of 1": (lambda: nadam(0.1, b2=1.0), ValueError, "b2: expected .* below 1, got 1.0"),
    "a b1 of NaN": (
        lambda: nadam(0.1, math.nan),
        ValueError,
        "b1: expected a finite number, got nan",
    ),
    "a negative decay": (
        lambda: adamw(0.1, decay=-1.0),
        ValueError,
        "decay: expected a finite number",
    ),
    "an eps for nothing": (
        lambda: adam(0.1, eps=1e-50).init(network(np.float32)),
        ValueError,
        "eps: expected at least 1.17549.*e-38, the least normal float32, got 1e-50",
    ),
    "rprop that grows back": (
        lambda: rprop(shrink=1.0),
        ValueError,
        "shrink, grow: expected shrink",
    ),
    "rprop that only shrinks": (
        lambda: rprop(grow=0.9),
        ValueError,
        "shrink, grow: expected shrink",
    ),
    "rprop out of bounds": (lambda: rprop(100.0), ValueError, "first: expected a step from least="),
    "rprop of no step": (lambda: rprop(0.0), ValueError, "first: expected a finite number above 0"),
    "a norm of 0": (
        lambda: clip_by_norm(0.0),
        ValueError,
        "max_norm: expected a finite number above",
    ),
    "a norm of inf": (lambda: clip_by_norm(math.inf), ValueError, "max_norm: expected a finite"),
    "a limit below 0": (lambda: clip_by_value(-1.0), ValueError, "limit: expected a finite number"),
    "L2 below 0": (
        lambda: add_decayed_weights(-0.1),
        ValueError,
        "decay: expected a finite number",
    ),
    "L1 of NaN": (lambda: add_l1(math.nan), ValueError, "decay: expected a finite number"),
    "a factor of inf": (lambda: scale(math.inf), ValueError, "factor: expected a finite number"),
    "a chain of functions": (
        lambda: chain(untyped(sgd), sgd(0.1)),
        TypeError,
        "optimizer: expected an Optimizer",
    ),
    "gradients for params": (
        lambda: sgd(0.1).update(untyped(WIDER), SgdState(0), network()),
        ValueError,
        r"grads\[0\].w: expected \(3, 5\) like params\[0\].w, got an array \(4, 5\)",
    ),
    "another optimizer's state": (
        of_wrong_state(adam(0.1), SgdState(3)),
        TypeError,
        "state: expected AdamState, got SgdState",
    ),
    "another network's state": (
        of_wrong_state(adam(0.1), adam(0.1).init(WIDER)),
        ValueError,
        r"state.m: expected a vector \(32,\) of float64 to match params, got \(37,\) of float64",
    ),
    "a narrower state": (
        of_wrong_state(momentum(0.1), momentum(0.1).init(network(np.float32))),
        ValueError,
        r"state.carried: expected .* of float64 to match params, got \(32,\) of float32",
    ),
    "a state of half a step": (
        of_wrong_state(sgd(0.1), SgdState(untyped(1.5))),
        ValueError,
        "state.steps: expected a whole number of at least 0, got 1.5",
    ),
    "a state before the first step": (
        of_wrong_state(chain(clip_by_norm(1.0), adam(0.1)), ((), EARLY)),
        ValueError,
        "state.steps: expected a whole number of at least 0, got -1",
    ),
    "a state of no chain": (
        of_wrong_state(chain(sgd(0.1), sgd(0.1)), SgdState(3)),
        TypeError,
        "state: expected the states of a chain of 2, a tuple, got SgdState",
    ),
    "a mask of one layer": (
        lambda: masked(sgd(0.1), (True,)).init(network()),
        ValueError,
        "mask: expected 2 entries, one for each layer of params, got 1",
    ),
    "a mask of another shape": (
        lambda: masked(sgd(0.1), ((np.ones((5, 3), bool), True), True)).init(network()),
        ValueError,
        r"mask\[0\].w: expected a bool, or bools \(3, 5\) like params\[0\].w, got \(5, 3\)",
    ),
    "a mask of numbers": (
        lambda: masked(sgd(0.1), (True, (untyped(np.ones((5, 2))), True))),
        TypeError,
        r"mask\[1\].w: expected a bool or an array of bools, got an array \(5, 2\) of float64",
    ),
    "a mask of decay that does not fit": (
        lambda: change(add_l1(0.1, (True,)), gradient()),
        ValueError,
        "mask: expected 2 entries, one for each layer of params, got 1",
    ),
    "a mask of one bool": (
        lambda: masked(sgd(0.1), untyped(True)),
        TypeError,
        "mask: expected a tuple with an entry for each layer, got bool True",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_told_by_name(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=f"^{message}"):
        call()
