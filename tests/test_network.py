"""The network's calculus: gradients to rounding, and the laws that every network keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn import (
    Activation,
    Batch,
    LayerGrad,
    apply_updates,
    backprop,
    forward,
    init,
    key,
    step,
    trace,
    vjp,
)
from fnn.activations import identity, relu, sigmoid, softplus, tanh
from fnn.initializers import normal, zeros
from fnn.losses import softmax_cross_entropy, squared_error
from fnn.network import gradient_vector
from fnn.random import fold_in, permutation
from fnn.random import normal as draw
from fnn.testing import check_gradients
from fnn.tree import leaves, norm, ravel
from tests.support.networks import SEEDS, data, network
from tests.support.oracles import ACTIVATIONS, LOSSES, acts_named, complex_step_gradient


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_agree_with_the_complex_step_to_rounding(name: str, loss: str) -> None:
    """Every depth from 1 to 4, a sample and batches, outputs of width 1 and more."""
    for depth, rows, n_out in [
        (1, None, 1),
        (1, 7, 3),
        (2, 1, 2),
        (2, 7, 1),
        (3, None, 3),
        (4, 7, 2),
    ]:
        names = (name,) * depth
        sizes = (3, *(4, 2, 3)[: depth - 1], n_out)
        params = network(depth, sizes)
        batch = data(depth, loss, rows, 3, n_out)
        _, grads = backprop(acts_named(names), LOSSES[loss][0], params, batch)
        expected = complex_step_gradient(names, loss, params, batch)
        scale = max(float(np.abs(e).max()) for e in expected)
        for got, want in zip(leaves(grads), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13 * max(scale, 1.0))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ACTIVATIONS)
@settings(max_examples=8)
@given(
    depth=st.integers(1, 4), rows=st.sampled_from([None, 1, 7]), n_out=st.integers(1, 3), seed=SEEDS
)
def test_gradients_pass_the_public_checker(
    name: str, loss: str, depth: int, rows: int | None, n_out: int, seed: int
) -> None:
    params = network(seed, (3, *(4, 2, 3)[: depth - 1], n_out))
    acts = acts_named((name,) * depth)
    check_gradients(acts, LOSSES[loss][0], params, data(seed, loss, rows, 3, n_out))


@pytest.mark.parametrize("rows", [None, 5])
def test_a_worked_example(rows: int | None) -> None:
    """By hand: z = 2*3 - 1 = 5, loss (5 - 3)^2 = 4, dw = 2*2*3, db = 2*2, dx = 2*2*2."""
    params = init(key(0), (1, 1), lambda *_: np.array([[2.0]]), lambda *_: np.array([-1.0]))
    shape = (1,) if rows is None else (rows, 1)
    batch = Batch(np.full(shape, 3.0), np.full(shape, 3.0))
    value, (grad,) = backprop((identity,), squared_error, params, batch)
    assert (value, grad.w.item(), grad.b.item()) == pytest.approx((4.0, 12.0, 4.0), rel=1e-15)
    output, pullback = vjp((identity,), params, batch.x)
    np.testing.assert_array_equal(pullback(2 * (output - 3.0))[1], np.full(shape, 8.0))


@settings(max_examples=40)
@given(seed=SEEDS, n_out=st.integers(1, 3))
def test_the_gradient_is_the_pullback_of_the_loss(seed: int, n_out: int) -> None:
    acts, params = (tanh, sigmoid), network(seed, (3, 4, n_out))
    batch = data(seed, "squared_error", 6, 3, n_out)
    output, pullback = vjp(acts, params, batch.x)
    grads, _ = pullback(squared_error.df(output, batch.y) / 6)
    for a, b in zip(
        leaves(grads), leaves(backprop(acts, squared_error, params, batch)[1]), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@settings(max_examples=25)
@given(seed=SEEDS, name=st.sampled_from(sorted(ACTIVATIONS)))
def test_the_pullback_gives_the_input_gradient(seed: int, name: str) -> None:
    """By the bias law: shifting x by e_i shifts z_1 by the row w_1[i], as shifting b_1 does."""
    acts, params = acts_named((name, "identity")), network(seed, (3, 4, 2))
    x = draw(key(seed), 3)
    output, pullback = vjp(acts, params, x)
    grads, x_bar = pullback(draw(fold_in(key(seed), 1), 2))
    np.testing.assert_allclose(x_bar, params[0].w @ grads[0].b, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(output, forward(acts, params, x))


@settings(max_examples=40)
@given(seed=SEEDS, loss=st.sampled_from(sorted(LOSSES)))
def test_a_batch_of_one_is_the_sample(seed: int, loss: str) -> None:
    acts, params = (tanh, identity), network(seed, (3, 4, 2))
    one = data(seed, loss, 1, 3, 2)
    value, grads = backprop(acts, LOSSES[loss][0], params, one)
    value_1, grads_1 = backprop(acts, LOSSES[loss][0], params, Batch(one.x[0], one.y[0]))
    assert value == pytest.approx(value_1, rel=1e-13, abs=1e-15)
    for a, b in zip(leaves(grads), leaves(grads_1), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@settings(max_examples=25)
@given(seed=SEEDS, loss=st.sampled_from(sorted(LOSSES)), weighted=st.booleans())
def test_the_batch_is_the_mean_of_its_samples_times_their_weights(
    seed: int, loss: str, weighted: bool
) -> None:
    acts, params, n = (sigmoid, identity), network(seed, (3, 4, 2)), 7
    batch = data(seed, loss, n, 3, 2)
    weight = np.arange(n, dtype=float) if weighted else np.ones(n)
    value, grads = backprop(
        acts, LOSSES[loss][0], params, batch._replace(weight=weight if weighted else None)
    )
    share = weight / n
    parts = [
        backprop(acts, LOSSES[loss][0], params, Batch(x, y))
        for x, y in zip(batch.x, batch.y, strict=True)
    ]
    assert value == pytest.approx(
        math.fsum(s * v for s, (v, _) in zip(share, parts, strict=True)), rel=1e-13
    )
    for i, got in enumerate(leaves(grads)):
        want = sum(s * list(leaves(g))[i] for s, (_, g) in zip(share, parts, strict=True))
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@settings(max_examples=25)
@given(seed=SEEDS)
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    acts, params = (tanh, identity), network(seed, (3, 4, 2))
    x, y, _ = data(seed, "squared_error", 7, 3, 2)
    order = permutation(key(seed), 7)
    one = backprop(acts, squared_error, params, Batch(x, y))
    other = backprop(acts, squared_error, params, Batch(x[order], y[order]))
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        forward(acts, params, x)[order], forward(acts, params, x[order]), rtol=1e-13, atol=1e-15
    )


@settings(max_examples=25)
@given(seed=SEEDS)
def test_renaming_hidden_units_renames_their_gradients(seed: int) -> None:
    acts, (first, last) = (tanh, identity), network(seed, (3, 5, 2))
    order = permutation(key(seed), 5)
    renamed = (
        first._replace(w=first.w[:, order], b=first.b[order]),
        last._replace(w=last.w[order]),
    )
    batch = data(seed, "squared_error", 7, 3, 2)
    value, (d_first, d_last) = backprop(acts, squared_error, (first, last), batch)
    other, (r_first, r_last) = backprop(acts, squared_error, renamed, batch)
    assert value == pytest.approx(other, rel=1e-13)
    for a, b in [
        (d_first.w[:, order], r_first.w),
        (d_first.b[order], r_first.b),
        (d_last.w[order], r_last.w),
    ]:
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@settings(max_examples=20)
@given(seed=SEEDS, name=st.sampled_from(sorted(ACTIVATIONS)), loss=st.sampled_from(sorted(LOSSES)))
def test_float32_stays_float32_and_agrees_with_float64(seed: int, name: str, loss: str) -> None:
    names = (name, "identity")
    wide = network(seed, (3, 4, 2))
    narrow = init(key(seed), (3, 4, 2), normal(0.7), normal(0.3), dtype=np.float32)
    batch = data(seed, loss, 7, 3, 2)
    value, grads = backprop(acts_named(names), LOSSES[loss][0], wide, batch)
    value_32, grads_32 = backprop(acts_named(names), LOSSES[loss][0], narrow, batch)
    assert isinstance(value_32, float)
    assert value_32 == pytest.approx(value, rel=2e-4, abs=1e-5)
    scale = max(norm(grads), 1e-3)
    for a, b in zip(leaves(grads_32), leaves(grads), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=2e-4 * scale, rtol=0)
    for array in leaves(step(narrow, grads_32, 0.1)):
        assert array.dtype == np.float32
    for z, a in trace(acts_named(names), narrow, batch.x):
        assert z.dtype == a.dtype == np.float32


def test_trace_shows_every_layer_and_ends_in_the_output() -> None:
    acts, params = (tanh, relu, identity), network(1, (3, 4, 5, 2))
    x = draw(key(2), (6, 3))
    layers = trace(acts, params, x)
    a = x
    for act, (w, b), layer in zip(acts, params, layers, strict=True):
        np.testing.assert_allclose(layer.z, a @ w + b, rtol=1e-13, atol=1e-15)
        np.testing.assert_array_equal(layer.a, act.f(layer.z))
        a = layer.a
    np.testing.assert_array_equal(forward(acts, params, x), layers[-1].a)


def test_a_step_descends_and_an_update_adds() -> None:
    params = network(1, (3, 4, 2))
    grads = tuple(LayerGrad(draw(key(3), w.shape), draw(key(4), b.shape)) for w, b in params)
    for new, (w, b), (dw, db) in zip(step(params, grads, 0.25), params, grads, strict=True):
        np.testing.assert_array_equal(new.w, w - 0.25 * dw)
        np.testing.assert_array_equal(new.b, b - 0.25 * db)
    for new, (w, b), (dw, db) in zip(apply_updates(params, grads), params, grads, strict=True):
        np.testing.assert_array_equal(new.w, w + dw)
        np.testing.assert_array_equal(new.b, b + db)


def test_a_rate_of_zero_changes_no_bit() -> None:
    params = network(1, (3, 4, 2))
    _, grads = backprop((tanh, tanh), squared_error, params, data(1, "squared_error", 7, 3, 2))
    for a, b in zip(leaves(step(params, grads, 0.0)), leaves(params), strict=True):
        np.testing.assert_array_equal(a, b)


def test_dead_units_and_blank_inputs_have_a_gradient_of_exactly_zero() -> None:
    params = network(1, (3, 4, 2))
    dead = (params[0]._replace(b=np.array([-100.0, 0.1, 0.1, 0.1])), params[1])
    x, y, _ = data(1, "squared_error", 7, 3, 2)
    _, (first, _) = backprop((relu, identity), squared_error, dead, Batch(x * [1.0, 0.0, 1.0], y))
    assert not first.w[:, 0].any()
    assert not first.w[1].any()
    assert first.b[0] == 0


def test_an_empty_batch_has_outputs_but_no_loss() -> None:
    params = network(1, (3, 4, 2))
    assert forward((tanh, tanh), params, np.empty((0, 3))).shape == (0, 2)
    with pytest.raises(ValueError, match=r"batch\.x: expected at least one row"):
        backprop((tanh, tanh), squared_error, params, Batch(np.empty((0, 3)), np.empty((0, 2))))


def test_relu_networks_are_homogeneous_in_their_weights() -> None:
    """Euler: without biases, <theta, grad u> = depth * u."""
    params = init(key(3), (3, 5, 4, 1), normal(1.0), zeros)
    output, pullback = vjp((relu, relu, identity), params, draw(key(4), 3))
    grads, _ = pullback(np.ones(1))
    product = sum(float((p.w * g.w).sum()) for p, g in zip(params, grads, strict=True))
    assert product == pytest.approx(3 * output.item(), rel=1e-13)


def test_cross_entropy_of_logits_has_rows_of_gradient_that_sum_to_zero() -> None:
    params = network(2, (3, 4, 3))
    batch = data(2, "softmax_cross_entropy", 7, 3, 3)
    _, grads = backprop((tanh, identity), softmax_cross_entropy, params, batch)
    np.testing.assert_allclose(grads[-1].w.sum(axis=1), 0, atol=1e-16)
    assert grads[-1].b.sum() == pytest.approx(0, abs=1e-16)


@pytest.mark.parametrize("rows", [None, 1, 7])
def test_the_gradient_as_a_vector_is_that_of_backprop_to_the_bit(rows: int | None) -> None:
    for sizes in ((3, 2), (3, 5, 4, 2)):
        acts = (tanh,) * (len(sizes) - 2) + (identity,)
        params, batch = network(1, sizes), data(1, "squared_error", rows, 3, 2)
        params = tuple(layer._replace(w=np.asfortranarray(layer.w)) for layer in params)
        value, grads = backprop(acts, squared_error, params, batch)
        again, vector = gradient_vector(acts, squared_error, params, batch)
        assert again == value
        np.testing.assert_array_equal(vector, ravel(grads)[0])
        assert not vector.flags.writeable


@pytest.mark.parametrize("pair", [sigmoid, softplus], ids=repr)
def test_a_pair_that_float16_cannot_compute_is_told(pair: Activation) -> None:
    """exp(12) is beyond it: the sigmoid of 12 would be NaN."""
    half = init(key(0), (2, 3, 1), dtype=np.float16)
    with pytest.raises(TypeError, match=r"^acts\[0\]: expected a pair that float16 can compute"):
        forward((pair, identity), half, np.ones(2))
    assert forward((relu, identity), half, np.ones(2)).dtype == np.float16
    single = init(key(0), (2, 3, 1), dtype=np.float32)
    assert np.isfinite(forward((pair, identity), single, np.full(2, 12.0))).all()
