"""Weights: a row of weight 2 is that row twice, whatever rows are in its batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from fnn import Batch, Loss, Params, backprop, fit, init, key, losses, minibatches, samples, scan
from fnn import derivatives as d
from fnn.activations import identity, tanh
from fnn.base import Array
from fnn.data import balanced_weights, batches_from, chunked, split
from fnn.losses import (
    masked_loss,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    squared_error,
)
from fnn.network import gradient_vector, mean_loss
from fnn.optimizers import sgd
from fnn.random import fold_in
from fnn.schedules import cosine
from fnn.testing import check_gradients
from fnn.train import epochs, start, train_step
from fnn.tree import leaves, ravel
from tests.support import weights
from tests.support.networks import data, network
from tests.support.oracles import LOSSES, H

ACTS = (tanh, identity)
SIZES = 3, 4, 3
ROWS = 7

every_loss = pytest.mark.parametrize("loss", LOSSES)


def weight_of(kind: str, n: int = ROWS) -> Array | None:
    """Weights for each row or each target, of which some are 0, or None."""
    rng = np.random.default_rng(3)
    if kind == "none":
        return None
    found = rng.uniform(0.2, 3, n) if kind == "rows" else rng.uniform(0.2, 3, (n, SIZES[-1]))
    found[1] = 0
    if kind == "targets":
        found[2:4, 1] = 0
    return found


def problem(loss: str, kind: str, n: int = ROWS) -> tuple[Loss, Params, Batch]:
    batch = data(11, loss, n, SIZES[0], SIZES[-1])
    return LOSSES[loss][0], network(5, SIZES), batch._replace(weight=weight_of(kind, n))


@pytest.mark.parametrize("kind", ["none", "rows", "targets"])
@every_loss
def test_the_gradients_of_any_partition_add_up_to_the_whole_datas(loss: str, kind: str) -> None:
    pair, params, batch = problem(loss, kind)
    whole = weights.sums_over(backprop, ACTS, pair, params, [batch])
    for batches in weights.partitions(1, ROWS):
        parts = [weights.part(batch, rows) for rows in batches]
        for got, want in zip(
            weights.sums_over(backprop, ACTS, pair, params, parts), whole, strict=True
        ):
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", ["rows", "targets"])
@pytest.mark.parametrize("make", ["samples", "minibatches", "chunks"])
def test_passes_keep_the_law_whatever_the_scale_of_the_weights(make: str, kind: str) -> None:
    """That is sum w_i g_i / sum w_i, or n_out sum w_ik g_ik / sum w_ik: nothing but ratios."""
    pair, params, batch = problem("squared_error", kind)
    assert batch.weight is not None
    share = batch.weight / batch.weight.sum() * (1 if kind == "rows" else SIZES[-1])
    want = gradient_vector(ACTS, pair, params, batch._replace(weight=share))[1] * ROWS
    for size in range(1, ROWS + 2):
        for factor in (1.0, 1e-300, 1e300, 7):
            scaled = batch._replace(weight=batch.weight * factor)
            passes: dict[str, Callable[[], Any]] = {
                "samples": partial(samples, scaled),
                "minibatches": partial(minibatches, key(size), size, scaled),
                "chunks": partial(batches_from, chunked(2, scaled), size),
            }
            total, rows = np.zeros(want.size), 0
            for part in passes[make]():
                n = len(part.x) if part.x.ndim == 2 else 1
                total, rows = total + n * gradient_vector(ACTS, pair, params, part)[1], rows + n
            assert rows == ROWS - 1  # the row of weight 0 is left out
            np.testing.assert_allclose(total / rows, want, rtol=1e-13, atol=1e-13)


@every_loss
def test_a_row_of_weight_2_is_that_row_twice(loss: str) -> None:
    pair, params, batch = problem(loss, "none")
    twice = weights.chosen(batch, np.array([*range(ROWS), 3]))
    heavy = np.ones(ROWS)
    heavy[3] = 2
    columns = np.tile(heavy[:, None], SIZES[-1])
    passes = [minibatches(key(0), 99, batch._replace(weight=w)) for w in (heavy, columns)]
    value, want = gradient_vector(ACTS, pair, params, twice)
    for (given,) in passes:
        found, gradient = gradient_vector(ACTS, pair, params, given)
        assert found == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(gradient, want, rtol=1e-12, atol=1e-14)


@every_loss
def test_weights_for_each_target_are_those_of_the_textbook(loss: str) -> None:
    """The value by its sum, the gradient by complex steps, for rows and for a sample."""
    pair, params, rows = problem(loss, "targets")
    alone = weights.chosen(rows, 2)
    for batch in (rows, alone):
        assert batch.weight is not None
        theta, _ = ravel(params)

        def value(theta: Array, batch: Batch = batch, loss: str = loss) -> Any:
            w1, b1, w2, b2 = np.split(theta, np.cumsum([12, 4, 12]))
            hidden = np.tanh(batch.x @ w1.reshape(3, 4) + b1)
            output = hidden @ w2.reshape(4, 3) + b2
            weight = np.asarray(batch.weight)
            return np.mean(weights.weighted_loss(loss, output, batch.y, weight))

        steps = np.eye(theta.size) * 1j * H
        want = np.array([value(theta + step).imag / H for step in steps])
        found, gradient = gradient_vector(ACTS, pair, params, batch)
        assert found == pytest.approx(value(theta), rel=1e-13)
        assert mean_loss(ACTS, pair, params, batch) == found
        np.testing.assert_allclose(gradient, want, rtol=1e-12, atol=1e-13)
        _, grads = backprop(ACTS, pair, params, batch)
        np.testing.assert_allclose(ravel(grads)[0], gradient, rtol=1e-14, atol=1e-15)


@every_loss
def test_equal_weights_of_a_rows_targets_are_the_rows_weight(loss: str) -> None:
    pair, params, batch = problem(loss, "rows")
    assert batch.weight is not None
    columns = batch._replace(weight=np.tile(batch.weight[:, None], SIZES[-1]))
    _, vector = backprop(ACTS, pair, params, batch)
    functions: list[Callable[..., Any]] = [
        backprop,
        gradient_vector,
        d.hessian,
        d.diagonal_gauss_newton,
        d.kfac_factors,
        partial(d.gauss_newton_vp, vector=vector),
        partial(d.hvp, vector=vector),
    ]
    for f in functions:
        for got, want in zip(
            leaves(f(ACTS, pair, params, columns)),
            leaves(f(ACTS, pair, params, batch)),
            strict=True,
        ):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    for make in (samples, partial(minibatches, key(0), 3)):
        for one, other in zip(make(batch), make(columns), strict=True):
            repeated = np.multiply.outer(np.asarray(one.weight), np.ones(3))
            np.testing.assert_allclose(np.asarray(other.weight), repeated, rtol=1e-15)


def test_a_rows_own_derivatives_know_the_weights_of_its_targets_alone() -> None:
    """Weights for each row say how often it counts; those for each target are its loss."""
    pair, params, batch = problem("poisson", "targets")
    x, y, weight = batch
    assert weight is not None
    plain = Batch(x, y)
    by_row = Batch(x, y, np.arange(7.0))
    for f in (d.per_example_gradients, d.per_example_norms, d.input_gradient):
        for got, want in zip(
            leaves(f(ACTS, pair, params, by_row)), leaves(f(ACTS, pair, params, plain)), strict=True
        ):
            np.testing.assert_array_equal(got, want)
    each = d.per_example_gradients(ACTS, pair, params, batch)
    own = np.concatenate([g.reshape(ROWS, -1) for g in leaves(each)], axis=1)
    for i in range(ROWS):
        sample = Batch(x[i], y[i], weight[i])
        np.testing.assert_allclose(
            own[i], gradient_vector(ACTS, pair, params, sample)[1], rtol=1e-12, atol=1e-14
        )
        np.testing.assert_allclose(
            d.input_gradient(ACTS, pair, params, batch)[i],
            d.input_gradient(ACTS, pair, params, sample),
            rtol=1e-12,
            atol=1e-14,
        )
    norms = np.linalg.norm(own, axis=1)
    np.testing.assert_allclose(d.per_example_norms(ACTS, pair, params, batch), norms, rtol=1e-13)
    scale = np.minimum(1, 0.3 / np.maximum(norms, 1e-300))
    total = ravel(d.clipped_sum(ACTS, pair, params, batch, 0.3))[0]
    np.testing.assert_allclose(total, scale @ own, rtol=1e-12, atol=1e-14)


def test_a_weight_of_0_is_a_missing_target() -> None:
    """A finite number in its place changes nothing, and masked_loss finds the same."""
    _, params, (x, y, _) = problem("squared_error", "none")
    known = np.random.default_rng(0).uniform(size=y.shape) < 0.6
    by_weight = Batch(x, np.where(known, y, 123.0), known.astype(float))
    by_mask = Batch(x, np.where(known, y, np.nan))
    for pair in (squared_error, losses.huber(0.5)):
        value, gradient = gradient_vector(ACTS, pair, params, by_weight)
        masked, want = gradient_vector(ACTS, masked_loss(pair), params, by_mask)
        assert value == pytest.approx(masked, rel=1e-14)
        np.testing.assert_allclose(gradient, want, rtol=1e-12, atol=1e-14)
    both = by_mask._replace(weight=weight_of("targets"))
    either = by_weight._replace(weight=known * np.asarray(both.weight))
    np.testing.assert_allclose(
        gradient_vector(ACTS, masked_loss(squared_error), params, both)[1],
        gradient_vector(ACTS, squared_error, params, either)[1],
        rtol=1e-12,
        atol=1e-14,
    )
    rest, held_out = split(key(0), 0.3, both)  # which takes NaN in y, and the weights along
    assert rest.weight is not None
    assert len(rest.weight) + len(held_out.x) == ROWS
    assert np.isnan(rest.y).sum() + np.isnan(held_out.y).sum() == (~known).sum()


def test_a_batch_may_have_no_row_that_counts() -> None:
    _, params, batch = problem("squared_error", "none")
    for weight in (np.zeros(ROWS), np.zeros(batch.y.shape)):
        value, grads = backprop(ACTS, squared_error, params, batch._replace(weight=weight))
        assert value == 0
        assert not any(leaf.any() for leaf in leaves(grads))
        for factor in leaves(
            d.kfac_factors(ACTS, squared_error, params, batch._replace(weight=weight))
        ):
            assert not factor.any()


def norm(output: Array, target: Array) -> Array:
    length: Array = np.sqrt(((output - target) ** 2).sum(-1))
    return length


def norm_df(output: Array, target: Array) -> Array:
    slope: Array = (output - target) / norm(output, target)[..., None]
    return slope


def first_two(output: Array, target: Array) -> Array:
    terms = (output - target) ** 2
    total: Array = terms[..., 0] + 3 * terms[..., 1]
    return total


OWN = Loss(
    lambda output, target: ((output - target) ** 4).sum(-1),
    lambda output, target: 4 * (output - target) ** 3,
    lambda output, target, v: 12 * (output - target) ** 2 * v,
)
TOGETHER = {
    "a norm": Loss(norm, norm_df),
    "a mean": Loss(lambda o, y: ((o - y) ** 2).mean(-1), lambda o, y: 2 * (o - y) / o.shape[-1]),
    "columns of its own": Loss(first_two, lambda o, y: o - y),
    "a tilted sum": Loss(
        lambda o, y: ((o - y) ** 2 * np.arange(3)).sum(-1), lambda o, y: 2 * (o - y) * np.arange(3)
    ),
}


def test_a_loss_of_ones_own_takes_weights_for_each_target_if_it_is_a_sum() -> None:
    _, params, batch = problem("squared_error", "targets")
    check_gradients(ACTS, OWN, params, batch)
    check_gradients(ACTS, OWN, params, weights.chosen(batch, 0))
    output = np.zeros((2, 3))
    assert OWN.f(output, np.ones((2, 3))).tolist() == [3, 3]


@pytest.mark.parametrize("loss", TOGETHER)
def test_a_loss_that_is_not_a_sum_of_terms_refuses_weights_for_each_target(loss: str) -> None:
    _, params, batch = problem("squared_error", "targets")
    told = (
        r"loss: expected a sum of one term for each output, .* got .*; give one number for each row"
    )
    for f in (backprop, gradient_vector, mean_loss, d.per_example_gradients):
        with pytest.raises(ValueError, match=told):
            f(ACTS, TOGETHER[loss], params, batch)
    followed = batch._replace(weight=np.asarray(batch.weight).mean(axis=1))
    if loss != "a tilted sum":
        backprop(ACTS, TOGETHER[loss], params, followed)
    with pytest.raises(ValueError, match=told):  # also for one sample
        backprop(ACTS, TOGETHER[loss], params, weights.chosen(batch, 0))


@every_loss
def test_float32_stays_float32_whatever_the_dtype_of_the_weights(loss: str) -> None:
    pair = LOSSES[loss][0]
    params = init(key(2), SIZES, dtype=np.float32)
    for kind in ("rows", "targets"):
        batch = data(11, loss, ROWS, SIZES[0], SIZES[-1])._replace(weight=weight_of(kind))
        value, gradient = gradient_vector(ACTS, pair, params, batch)
        assert gradient.dtype == np.float32
        assert d.hessian(ACTS, pair, params, batch).dtype == np.float32
        double = tuple(
            layer._replace(w=layer.w.astype(float), b=layer.b.astype(float)) for layer in params
        )
        true, want = gradient_vector(ACTS, pair, double, batch)
        assert value == pytest.approx(true, rel=1e-5)
        np.testing.assert_allclose(gradient, want, rtol=1e-4, atol=1e-5)


def test_labels_have_a_weight_for_each_row() -> None:
    pair, params = softmax_cross_entropy_with_integer_labels, network(5, SIZES)
    x, labels = data(1, "squared_error", 4, 3, 3).x, np.array([0, 2, 1, 2])
    weight = np.array([1.0, 0, 3, 2])
    by_labels = gradient_vector(ACTS, pair, params, Batch(x, labels, weight))[1]
    one_hot = Batch(x, np.eye(3)[labels], weight)
    want = gradient_vector(ACTS, softmax_cross_entropy, params, one_hot)[1]
    np.testing.assert_allclose(by_labels, want, rtol=1e-13, atol=1e-15)
    with pytest.raises(ValueError, match=r"batch\.weight: expected \(4,\), one number for each"):
        backprop(ACTS, pair, params, Batch(x, labels, np.ones((4, 3))))


@pytest.mark.parametrize("shape", [(7, 1), (1, 7), (21,), (3, 7), (), (1,)])
@pytest.mark.parametrize("reader", ["backprop", "minibatches", "samples", "split", "a sample"])
def test_what_an_error_about_weights_says_to_do_works(shape: tuple[int, ...], reader: str) -> None:
    pair, params, batch = problem("squared_error", "none")
    readers: dict[str, Callable[[Batch], Any]] = {
        "backprop": partial(backprop, ACTS, pair, params),
        "minibatches": lambda data: minibatches(key(0), 2, data)[0],
        "samples": lambda data: samples(data)[0],
        "split": lambda data: split(key(0), 0.3, data)[1],
        "a sample": partial(backprop, ACTS, pair, params),
    }
    batch = weights.chosen(batch, 0) if reader == "a sample" else batch
    if reader == "a sample":
        shape = (1, 3) if shape else (1,)
    weight = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
    with pytest.raises(ValueError, match=r"weight: expected \(.*, got \(") as caught:
        readers[reader](batch._replace(weight=weight))
    remedy = str(caught.value).partition("; ")[2].rpartition(": ")[2]
    followed = eval(remedy, {"weight": weight, "np": np})
    assert set(followed.ravel()) == set(weight.ravel())
    readers[reader](batch._replace(weight=followed))


@pytest.mark.parametrize("size", [1, 8, 32, 400])
def test_balanced_weights_reach_the_same_optimum_at_every_batch_size(size: int) -> None:
    """Recall 0.75 of a class of 5 %; within a few times the noise of the last steps of SGD."""
    rare, best = weights.rare_class()
    rare = rare._replace(weight=balanced_weights(rare.y))
    assert weights.recall(best, rare) == 0.75
    assert best[1] == pytest.approx(-0.76, abs=0.01)
    times = 200 if size == 400 else 30
    rates = cosine(min(1.0, 0.05 * size), times * (400 // size))
    params = init(key(0), (1, 1))
    for weight in (rare.weight, 1e-8 * np.asarray(rare.weight)):
        train = rare._replace(weight=weight)
        done = fit(
            (identity,),
            sigmoid_cross_entropy,
            sgd(rates),
            params,
            train,
            key=key(1),
            batch_size=size,
            max_epochs=times,
            validation=train,
        )
        line = ravel(done.params)[0]
        np.testing.assert_allclose(line, best, atol=0.03)
        assert weights.recall(line, rare) == 0.75
        assert done.history.validation[-1] == pytest.approx(0.532, abs=1e-3)
    state = start(sgd(rates), params)
    step = train_step((identity,), sigmoid_cross_entropy, sgd(rates))
    passes = (minibatches(fold_in(key(2), i), size, rare) for i in range(times))
    for epoch in epochs(step, state, passes):
        state = epoch.state
    np.testing.assert_allclose(ravel(state.params)[0], best, atol=0.03)


def test_a_sample_of_weight_2_pulls_twice_as_hard() -> None:
    """Online too: each step of `samples` moves by rate * w_i * gradient, w of mean 1."""
    pair, params, batch = problem("squared_error", "none")
    weight = np.arange(1.0, 8.0)
    update = train_step(ACTS, pair, sgd(0.01))
    state, values = scan(update, start(sgd(0.01), params), samples(batch._replace(weight=weight)))
    p = params
    for i in range(ROWS):
        value, vector = gradient_vector(ACTS, pair, p, Batch(batch.x[i], batch.y[i]))
        theta, unravel = ravel(p)
        p = unravel(theta - 0.01 * weight[i] / 4 * vector)
        assert values[i] == pytest.approx(weight[i] / 4 * value, rel=1e-12)
    np.testing.assert_allclose(ravel(state.params)[0], ravel(p)[0], rtol=1e-12)


def test_a_stream_takes_weights_as_they_are_and_an_array_divides_them() -> None:
    _, _, batch = problem("squared_error", "targets")
    assert batch.weight is not None
    (streamed,) = batches_from(lambda: iter([batch]), 99)
    np.testing.assert_array_equal(streamed.weight, np.delete(batch.weight, 1, 0))
    (cut,) = batches_from(chunked(2, batch), 99)
    assert cut.weight is not None
    assert cut.weight.mean() == pytest.approx(1, rel=1e-14)


def test_weights_of_mean_1_stay_in_their_memory() -> None:
    """So that passes over one data set in other orders share it, as engines ask."""
    _, _, batch = problem("squared_error", "targets")
    once = minibatches(key(0), 2, batch).data
    again = minibatches(key(1), 3, once).data
    assert np.shares_memory(np.asarray(again.weight), np.asarray(once.weight))
    whole = samples(weights.chosen(once, np.array([0, 2, 3, 4, 5, 6]))).data
    np.testing.assert_allclose(np.mean(np.asarray(whole.weight)), 1, rtol=1e-15)
