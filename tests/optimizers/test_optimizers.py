"""Optimizers walk as PyTorch's do, reach the minimum, and keep the laws of values."""

from __future__ import annotations

import gc
import inspect
import json
import pickle
import tracemalloc
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, assert_type

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
    State,
    apply_updates,
    backprop,
    init,
    key,
    optimizers,
    scan,
    start,
    train_step,
)
from fnn.activations import identity, relu, sigmoid, tanh
from fnn.initializers import normal
from fnn.losses import squared_error
from fnn.optimizers import (
    AdamState,
    MomentumState,
    accumulate,
    adagrad,
    adam,
    adamax,
    adamw,
    add_decayed_weights,
    add_l1,
    amsgrad,
    chain,
    clip_by_norm,
    clip_by_value,
    lion,
    masked,
    momentum,
    nadam,
    nesterov,
    per_layer,
    rmsprop,
    rprop,
    scale,
    sgd,
)
from fnn.optimizers._moments import Adam
from fnn.optimizers._rules import Rule
from fnn.random import normal as draw
from fnn.schedules import exponential
from fnn.tree import leaves
from tests.support.optimizers import CASES, GOLDEN, KEPT, MORE, WALKED

WALKS = json.loads(GOLDEN.read_text("utf-8"))

every_case = pytest.mark.parametrize("name", CASES)
every_optimizer = pytest.mark.parametrize(
    "optimizer", {**CASES, **MORE}.values(), ids=[*CASES, *MORE]
)
both_dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])

Problem = Callable[[Params[Any]], tuple[float, Grads[Any]]]


def golden_start() -> tuple[Params, Batch]:
    w1, b1, w2, b2 = map(np.array, WALKS["params"])
    return (Layer(w1, b1), Layer(w2, b2)), Batch(np.array(WALKS["x"]), np.array(WALKS["y"]))


@every_case
def test_the_steps_are_those_of_pytorch_or_optax(name: str) -> None:
    """To 1e-12 over 50 steps, as each rounds by about 1e-16; over 200, a walk amplifies more."""
    params, batch = golden_start()
    row = WALKED[name]
    update = train_step((tanh, identity), squared_error, row.optimizer)
    state = start(update.optimizer, params)
    compared = 0
    for step in range(1, row.steps + 1):
        rows = [(step - 1) % len(batch.x)] if row.one_by_one else slice(None)
        state, _ = update(state, Batch(batch.x[rows], batch.y[rows]))
        if str(step) in WALKS[name]:
            close = 1e-12 if step <= 50 else 1e-10
            for got, want in zip(leaves(state.params), WALKS[name][str(step)], strict=True):
                np.testing.assert_allclose(got, want, rtol=close, atol=close, err_msg=f"{step=}")
            compared += 1
    assert compared == sum(step <= row.steps for step in KEPT)


def test_every_golden_walk_has_its_case() -> None:
    assert set(WALKS) == {*CASES, "params", "x", "y"}


def quadratic(params: Params[Any]) -> tuple[float, Grads[Any]]:
    """Curvatures from 1 to 10, and the minimum, 0, at w = 1 and b = -2."""
    ((w, b),) = params
    dw = np.array([[1, 2, 3], [4, 5, 6]], w.dtype) * (w - 1)
    db = np.array([1, 5, 10], b.dtype) * (b + 2)
    return float((dw * (w - 1)).sum() + (db * (b + 2)).sum()) / 2, (LayerGrad(dw, db),)


def rosenbrock(params: Params[Any]) -> tuple[float, Grads[Any]]:
    """(1 - w)^2 + 100 (b - w^2)^2, whose curved valley leads to 0 at w = b = 1."""
    ((w, b),) = params
    across = b - w[0] ** 2
    dw = -2 * (1 - w) - 400 * w * across
    return float(((1 - w[0]) ** 2 + 100 * across**2).item()), (LayerGrad(dw, 200 * across),)


def descend(problem: Problem, optimizer: Optimizer, params: Params[Any], steps: int) -> Params[Any]:
    state = optimizer.init(params)
    for _ in range(steps):
        _, grads = problem(params)
        updates, state = optimizer.update(grads, state, params)
        params = apply_updates(params, updates)
    return params


