"""The laws that tie the derivatives together, what they ask of pairs, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn import (
    Activation,
    Batch,
    Grads,
    Layer,
    LayerGrad,
    Loss,
    Params,
    backprop,
    init,
    key,
    losses,
    vjp,
)
from fnn import derivatives as d
from fnn.activations import identity, sigmoid, tanh
from fnn.base import Acts, Array
from fnn.losses import sigmoid_cross_entropy, softmax, softmax_cross_entropy, squared_error
from fnn.random import normal
from fnn.tree import add, leaves, ravel, scale
from tests.support.networks import SEEDS, data, network
from tests.support.oracles import ACTIVATIONS, LOSSES, acts_named
from tests.support.refusals import refuses

ACTS = (tanh, sigmoid, identity)
SIZES = (3, 4, 5, 2)


def direction(seed: int, params: Params[Any]) -> Grads:
    rng = np.random.default_rng(seed)
    return tuple(LayerGrad(rng.normal(size=w.shape), rng.normal(size=b.shape)) for w, b in params)


def flat(tree: Any) -> Array:
    return ravel(tree)[0]


def problem(seed: int, loss: str, rows: int | None = 7) -> tuple[Acts, Loss, Params, Batch]:
    batch = data(seed, loss, rows, SIZES[0], SIZES[-1])
    if rows is not None:
        batch = batch._replace(weight=np.random.default_rng(seed).uniform(0.5, 2.0, rows))
    return ACTS, LOSSES[loss][0], network(seed, SIZES), batch


@settings(max_examples=30)
@given(seed=SEEDS, rows=st.sampled_from([None, 1, 7]), name=st.sampled_from(sorted(ACTIVATIONS)))
def test_pushing_forward_is_adjoint_to_pulling_back(seed: int, rows: int | None, name: str) -> None:
    """<C, J (v, x.)> = <J^T C, (v, x.)>, in the params and in x."""
    acts, params = acts_named((name,) * 3), network(seed, SIZES)
    x, _, _ = data(seed, "squared_error", rows, 3, 2)
    v, x_tangent = direction(seed, params), normal(key(seed), x.shape)
    output, pullback = vjp(acts, params, x)
    same, moved = d.jvp(acts, params, x, v, x_tangent)
    np.testing.assert_allclose(same, output, rtol=1e-13, atol=1e-15)
    bar = normal(key(seed + 1), output.shape)
    grads, x_bar = pullback(bar)
    size = np.abs(bar * moved).sum() + np.abs(flat(grads) * flat(v)).sum()
    there, back = (bar * moved).sum(), flat(grads) @ flat(v) + (x_bar * x_tangent).sum()
    assert there == pytest.approx(back, abs=1e-13 * max(size, 1))  # hundreds of roundings


@pytest.mark.parametrize("rows", [None, 1, 7])
def test_products_are_those_with_the_matrices(rows: int | None) -> None:
    acts, loss, params, batch = problem(1, "softmax_cross_entropy", rows)
    v = direction(1, params)
    _, moved = d.jvp(acts, params, batch.x, v)
    np.testing.assert_allclose(d.jacobian(acts, params, batch.x) @ flat(v), moved, atol=1e-13)
    matrix = d.hessian(acts, loss, params, batch)
    np.testing.assert_allclose(
        matrix @ flat(v), flat(d.hvp(acts, loss, params, batch, v)), atol=1e-13
    )
    hessians = d.input_hessian(acts, params, batch.x)
    traces = np.trace(hessians, axis1=-2, axis2=-1)
    np.testing.assert_allclose(d.laplacian(acts, params, batch.x), traces, atol=1e-13)


@settings(max_examples=25)
@given(seed=SEEDS, loss=st.sampled_from(sorted(LOSSES)))
def test_hessian_products_are_linear_and_symmetric(seed: int, loss: str) -> None:
    given_ = problem(seed, loss)
    u, v = direction(seed, given_[2]), direction(seed + 1, given_[2])
    for times in (d.hvp, d.gauss_newton_vp, d.fisher_vp):
        by_u, by_v = flat(times(*given_, u)), flat(times(*given_, v))
        size = max(float(np.abs(by_u).max()), float(np.abs(by_v).max()), 1.0)
        both = flat(times(*given_, add(scale(2.0, u), scale(-3.0, v))))
        np.testing.assert_allclose(both, 2 * by_u - 3 * by_v, atol=1e-12 * size)
        assert flat(u) @ by_v == pytest.approx(flat(v) @ by_u, abs=1e-12 * size * by_u.size)


def test_second_derivatives_are_symmetric() -> None:
    acts, loss, params, batch = problem(3, "poisson")
    matrix = d.hessian(acts, loss, params, batch)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-14 * np.abs(matrix).max())
    hessians = d.input_hessian(acts, params, batch.x)
    np.testing.assert_allclose(hessians, hessians.swapaxes(-1, -2), atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_samples_gradients_add_up_to_that_of_the_batch(loss: str) -> None:
    acts, pair, params, batch = problem(4, loss)
    each = d.per_example_gradients(acts, pair, params, batch)
    _, mean = backprop(acts, pair, params, batch)
    assert batch.weight is not None
    for one, whole in zip(leaves(each), leaves(mean), strict=True):
        np.testing.assert_allclose(
            np.tensordot(batch.weight, one, 1) / 7, whole, rtol=1e-12, atol=1e-15
        )
    every = np.concatenate([g.reshape(7, -1) for g in leaves(each)], axis=1)
    np.testing.assert_allclose(
        d.per_example_norms(acts, pair, params, batch), np.linalg.norm(every, axis=1), rtol=1e-13
    )
    total = flat(d.clipped_sum(acts, pair, params, batch, 1e9))  # which clips nothing
    np.testing.assert_allclose(total, flat(mean) * 7, rtol=1e-12, atol=1e-14)


def test_clipping_bounds_what_one_row_changes() -> None:
    acts, loss, params, (x, y, _) = problem(5, "squared_error")
    most = float(np.median(d.per_example_norms(acts, loss, params, Batch(x, y))))
    whole = flat(d.clipped_sum(acts, loss, params, Batch(x, y), most))
    for row in range(7):
        left_out = np.arange(7) != row
        rest = flat(d.clipped_sum(acts, loss, params, Batch(x[left_out], y[left_out]), most))
        assert np.linalg.norm(whole - rest) <= most * (1 + 1e-12)
        weightless = Batch(x, y, left_out.astype(float))
        np.testing.assert_allclose(
            flat(d.clipped_sum(acts, loss, params, weightless, most)), rest, atol=1e-13
        )


def test_a_row_of_the_results_is_the_result_for_the_sample() -> None:
    acts, loss, params, batch = problem(6, "softmax_cross_entropy")
    alone = Batch(batch.x[3], batch.y[3])
    for f in (d.jacobian, d.input_jacobian, d.input_hessian, d.laplacian):
        many, one = f(acts, params, batch.x), f(acts, params, alone.x)
        assert one.shape == many.shape[1:]
        np.testing.assert_allclose(one, many[3], rtol=1e-12, atol=1e-14)
    for g in (d.input_gradient, d.per_example_norms):
        np.testing.assert_allclose(
            g(acts, loss, params, alone), g(acts, loss, params, batch)[3], rtol=1e-12, atol=1e-14
        )
    _, gradient = backprop(acts, loss, params, alone)
    own = d.per_example_gradients(acts, loss, params, alone)
    np.testing.assert_allclose(flat(own), flat(gradient), rtol=1e-12, atol=1e-15)
    v = direction(6, params)
    heavy = alone._replace(weight=np.array(7.0))
    for times in (d.hvp, d.gauss_newton_vp, d.fisher_vp):
        np.testing.assert_allclose(
            flat(times(acts, loss, params, heavy, v)),
            7 * flat(times(acts, loss, params, alone, v)),
            rtol=1e-14,
        )


CONVEX = ["squared_error", "huber", "sigmoid_cross_entropy", "softmax_cross_entropy", "poisson"]


@pytest.mark.parametrize("loss", CONVEX)
def test_the_gauss_newton_matrix_of_a_convex_loss_is_positive_semidefinite(loss: str) -> None:
    given_ = problem(7, loss)
    vector, unravel = ravel(direction(7, given_[2]))
    columns = [flat(d.gauss_newton_vp(*given_, unravel(e))) for e in np.eye(vector.size)]
    matrix = np.array(columns)
    values = np.linalg.eigvalsh(matrix)
    assert values[0] >= -1e-13 * values[-1]
    np.testing.assert_allclose(
        flat(d.diagonal_gauss_newton(*given_)), np.diag(matrix), rtol=1e-11, atol=1e-14
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_gauss_newton_is_the_hessian_of_a_net_that_is_linear_in_its_params(loss: str) -> None:
    params, batch = network(8, (3, 2)), data(8, loss, 7, 3, 2)
    v = direction(8, params)
    given_ = (identity,), LOSSES[loss][0], params, batch
    np.testing.assert_allclose(
        flat(d.gauss_newton_vp(*given_, v)), flat(d.hvp(*given_, v)), rtol=1e-12, atol=1e-14
    )


def test_gauss_newton_is_not_the_hessian_of_others() -> None:
    given_ = problem(9, "squared_error")
    v = direction(9, given_[2])
    gap: Array = flat(d.gauss_newton_vp(*given_, v)) - flat(d.hvp(*given_, v))
    assert np.abs(gap).max() > 0.01


def poisson_law(u: Array) -> tuple[Array, Array]:
    counts = np.arange(60.0)  # beyond, the probabilities are below rounding
    logs = counts * u - np.exp(u) - np.cumsum(np.log(np.maximum(counts, 1)))
    return counts[:, None], np.exp(logs)


TWO_POINTS = np.array([[0.5**0.5], [-(0.5**0.5)]])
LAWS: dict[str, tuple[Loss, Callable[[Array], tuple[Array, Array]]]] = {
    # Each target that the model deems possible, and its probability. For a Gaussian of variance
    # 1/2 two points do: only the variance of the slope counts.
    "softmax_cross_entropy": (softmax_cross_entropy, lambda u: (np.eye(len(u)), softmax(u))),
    "sigmoid_cross_entropy": (
        sigmoid_cross_entropy,
        lambda u: (np.eye(2)[:, :1], 1 / (1 + np.exp([-u[0], u[0]]))),
    ),
    "poisson": (losses.poisson, poisson_law),
    "squared_error": (
        squared_error,
        lambda u: (np.add(u, [[0.5**0.5], [-(0.5**0.5)]]), np.full(2, 0.5)),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_gauss_newton_is_the_fisher_matrix_of_the_models_own_targets(name: str) -> None:
    loss, law = LAWS[name]
    params = network(10, (3, 4, 3 if name == "softmax_cross_entropy" else 1))
    acts, x = (tanh, identity), normal(key(10), (5, 3))
    outputs = [d.jvp(acts, params, row, direction(0, params))[0] for row in x]
    xs, ys, weights = [], [], []
    for row, output in zip(x, outputs, strict=True):
        targets, probabilities = law(output)
        xs += [row] * len(targets)
        ys += list(targets)
        weights += list(np.ravel(probabilities))
    drawn = Batch(np.array(xs), np.array(ys), np.array(weights) / np.mean(weights))
    fitted = Batch(x, np.eye(3)[[0, 1, 2, 0, 1]][:, : len(params[-1].b)])
    v = direction(10, params)
    np.testing.assert_allclose(
        flat(d.fisher_vp(acts, loss, params, drawn, v)),
        flat(d.gauss_newton_vp(acts, loss, params, fitted, v)),
        rtol=1e-11,
        atol=1e-13,
    )


def calls(acts: Acts, loss: Loss, params: Params[Any], batch: Batch) -> dict[str, Any]:
    """Every function, by name, with arguments that suit it."""
    v: Any = tuple(LayerGrad(w, b) for w, b in params)
    objective = acts, loss, params, batch
    return {
        "jvp": lambda: d.jvp(acts, params, batch.x, v),
        "jacobian": lambda: d.jacobian(acts, params, batch.x),
        "input_jacobian": lambda: d.input_jacobian(acts, params, batch.x),
        "input_hessian": lambda: d.input_hessian(acts, params, batch.x),
        "laplacian": lambda: d.laplacian(acts, params, batch.x),
        "input_gradient": lambda: d.input_gradient(*objective),
        "per_example_gradients": lambda: d.per_example_gradients(*objective),
        "per_example_norms": lambda: d.per_example_norms(*objective),
        "clipped_sum": lambda: d.clipped_sum(*objective, 1.0),
        "hvp": lambda: d.hvp(*objective, v),
        "hessian": lambda: d.hessian(*objective),
        "gauss_newton_vp": lambda: d.gauss_newton_vp(*objective, v),
        "fisher_vp": lambda: d.fisher_vp(*objective, v),
        "diagonal_gauss_newton": lambda: d.diagonal_gauss_newton(*objective),
        "kfac_factors": lambda: d.kfac_factors(*objective),
    }


NAMES = sorted(calls(*problem(0, "squared_error")))
BENT_ACTS = {"input_hessian", "laplacian", "hvp", "hessian"}
BENT_LOSS = {"hvp", "hessian", "gauss_newton_vp", "diagonal_gauss_newton", "kfac_factors"}
OF_OUTPUTS = {"jvp", "jacobian", "input_jacobian", "input_hessian", "laplacian"}
every = pytest.mark.parametrize("name", NAMES)


def test_every_function_is_tried_here() -> None:
    public = {name for name in d.__all__ if not isinstance(getattr(d, name), type)}
    assert public == set(NAMES)


@every
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "huber"])
@pytest.mark.parametrize("rows", [None, 7])
def test_float32_stays_float32_and_agrees_with_float64(
    name: str, loss: str, rows: int | None
) -> None:
    acts, pair, wide, batch = problem(11, loss, rows)
    narrow = tuple(Layer(w.astype(np.float32), b.astype(np.float32)) for w, b in wide)
    want = list(leaves(calls(acts, pair, wide, batch)[name]()))
    got = list(leaves(calls(acts, pair, narrow, batch)[name]()))
    size = max(float(np.abs(array).max()) for array in want)
    for a, b in zip(got, want, strict=True):
        assert a.dtype == np.float32
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-4 * size)  # as for gradients


@every
def test_only_what_bends_needs_second_derivatives(name: str) -> None:
    """The error names the pair, the member and the remedy; nothing is approximated instead."""
    acts, loss, params, batch = problem(12, "squared_error")
    straight = (acts[0], Activation(*acts[1][:2]), acts[2])
    without_act, without_loss = (
        calls(straight, loss, params, batch)[name],
        calls(acts, Loss(*loss[:2]), params, batch)[name],
    )
    whole = list(leaves(calls(acts, loss, params, batch)[name]()))
    for call, needed, place, remedy in (
        (without_act, BENT_ACTS, "acts[1].d2f", "Activation(f, df, d2f)"),
        (without_loss, BENT_LOSS, "loss.d2f", "Loss(f, df, d2f)"),
    ):
        if name in needed:
            refuses((ValueError, place, "second derivative", "got None", remedy), call)
        else:
            for got, want in zip(leaves(call()), whole, strict=True):
                np.testing.assert_array_equal(got, want)


@every
def test_second_derivatives_of_the_wrong_shape_are_refused(name: str) -> None:
    acts, loss, params, batch = problem(13, "squared_error")
    number: Any = 0.0
    scalar = tanh._replace(d2f=lambda z, a: number)
    if name in BENT_ACTS:
        call = calls((scalar, *acts[1:]), loss, params, batch)[name]
        refuses((ValueError, "acts[0].d2f", "(7, 4)", "got ()"), call)
    if name in BENT_LOSS:
        narrow = loss._replace(d2f=lambda output, target, v: v[:, :1])
        call = calls(acts, narrow, params, batch)[name]
        refuses((ValueError, "loss.d2f", "(7, 2)", "got (7, 1)"), call)
    flat_df = loss._replace(df=lambda output, target: output[:, 0])
    if name in {"input_gradient", "per_example_norms", "clipped_sum", "hvp", "fisher_vp"}:
        refuses((ValueError, "loss.df", "(7, 2)"), calls(acts, flat_df, params, batch)[name])


@every
def test_no_rows_are_no_outputs_and_no_loss(name: str) -> None:
    acts, loss, params, _ = problem(14, "squared_error")
    call = calls(acts, loss, params, Batch(np.empty((0, 3)), np.empty((0, 2))))[name]
    if name in OF_OUTPUTS:
        assert {len(array) for array in leaves(call())} == {0}
    else:
        refuses((ValueError, "batch.x", "at least one row", "an empty batch"), call)


@every
def test_what_does_not_fit_is_refused_as_by_the_network(name: str) -> None:
    acts, loss, params, batch = problem(15, "squared_error")
    x = "x" if name in OF_OUTPUTS else "batch.x"
    wide = batch._replace(x=np.ones((7, 4)))
    refuses((ValueError, x, "(batch, 3)", "got (7, 4)"), calls(acts, loss, params, wide)[name])
    refuses((ValueError, "acts", "3 pairs"), calls(acts[:2], loss, params, batch)[name])
    text = batch._replace(x=batch.x.astype(str))
    refuses((TypeError, x, "real numbers"), calls(acts, loss, params, text)[name])
    if name not in OF_OUTPUTS:
        function: Any = loss.f
        refuses((TypeError, "loss", "Loss(f, df)"), calls(acts, function, params, batch)[name])
        narrow = batch._replace(y=batch.y[:, :1])
        refuses((ValueError, "batch.y", "(7, 2)"), calls(acts, loss, params, narrow)[name])
        negative = batch._replace(weight=-np.ones(7))
        refuses((ValueError, "batch.weight"), calls(acts, loss, params, negative)[name])


def test_directions_that_do_not_fit_are_refused() -> None:
    acts, loss, params, batch = problem(16, "squared_error")
    v = direction(16, params)
    wrong: Any = (v[0], v[2], v[1])
    refuses((ValueError, "tangent[1].w", "(4, 5)"), d.jvp, acts, params, batch.x, wrong)
    refuses((ValueError, "tangent", "3 layers"), d.jvp, acts, params, batch.x, v[:2])
    for times in (d.hvp, d.gauss_newton_vp, d.fisher_vp):
        refuses((ValueError, "vector[1].w", "(4, 5)"), times, acts, loss, params, batch, wrong)
        refuses((TypeError, "vector", "LayerGrad"), times, acts, loss, params, batch, flat(v))
    row = np.ones(3)
    refuses((ValueError, "x_tangent", "(7, 3)", "(3,)"), d.jvp, acts, params, batch.x, v, row)


@pytest.mark.parametrize("most", [0, -1.0, np.nan, np.inf])
def test_gradients_are_clipped_to_a_finite_length_above_0(most: float) -> None:
    with pytest.raises(ValueError, match="max_norm: expected a"):
        d.clipped_sum(*problem(17, "squared_error"), most)


def test_a_gradient_of_no_finite_length_is_not_clipped_but_named() -> None:
    acts, loss, params, batch = problem(18, "squared_error")
    y = batch.y.copy()
    y[4, 1] = np.nan
    with pytest.raises(ValueError, match=r"batch: expected .* finite length, got nan in row 4"):
        d.clipped_sum(acts, loss, params, batch._replace(y=y), 1.0)


def line_at(size: float, dtype: Any) -> tuple[Acts, Loss, Params, Batch]:
    """Three gradients (y, 0, 1) of lengths 5, 1 and 0 times `size`, and one of length 2^0.5."""
    slide = Loss(lambda o, y: (o * y).sum(-1), lambda o, y: y + 0 * o)
    zero = (Layer(np.zeros((1, 2), dtype), np.zeros(2, dtype)),)
    y = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0], [1.0 / size, 1.0 / size]]) * size
    return (identity,), slide, zero, Batch(np.zeros((4, 1)), y)


@pytest.mark.parametrize(
    ("size", "dtype"),
    [
        (1e-25, np.float32),
        (1e-21, np.float32),
        (1e20, np.float32),
        (1e160, np.float64),
        (1e-170, np.float64),
    ],
)
def test_lengths_are_right_where_their_squares_are_not_numbers(size: float, dtype: Any) -> None:
    given_ = line_at(size, dtype)
    tolerance = 8 * float(np.finfo(dtype).eps)
    expected = np.array([5 * size, size, 0.0, 2**0.5])
    norms = d.per_example_norms(*given_)
    assert norms.dtype == dtype
    np.testing.assert_allclose(norms, expected, rtol=tolerance)
    for row in range(2):
        x, y, _ = given_[3]
        one = Batch(x[row : row + 1], y[row : row + 1])
        clipped = flat(d.clipped_sum(*given_[:3], one, size / 2))
        assert np.linalg.norm(clipped / size) == pytest.approx(0.5, rel=tolerance)
        np.testing.assert_allclose(clipped[2:] / clipped[3], y[row] / y[row, 1], rtol=tolerance)


def test_a_wide_input_with_slopes_whose_squares_vanish_has_its_length() -> None:
    acts, loss, zero, batch = line_at(1e-24, np.float32)
    norms = d.per_example_norms(acts, loss, zero, batch._replace(x=np.full((4, 1), 1e15)))
    np.testing.assert_allclose(norms[:3], [5e-9, 1e-9, 0], rtol=1e-6)


def test_a_gradient_longer_than_float32_can_tell_is_clipped() -> None:
    acts, loss, zero, _ = line_at(1.0, np.float32)
    one = Batch(np.zeros((1, 1)), np.array([[3e38, 3e38]]))
    clipped = flat(d.clipped_sum(acts, loss, zero, one, 2.0))
    np.testing.assert_allclose(clipped, [0, 0, 2**0.5, 2**0.5], rtol=1e-6)


@pytest.mark.parametrize("most", [1e300, 1e-50])
def test_a_bound_beyond_float32_is_taken_as_it_is(most: float) -> None:
    acts, loss, zero, batch = line_at(1.0, np.float32)
    clipped = flat(d.clipped_sum(acts, loss, zero, batch, most))
    np.testing.assert_array_equal(clipped, [0, 0, 4, 6] if most > 1 else [0, 0, 0, 0])


def test_unsmooth_pairs_of_the_users_own_have_all_first_derivatives() -> None:
    """A pair (f, df) as people wrote it before d2f was there."""
    cube = Activation(lambda z: z**3, lambda z, a: 3 * z**2)
    fourth = Loss(lambda u, y: ((u - y) ** 4).sum(-1), lambda u, y: 4 * (u - y) ** 3)
    params = init(key(1), (2, 3, 1))
    batch = Batch(normal(key(2), (4, 2)), normal(key(3), (4, 1)))
    each = d.per_example_gradients((cube, cube), fourth, params, batch)
    _, mean = backprop((cube, cube), fourth, params, batch)
    for one, whole in zip(leaves(each), leaves(mean), strict=True):
        np.testing.assert_allclose(one.mean(0), whole, rtol=1e-12, atol=1e-14)