@both_dtypes
@pytest.mark.parametrize(
    "optimizer",
    [
        sgd(0.1),
        momentum(0.02),
        nesterov(0.02),
        adagrad(1.0),
        rmsprop(exponential(0.1, 0.5, 100)),
        adam(exponential(0.2, 0.5, 100)),
        adamw(exponential(0.2, 0.5, 100), decay=0.0),
        nadam(exponential(0.2, 0.5, 100)),
        amsgrad(exponential(0.5, 0.5, 100)),
        adamax(exponential(0.5, 0.5, 100)),
        lion(exponential(0.1, 0.5, 30)),
        rprop(),
    ],
)
def test_a_quadratic_is_solved(optimizer: Optimizer, dtype: Any) -> None:
    params = (Layer(np.zeros((2, 3), dtype), np.zeros(3, dtype)),)
    assert quadratic(params)[0] == 42.5
    assert quadratic(descend(quadratic, optimizer, params, 500))[0] < 1e-10


@both_dtypes
@pytest.mark.parametrize(
    "optimizer",
    [
        sgd(0.002),
        momentum(5e-4),
        nesterov(5e-4),
        adagrad(0.5),
        rmsprop(exponential(0.01, 0.5, 1000)),
        adam(exponential(0.05, 0.5, 1000)),
        adamw(exponential(0.05, 0.5, 1000), decay=0.0),
        nadam(exponential(0.05, 0.5, 1000)),
        amsgrad(exponential(0.05, 0.5, 1000)),
        adamax(exponential(0.1, 0.5, 1000)),
        lion(exponential(0.01, 0.5, 500)),
        rprop(),
    ],
)
def test_rosenbrocks_valley_is_followed_to_its_end(optimizer: Optimizer, dtype: Any) -> None:
    params = (Layer(np.full((1, 1), -1, dtype), np.full(1, 1, dtype)),)
    assert rosenbrock(params)[0] == 4.0
    assert rosenbrock(descend(rosenbrock, optimizer, params, 5000))[0] < 1e-4


@both_dtypes
@pytest.mark.parametrize(
    "optimizer",
    [
        sgd(1.0),
        momentum(0.2),
        nesterov(0.2),
        adagrad(0.5),
        rmsprop(0.02),
        adam(0.05),
        adamw(0.05, decay=1e-3),
        nadam(0.05),
        amsgrad(0.05),
        adamax(0.1),
        lion(0.02),
        rprop(),
    ],
)
def test_a_small_network_learns_exclusive_or(optimizer: Optimizer, dtype: Any) -> None:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    batch = Batch(x, x[:, :1] ^ x[:, 1:])
    update = train_step((tanh, sigmoid), squared_error, optimizer)
    state = start(optimizer, init(key(2), (2, 4, 1), normal(1.0), dtype=dtype))
    _, losses = scan(update, state, [batch] * 400)
    assert losses[0] > 0.2
    assert losses[-1] < 0.01


def network(sizes: tuple[int, ...], dtype: Any = np.float64) -> Params[Any]:
    return init(key(1), sizes, normal(0.5), normal(0.5), dtype=dtype)


def gradients(params: Params[Any], count: int) -> list[Grads[Any]]:
    """Gradients as a caller may have them: writable, some rows apart in memory."""
    shapes = [tuple(array.shape for array in layer) for layer in params]
    return [
        tuple(
            LayerGrad(
                np.asfortranarray(draw(key(10 * step + i), w, dtype=params[0].w.dtype)),
                draw(key(10 * step + i + 5), (b[0], 2), dtype=params[0].w.dtype).copy()[:, 0],
            )
            for i, (w, b) in enumerate(shapes)
        )
        for step in range(count)
    ]


def content(tree: Any) -> list[Any]:
    return [x.tobytes() if isinstance(x, np.ndarray) else x for x in leaves(tree)]


SMALL, BIG = (3, 5, 2), (130, 130, 3)


@both_dtypes
@pytest.mark.parametrize("sizes", [SMALL, BIG], ids=str)
@every_optimizer
def test_a_train_step_is_backprop_then_update_then_apply_to_the_bit(
    optimizer: Optimizer, sizes: tuple[int, ...], dtype: Any
) -> None:
    params = network(sizes, dtype)
    batch = Batch(draw(key(3), (4, sizes[0])), draw(key(4), (4, sizes[-1])))
    update = train_step((relu, identity), squared_error, optimizer)
    state = start(optimizer, params)
    for _ in range(3):
        loss, grads = backprop(update.acts, squared_error, state.params, batch)
        updates, opt = optimizer.update(grads, state.opt, state.params)
        want = State(apply_updates(state.params, updates), opt)
        before = content(state)
        got, got_loss = update(state, batch)
        assert content(got) == content(want)
        assert got_loss == loss
        assert content(state) == before
        state = got
    for array in leaves(state):
        if isinstance(array, np.ndarray):
            assert array.dtype == dtype
            assert not array.flags.writeable


@pytest.mark.parametrize(
    ("optimizer", "vectors"),
    [(sgd(0.1), 0), (momentum(0.1), 1), (nesterov(0.1), 1), (adamw(0.1), 2)],
)
def test_a_large_gradient_becomes_the_params_without_a_copy(
    optimizer: Optimizer, vectors: int
) -> None:
    """The peak is the gradient and the new vectors of state, and less than half a gradient more."""
    params = network(BIG)
    batch = Batch(draw(key(3), BIG[0]), draw(key(4), BIG[-1]))
    update = train_step((relu, identity), squared_error, optimizer)
    state, _ = update(start(optimizer, params), batch)
    tracemalloc.start()
    state, _ = update(state, batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    small_objects = 4096  # tuples and array headers, which are traced as well
    gradient = sum(array.nbytes for array in leaves(params))
    assert peak < (1 + vectors + 0.5) * gradient + small_objects


@pytest.mark.parametrize("sizes", [SMALL, BIG], ids=str)
@every_optimizer
def test_an_update_is_a_pure_function(optimizer: Optimizer, sizes: tuple[int, ...]) -> None:
    params = tuple(Layer(w.copy(), b.copy()) for w, b in network(sizes))
    first, second = gradients(params, 2)
    state = optimizer.update(first, optimizer.init(params), params)[1]
    before = content((params, second, state))
    updates, after = optimizer.update(second, state, params)
    assert content((params, second, state)) == before
    assert all(array.flags.writeable for array in leaves((params, second)))
    again = optimizer.update(second, state, params)
    assert content(again) == content((updates, after))
    for array in leaves((updates, after)):
        if isinstance(array, np.ndarray):
            assert not array.flags.writeable
            for other in leaves((params, second)):
                assert not np.may_share_memory(array, other)


@every_optimizer
def test_memory_order_does_not_matter(optimizer: Optimizer) -> None:
    params = network(SMALL)
    (grads,) = gradients(params, 1)
    plain = tuple(LayerGrad(w.copy("C"), b.copy()) for w, b in grads)
    turned = tuple(Layer(np.asfortranarray(w), b) for w, b in params)
    state = optimizer.init(params)
    for array, other in zip(
        leaves(optimizer.update(plain, state, params)[0]),
        leaves(optimizer.update(grads, state, turned)[0]),
        strict=True,
    ):
        np.testing.assert_array_equal(array, other)


@every_optimizer
def test_optimizers_and_states_can_be_pickled(optimizer: Optimizer) -> None:
    params = network(SMALL)
    first, second = gradients(params, 2)
    state = optimizer.update(first, optimizer.init(params), params)[1]
    twin, other = pickle.loads(pickle.dumps((optimizer, state)))
    assert content(twin.update(second, other, params)) == content(
        optimizer.update(second, state, params)
    )
    assert content(twin.init(params)) == content(optimizer.init(params))


@every_optimizer
def test_memory_does_not_grow(optimizer: Optimizer) -> None:
    batch = Batch(draw(key(3), 3), draw(key(4), 2))
    update = train_step((tanh, identity), squared_error, optimizer)
    state = start(optimizer, network(SMALL))

    def bytes_after(steps: int) -> int:
        nonlocal state
        for _ in range(steps):
            state, _ = update(state, batch)
        gc.collect()  # which also empties Python's lists of tuples to use again
        return tracemalloc.get_traced_memory()[0]

    gc.freeze()  # what other tests left need not be collected each time
    tracemalloc.start()
    bytes_after(50)
    early = bytes_after(50)
    late = bytes_after(200)
    tracemalloc.stop()
    gc.unfreeze()
    assert late - early < 500  # a kept array of this network would cost 20,000


@both_dtypes
def test_numpy_scalars_do_not_promote_the_params(dtype: Any) -> None:
    rate, ninth = np.float64(0.01), np.float64(0.9)

    def narrow(step: int) -> Any:
        return np.float32(0.01)

    params = network(SMALL, dtype)
    (grads,) = gradients(params, 1)
    optimizers: list[Optimizer] = [
        sgd(rate),
        sgd(lambda step: rate / (step + 1)),
        momentum(rate, ninth),
        adamw(narrow, ninth, ninth, np.float64(1e-8), rate),
        rprop(rate, np.float64(0.5), np.float64(1.2)),
        chain(clip_by_norm(rate), chain(add_decayed_weights(rate), scale(ninth))),
    ]
    for optimizer in optimizers:
        updates, state = optimizer.update(grads, optimizer.init(params), params)
        for array in leaves((updates, state)):
            if isinstance(array, np.ndarray):
                assert array.dtype == dtype


@every_optimizer
def test_a_gradient_of_zero_is_no_news(optimizer: Optimizer) -> None:
    """No 0 / 0 in those that divide, whose first step is then 0 but for decay."""
    params = network(SMALL)
    zero = tuple(LayerGrad(np.zeros_like(w), np.zeros_like(b)) for w, b in params)
    for array in leaves(optimizer.update(zero, optimizer.init(params), params)[0]):
        assert np.isfinite(array).all()


def test_momentum_without_mass_is_plain_descent() -> None:
    params = network(SMALL)
    for grads in gradients(params, 3):
        got = momentum(0.1, 0.0).update(grads, momentum(0.1, 0.0).init(params), params)[0]
        assert content(got) == content(sgd(0.1).update(grads, sgd(0.1).init(params), params)[0])


def test_adamw_decays_apart_from_the_gradient() -> None:
    """Its step is Adam's less rate * decay * p, whatever the gradient, at the schedule's rate."""
    params = network(SMALL)
    rate = exponential(0.1, 0.5)
    plain, decayed = adam(rate), adamw(rate, decay=0.3)
    state = plain.init(params)
    for step, grads in enumerate(gradients(params, 3)):
        a, after = plain.update(grads, state, params)
        b, other = decayed.update(grads, state, params)
        assert content(other) == content(after)
        for x, y, p in zip(leaves(a), leaves(b), leaves(params), strict=True):
            np.testing.assert_allclose(y, x - rate(step) * 0.3 * p, rtol=0, atol=1e-16)
        state = after


def test_the_first_step_of_adam_is_the_rate() -> None:
    params = network(SMALL)
    (grads,) = gradients(params, 1)
    optimizer = adam(0.25, eps=1e-300)
    for update, g in zip(
        leaves(optimizer.update(grads, optimizer.init(params), params)[0]),
        leaves(grads),
        strict=True,
    ):
        np.testing.assert_allclose(update, -0.25 * np.sign(g), rtol=1e-15)


def test_rprop_sees_only_signs() -> None:
    params = network(SMALL)
    optimizer = rprop()
    state = other = optimizer.init(params)
    for step, grads in enumerate(gradients(params, 6)):
        stretched = tuple(LayerGrad(w * 1e-200, b * 10.0**step) for w, b in grads)
        updates, state = optimizer.update(grads, state, params)
        same, other = optimizer.update(stretched, other, params)
        assert content((same, other)) == content((updates, state))


def test_rprops_steps_stay_between_the_bounds() -> None:
    params = network(SMALL)
    optimizer = rprop(0.5, 0.5, 2.0, 0.25, 1.0)
    state = optimizer.init(params)
    (there,) = gradients(params, 1)
    back = tuple(LayerGrad(-w, -b) for w, b in there)
    sizes = []
    for grads in (there, there, there, back, there, back, there):
        updates, state = optimizer.update(grads, state, params)
        sizes.append({abs(x) for array in leaves(updates) for x in array.ravel()})
        assert {*state.sizes} <= {0.25, 0.5, 1.0}
    assert sizes == [{0.5}, {1.0}, {1.0}, {0.0}, {0.5}, {0.0}, {0.25}]


def test_a_rule_can_be_read_and_compared() -> None:
    rule = adam(1e-3, b1=0.8).update
    assert rule == Adam(1e-3, 0.8, 0.999, 1e-8)
    assert rule != adam(1e-3).update
    assert hash(rule) == hash(adam(1e-3, b1=0.8).update)
    assert isinstance(chain(clip_by_norm(1.0), sgd(0.1)).update, Rule)


REPRS: dict[str, Optimizer[Any]] = {
    "sgd(0.1)": sgd(0.1),
    "momentum(0.1)": momentum(0.1),
    "nesterov(0.1, mass=0.5)": nesterov(0.1, 0.5),
    "adagrad(0.1)": adagrad(0.1),
    "rmsprop(0.1)": rmsprop(0.1),
    "rprop()": rprop(),
    "adam(0.001)": adam(1e-3),
    "adam(0.001, b1=0.5, eps=1e-06)": adam(1e-3, 0.5, eps=1e-6),
    "adamw(0.001, mask=((True, False),))": adamw(1e-3, mask=((True, False),)),
    "nadam(0.001)": nadam(1e-3),
    "amsgrad(0.001)": amsgrad(1e-3),
    "adamax(0.001, b1=0.5)": adamax(1e-3, 0.5),
    "lion(0.001, decay=0.1)": lion(1e-3, decay=0.1),
    "per_layer(sgd(0.1), (0.1, (1.0, 0.0)))": per_layer(sgd(0.1), (0.1, (1, 0))),
    "accumulate(sgd(0.1), 3)": accumulate(sgd(0.1), 3),
    "chain(scale(1.0), sgd(0.1), scale(2.0))": chain(scale(1.0), sgd(0.1), scale(2.0)),
    "chain(clip_by_norm(1.0), adam(0.001))": chain(clip_by_norm(1.0), adam(1e-3)),
    "masked(sgd(0.1), (True,))": masked(sgd(0.1), (True,)),
    "scale(-1.0)": scale(-1),
    "clip_by_value(2.0)": clip_by_value(2),
    "add_l1(0.1)": add_l1(0.1),
    "add_decayed_weights(0.1)": add_decayed_weights(0.1),
}


@pytest.mark.parametrize("text", REPRS)
def test_an_optimizer_prints_as_the_call_that_makes_it(text: str) -> None:
    assert repr(REPRS[text]) == text
    assert repr(eval(text, vars(optimizers))) == text


def test_an_optimizer_of_ones_own_prints_its_functions() -> None:
    own = Optimizer(lambda params: (), lambda grads, state, params: (grads, state))
    assert repr(own).startswith("Optimizer(init=<function")


def test_a_rule_has_the_arguments_of_its_function_in_their_order() -> None:
    for text, optimizer in REPRS.items():
        function = getattr(optimizers, text.partition("(")[0])
        rule: Any = optimizer.update
        numbers = [(field.name, field.default) for field in fields(rule)]
        arguments = inspect.signature(function).parameters.values()
        expected = [
            (argument.name, MISSING if argument.default is argument.empty else argument.default)
            for argument in arguments
        ]
        assert numbers == expected


def test_types_carry_the_state() -> None:
    assert_type(adam(1e-3), Optimizer[AdamState])
    assert_type(chain(clip_by_norm(1.0), momentum(0.1)), Optimizer[tuple[tuple[()], MomentumState]])
    assert_type(masked(adam(1e-3), (True,)), Optimizer[AdamState])
    single = network(SMALL, np.float32)
    assert_type(start(adam(1e-3), init(key(0), (2, 1))), State[np.float64, AdamState])
    assert_type(adam(1e-3).init(single).m, Array)
