"""Levenberg and Marquardt's least squares walk as their formulas say, within their memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from fnn import Activation, Batch, Layer, Params, backprop, init, key
from fnn._core.masks import where
from fnn.activations import identity, relu, tanh
from fnn.base import Array
from fnn.derivatives import jacobian
from fnn.initializers import zeros
from fnn.losses import squared_error
from fnn.network import mean_loss
from fnn.random import normal, uniform
from fnn.solvers import LevenbergState, bayesian_regularization, levenberg_marquardt
from fnn.solvers._normal_equations import PEAK, problem
from fnn.tree import leaves, ravel
from tests.support.networks import standard
from tests.support.refusals import Expected, refuses

LINEAR = (identity,)
ACTS = (tanh, identity)
WEIGHT = uniform(key(2), 40)
WEIGHT = WEIGHT / WEIGHT.mean()
DRAWN = normal(key(1), (40, 3))
X = standard(DRAWN, WEIGHT)  # so that the user's units are those of the solver, to rounding
Y = standard(np.stack([np.sin(DRAWN[:, 0]), DRAWN[:, 1] * DRAWN[:, 2]], axis=1), WEIGHT)
DATA = Batch(X, Y, WEIGHT)
PARAMS = init(key(0), (3, 4, 2))
LINE = init(key(0), (3, 2), b_init=zeros)


def last(states: Any) -> Any:
    *_, state = states
    return state


def least_squares(data: Batch) -> Array:
    """[w; b] by LAPACK, for a linear network."""
    root = np.sqrt(np.ones(len(data.x)) if data.weight is None else data.weight)[:, None]
    design = np.column_stack([data.x, np.ones(len(data.x))])
    solution: Array = np.linalg.lstsq(root * design, root * data.y)[0]
    return solution


@pytest.mark.parametrize("data", [DATA, DATA._replace(weight=None)])
def test_a_linear_network_takes_one_step_to_the_least_squares(data: Batch) -> None:
    _, state = islice(levenberg_marquardt(LINEAR, LINE, data, mu=1e-14), 2)
    # The damping leaves 1e-14 of the way, and a condition number of 2, squared, some eps.
    solved = np.vstack(state.params[0])
    np.testing.assert_allclose(solved, least_squares(data), rtol=1e-13, atol=1e-14)


def test_every_state_has_the_loss_and_the_gradient_of_backprop() -> None:
    for state in islice(levenberg_marquardt(ACTS, PARAMS, DATA), 5):
        value, grads = backprop(ACTS, squared_error, state.params, DATA)
        # Sums of 80 residuals, and of 40 rows, in another order: some eps.
        assert state.loss == pytest.approx(value, rel=1e-14)
        assert state.gradient_norm == pytest.approx(np.linalg.norm(ravel(grads)[0]), rel=1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 40, 1000, None])
def test_the_normal_equations_are_those_of_the_whole_jacobian(chunk: int | None) -> None:
    task = problem(ACTS, PARAMS, DATA, None, chunk)
    normal = task.normal(task.units.start)
    rows, share = jacobian(ACTS, PARAMS, X), WEIGHT / WEIGHT.sum()
    residuals = np.einsum("nkp,n,nk->p", rows, share, mlp(PARAMS, X) - Y)
    np.testing.assert_allclose(normal.gradient, residuals, rtol=1e-12, atol=1e-15)
    curvature = np.einsum("nkp,n,nkq->pq", rows, share, rows)
    np.testing.assert_allclose(normal.curvature, curvature, rtol=1e-12, atol=1e-15)


def mlp(params: Params, x: Array) -> Array:
    (w, b), (v, c) = params
    output: Array = np.tanh(x @ w + b) @ v + c
    return output


def reference(params: Params, data: Batch, mu: float, penalty: float, steps: int) -> list[Any]:
    """Nielsen's Algorithm 3.16 with More's scaling, by the whole Jacobian and a general solver."""
    assert data.weight is not None
    theta, unravel = ravel(params)
    root = np.sqrt(data.weight / data.weight.sum())
    scale = np.zeros(len(theta))

    def cost(theta: Array) -> float:
        r = root[:, None] * (mlp(unravel(theta), data.x) - data.y)
        return float((r * r).sum() + penalty * theta @ theta)

    found = []
    for _ in range(steps):
        rows = root[:, None, None] * jacobian(ACTS, unravel(theta), data.x)
        rows = rows.reshape(-1, len(theta))
        r = (root[:, None] * (mlp(unravel(theta), data.x) - data.y)).ravel()
        half = rows.T @ r + penalty * theta
        scale, nu = np.maximum(scale, np.diag(rows.T @ rows)), 2
        while True:
            damped = rows.T @ rows + np.diag(penalty + mu * scale)
            step = np.linalg.solve(damped, -half)
            gain = (cost(theta) - cost(theta + step)) / (step @ (mu * scale * step - half))
            if gain > 0:
                break
            mu, nu = mu * nu, nu * 2
        theta, mu = theta + step, mu * max(1 / 3, 1 - (2 * gain - 1) ** 3)
        found.append((cost(theta) - penalty * theta @ theta, mu, theta))
    return found


@pytest.mark.parametrize("penalty", [0.0, 0.01])
@pytest.mark.parametrize("mu", [1e-2, 1e-8])  # from the small one, steps are rejected in a row
def test_the_walk_is_that_of_a_plain_transcription(mu: float, penalty: float) -> None:
    states = levenberg_marquardt(ACTS, PARAMS, DATA, mu=mu, penalty=penalty)
    expected = reference(PARAMS, DATA, mu, penalty, 8)
    for state, (loss, damping, theta) in zip(islice(states, 1, 9), expected, strict=True):
        # Rounding, by eps times a condition of up to 1 / mu, grows from step to step.
        assert state.loss == pytest.approx(loss, rel=1e-6)
        assert state.mu == pytest.approx(damping, rel=1e-4)
        np.testing.assert_allclose(ravel(state.params)[0], theta, rtol=1e-5, atol=1e-7)


def test_steps_are_rejected_on_the_walk_that_is_compared() -> None:
    states = list(islice(levenberg_marquardt(ACTS, PARAMS, DATA, mu=1e-8), 9))
    assert any(after.mu > 2 * before.mu for before, after in pairwise(states))


def test_the_loss_never_rises_and_numbers_count_the_steps() -> None:
    states = list(islice(levenberg_marquardt(ACTS, PARAMS, DATA), 60))
    assert [state.number for state in states] == list(range(60))
    assert all(after.loss < before.loss for before, after in pairwise(states))
    assert states[-1].loss < states[0].loss / 20


def test_the_start_comes_first_and_is_a_copy() -> None:
    params = tuple(Layer(w.copy(), b.copy()) for w, b in PARAMS)
    states = levenberg_marquardt(ACTS, params, DATA)
    params[0].w[:] = 0
    first, second = islice(states, 2)
    assert first.number == 0
    assert first.stop is None
    for a, b in zip(leaves(first.params), leaves(PARAMS), strict=True):
        assert a.tobytes() == b.tobytes()
    assert not any(leaf.flags.writeable for leaf in leaves(second.params))


def test_integer_weights_are_repeated_rows() -> None:
    times = np.arange(40) % 4
    repeated = Batch(X.repeat(times, axis=0), Y.repeat(times, axis=0))
    weighted = Batch(X, Y, times.astype(float))
    pairs = zip(
        islice(levenberg_marquardt(ACTS, PARAMS, weighted), 6),
        islice(levenberg_marquardt(ACTS, PARAMS, repeated), 6),
        strict=True,
    )
    for a, b in pairs:
        assert a.loss == pytest.approx(b.loss, rel=1e-9)  # rounding, grown by five solves
        assert a.mu == pytest.approx(b.mu, rel=1e-6)


def test_units_of_the_inputs_do_not_matter() -> None:
    (w, b), output = PARAMS
    unit = np.array([[1.0], [2.0**20], [2.0**-20]])  # powers of 2 are exact
    scaled = Batch(X / unit.T, Y, WEIGHT)
    a = list(islice(levenberg_marquardt(ACTS, PARAMS, DATA), 12))
    z = list(islice(levenberg_marquardt(ACTS, (Layer(w * unit, b), output), scaled), 12))
    np.testing.assert_allclose([s.loss for s in z], [s.loss for s in a], rtol=1e-6)


def test_the_number_of_rows_at_a_time_changes_nothing_but_rounding() -> None:
    walks = [
        [state.loss for state in islice(levenberg_marquardt(ACTS, PARAMS, DATA, chunk=chunk), 9)]
        for chunk in (1, 6, 40)
    ]
    np.testing.assert_allclose(walks[0], walks[2], rtol=1e-9)  # rounding, grown by eight solves
    np.testing.assert_allclose(walks[1], walks[2], rtol=1e-9)


def test_where_the_mask_is_false_every_bit_is_kept() -> None:
    b = np.array([-0.0, 5e-324, 0.3, -0.7])
    w = PARAMS[0].w.copy()
    w[1] = -0.0
    params = (Layer(w, b), PARAMS[1])
    free = np.array([[True] * 4, [False] * 4, [True] * 4])
    end = last(islice(levenberg_marquardt(ACTS, params, DATA, mask=((free, False), True)), 9))
    assert end.params[0].b.tobytes() == b.tobytes()
    assert end.params[0].w[1].tobytes() == w[1].tobytes()
    assert (end.params[0].w[free[:, 0]] != w[free[:, 0]]).all()


@pytest.mark.parametrize("free", [(True, False), (False, True)])
def test_masked_steps_reach_the_least_squares_of_what_is_free(free: tuple[bool, bool]) -> None:
    data = Batch(3 * DRAWN + 1, 2 * Y + 1, WEIGHT)
    _, state = islice(levenberg_marquardt(LINEAR, LINE, data, mask=(free,), mu=1e-14), 2)
    root = np.sqrt(WEIGHT)[:, None]
    w: Array
    b: Array
    w, b = LINE[0]
    if free[0]:
        w = np.linalg.lstsq(root * data.x, root * (data.y - b))[0]
    else:
        b = np.average(data.y - data.x @ w, axis=0, weights=WEIGHT)
    np.testing.assert_allclose(state.params[0].w, w, rtol=1e-12)
    np.testing.assert_allclose(state.params[0].b, b, rtol=1e-12)
    _, grads = backprop(LINEAR, squared_error, state.params, data)
    assert state.gradient_norm < 1e-12 < np.linalg.norm(grads[0][free[0]])  # of the free ones


def test_nothing_moves_if_nothing_is_free() -> None:
    (state,) = levenberg_marquardt(ACTS, PARAMS, DATA, mask=(False, False))
    assert state.stop == "gradient"
    assert state.gradient_norm == 0.0


def test_it_stops_at_the_goal() -> None:
    states = list(levenberg_marquardt(ACTS, PARAMS, DATA, goal=0.1))
    assert [state.stop for state in states[:-1]] == [None] * (len(states) - 1)
    assert states[-1].stop == "goal"
    assert states[-1].loss <= 0.1 < states[-2].loss
    *_, end = levenberg_marquardt(ACTS, PARAMS, DATA, goal=states[3].loss)
    assert end.number == 3  # reached is enough


def test_it_stops_where_the_gradient_is_small() -> None:
    states = list(levenberg_marquardt(LINEAR, LINE, DATA, min_grad=1e-9))
    assert states[-1].stop == "gradient"
    assert states[-1].gradient_norm <= 1e-9 < states[-2].gradient_norm


def test_it_stops_where_no_step_lowers_the_loss() -> None:
    *_, before, end = levenberg_marquardt(
        LINEAR, LINE, DATA._replace(y=X[:, :2] / 3 + 1), min_grad=0.0
    )
    assert end.stop == "mu"
    assert end.mu > 1e10
    assert end._replace(stop=None, mu=before.mu) == before  # the same point, said once more
    assert end.loss < 1e-28  # at the limit of rounding: squares of eps


def test_a_damping_of_nearly_nothing_can_grow_again() -> None:
    *_, end = levenberg_marquardt(LINEAR, LINE, DATA, min_grad=0.0, mu=5e-324)
    assert end.stop == "mu"
    assert 1e10 < end.mu < np.inf


def test_a_penalty_is_descended_with_the_loss() -> None:
    end = last(levenberg_marquardt(LINEAR, LINE, DATA, penalty=0.3, min_grad=1e-12))
    design = np.column_stack([X, np.ones(40)])
    share = (WEIGHT / WEIGHT.sum())[:, None]
    ridge = np.linalg.solve(design.T @ (share * design) + 0.3 * np.eye(4), design.T @ (share * Y))
    # The bias of standardized data is 0 but for rounding.
    np.testing.assert_allclose(np.vstack(end.params[0]), ridge, rtol=1e-10, atol=1e-15)
    assert end.loss == pytest.approx(mean_loss(LINEAR, squared_error, end.params, DATA), rel=1e-14)


def test_it_stops_after_failures_in_a_row_to_lower_the_validation_loss() -> None:
    x = np.linspace(-1, 1, 30)[:, None]
    resets = 0
    for seed in range(6):
        noise = normal(key(seed), (2, *x.shape))
        noisy, held_out = Batch(x, np.sin(3 * x) + 0.3 * noise[0]), Batch(x, 0.3 * noise[1])
        held_out = held_out._replace(y=held_out.y + np.sin(3 * x))
        states: list[LevenbergState[np.float64]] = list(
            levenberg_marquardt(
                ACTS, init(key(5), (1, 12, 1)), noisy, validation=held_out, max_fail=3
            )
        )
        losses = np.array([state.validation for state in states], float)
        assert states[-1].stop == "validation"
        best = int(np.argmin(losses))
        assert best == len(losses) - 4
        lowered = losses == np.minimum.accumulate(losses)
        resets += int(np.count_nonzero(lowered[1:] & ~lowered[:-1]))
        found = mean_loss(ACTS, squared_error, states[best].params, held_out)
        assert losses[best] == pytest.approx(found, rel=1e-12)
    assert resets > 0  # some failures were made good


def test_without_validation_data_there_is_no_validation_loss() -> None:
    assert next(levenberg_marquardt(ACTS, PARAMS, DATA)).validation is None


def test_float32_params_stay_float32_and_are_fitted_as_far_as_they_go() -> None:
    params = init(key(0), (3, 12, 2), dtype=np.float32)
    end = last(islice(levenberg_marquardt(ACTS, params, Batch(X, np.sin(X[:, :2]))), 300))
    assert {leaf.dtype for leaf in leaves(end.params)} == {np.dtype(np.float32)}
    assert end.loss < 1e-6


def test_fewer_residuals_than_params_are_fitted_exactly() -> None:
    few = Batch(X[:5], Y[:5])
    end = last(levenberg_marquardt(ACTS, init(key(0), (3, 8, 2)), few, goal=1e-20, min_grad=0.0))
    assert end.stop == "goal"  # 10 residuals, 50 params: the damping chooses


def test_params_that_nothing_depends_on_stay() -> None:
    (w, b), output = init(key(0), (3, 6, 2))
    dead = Layer(w, np.where(np.arange(6) == 2, -1e3, b))
    end = last(islice(levenberg_marquardt((relu, identity), (dead, output), DATA), 20))
    assert end.loss < mean_loss((relu, identity), squared_error, (dead, output), DATA) / 2
    assert end.params[0].w[:, 2].tobytes() == w[:, 2].tobytes()
    assert end.params[1].w[2].tobytes() == output.w[2].tobytes()


def test_a_curvature_of_rank_one_does_not_raise() -> None:
    twice = Batch(np.ones((6, 2)), np.arange(6.0)[:, None])  # w[0], w[1] and b do the same
    # From so little damping, the first matrices have no Cholesky factor: their pivots are 0.
    end = last(levenberg_marquardt(LINEAR, init(key(0), (2, 1)), twice, mu=1e-30))
    assert end.stop == "gradient"
    assert end.loss == pytest.approx(np.var(np.arange(6.0)), rel=1e-12)


def test_steps_to_where_the_loss_is_not_finite_are_not_taken() -> None:
    exp = Activation(np.exp, lambda z, a: a)
    steep = (Layer(np.array([[1.0]]), np.array([-4.0])), Layer(np.array([[1.0]]), np.zeros(1)))
    data = Batch(np.array([[0.0], [400.0]]), np.array([[5e8], [1.0]]))
    start = (Layer(np.array([[0.0]]), np.array([0.0])), steep[1])
    states = list(islice(levenberg_marquardt((exp, identity), start, data, mu=1e-12), 20))
    assert all(np.isfinite(state.loss) for state in states)
    assert len(states) > 1


def test_steps_to_where_the_curvature_is_not_finite_are_not_taken() -> None:
    cliff = Activation(lambda z: z + 0, lambda z, a: np.where(z > 0.5, 1e200, 1.0))
    zero = (Layer(np.zeros((1, 1)), np.zeros(1)),)
    data = Batch(np.zeros((2, 1)), np.ones((2, 1)))
    states = list(islice(levenberg_marquardt((cliff,), zero, data), 20))
    assert len(states) > 1
    assert all(np.isfinite(state.gradient_norm) for state in states)
    assert states[-1].params[0].b[0] <= 0.5


def test_a_validation_loss_that_equals_the_least_is_no_success() -> None:
    """Of data with no part in the fit: x = 0 and a mask on b leave its loss what it was."""
    held_out = Batch(np.zeros((2, 3)), np.ones((2, 2)))
    mask = ((True, False),)
    states = list(
        levenberg_marquardt(LINEAR, LINE, DATA, validation=held_out, max_fail=2, mask=mask, mu=1.0)
    )
    assert len({state.validation for state in states}) == 1
    assert [state.stop for state in states] == [None, None, "validation"]


@pytest.mark.parametrize("solver", [levenberg_marquardt, bayesian_regularization])
def test_a_curvature_that_is_not_finite_is_refused(solver: Any) -> None:
    steep = Activation(lambda z: z + 0, lambda z, a: np.full_like(z, 1e200))
    refuses((ValueError, "params", "curvature", "inf", "scaled data"), solver, (steep,), LINE, DATA)


def test_params_whose_loss_is_not_finite_are_refused() -> None:
    huge = (Layer(np.full((3, 2), 1e200), np.zeros(2)),)
    refuses((ValueError, "params", "finite loss", "inf"), levenberg_marquardt, LINEAR, huge, DATA)


def peak_of_a_step(states: Iterator[Any]) -> int:
    """Bytes at most in use at once, beyond those of the state before it."""
    next(states)
    tracemalloc.start()
    try:
        next(states)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_with_the_chunk_and_not_with_the_rows() -> None:
    n, width = 20_000, 16
    params = init(key(0), (4, width, 1))
    size = ravel(params)[0].size  # 97: all rows would take 15.5 MB
    data = Batch(normal(key(1), (n, 4)), normal(key(2), (n, 1)))
    states = levenberg_marquardt(ACTS, params, data, chunk=500)
    peak = peak_of_a_step(states)
    # Six P^2, the chunk's share of layers (z, a, df and temporaries), and roots of the weights.
    assert peak < 8 * (8 * size**2 + 500 * 8 * width + 3 * n)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"data": Batch(X[:0], Y[:0])}, (ValueError, "data.x", "at least one row")),
        ({"data": X}, (TypeError, "data", "Batch(x, y)")),
        ({"data": Batch(X[0], Y[0])}, (ValueError, "data.x", "(3,)", "reshape")),
        ({"data": Batch(X[:, :2], Y)}, (ValueError, "data.x", "(40, 2)")),
        ({"data": Batch(X, Y[:, :1])}, (ValueError, "data.y", "(40, 2)", "(40, 1)")),
        ({"data": Batch(X, Y[:-1])}, (ValueError, "data.y", "40 rows", "39")),
        ({"data": Batch(X, Y, WEIGHT - 1)}, (ValueError, "data.weight", "at least 0")),
        ({"data": Batch(np.where(X > 1, np.nan, X), Y)}, (ValueError, "data.x", "nan", "row")),
        ({"data": Batch(X, np.where(Y > 0.9, np.inf, Y))}, (ValueError, "data.y", "inf", "row")),
        ({"params": PARAMS[0]}, (TypeError, "params", "(Layer(w, b),)")),
        ({"acts": LINEAR}, (ValueError, "acts", "2 pairs", "1")),
        ({"validation": Batch(X, Y[:, :1])}, (ValueError, "validation.y", "(40, 2)")),
        ({"validation": Batch(X[:, :1], Y)}, (ValueError, "validation.x", "(40, 1)")),
        ({"validation": Batch(X, Y * np.nan)}, (ValueError, "validation.y", "known", "got none")),
        ({"data": Batch(X, Y * np.nan)}, (ValueError, "data.y", "known", "got none")),
        ({"data": Batch(1e-10 * X + 1e6, Y)}, (ValueError, "data.x", "resolves", "column 0")),
        ({"data": Batch(X, 1e-10 * Y + 1e6)}, (ValueError, "data.y", "resolves", "subtract")),
        ({"max_steps": -1}, (ValueError, "max_steps", "at least 0")),
        ({"validation": Batch(X, 1e200 * Y)}, (ValueError, "validation", "finite loss", "inf")),
        ({"validation": X}, (TypeError, "validation", "Batch(x, y)")),
        ({"goal": -1.0}, (ValueError, "goal", "at least 0")),
        ({"min_grad": np.nan}, (ValueError, "min_grad", "finite")),
        ({"mu": 0.0}, (ValueError, "mu", "above 0")),
        ({"mu": 2.0, "mu_max": 1.0}, (ValueError, "mu", "at most mu_max, 1.0", "2.0")),
        ({"mu_max": "big"}, (TypeError, "mu_max", "a number")),
        ({"max_fail": 0}, (ValueError, "max_fail", "at least 1")),
        ({"penalty": -0.1}, (ValueError, "penalty", "at least 0")),
        ({"chunk": 0}, (ValueError, "chunk", "at least 1")),
        ({"chunk": 2.5}, (ValueError, "chunk", "whole number")),
        ({"mask": (True,)}, (ValueError, "mask", "2 entries")),
        ({"mask": [True, True]}, (TypeError, "mask", "a tuple")),
        ({"mask": ((np.array([True]), True), True)}, (ValueError, "mask[0].w", "(3, 4)")),
    ],
)
def test_bad_input_is_refused_at_once(change: dict[str, Any], expected: Expected) -> None:
    arguments: dict[str, Any] = {"acts": ACTS, "params": PARAMS, "data": DATA} | change
    refuses(expected, lambda: levenberg_marquardt(**arguments))


def test_a_step_takes_no_more_matrices_than_were_asked_for() -> None:
    params = init(key(0), (4, 50, 1))
    size = ravel(params)[0].size
    states = levenberg_marquardt(ACTS, params, Batch(normal(key(1), (20, 4)), np.ones((20, 1))))
    peak = peak_of_a_step(states)
    assert peak < PEAK * 8 * size**2


def test_a_few_free_params_of_a_network_with_many_are_fitted() -> None:
    """Memory is asked for by the 101 free params alone: P^2 would be 873 GB."""
    params = init(key(0), (800, 400, 100, 1))
    assert ravel(params)[0].size == 360_601
    y = standard(normal(key(2), (30, 1)))
    data = Batch(standard(normal(key(1), (30, 800))), y)
    mask = (False, False, True)
    three = (tanh, tanh, identity)
    task = problem(three, params, data, mask, None)
    assert task.buffer.shape == (30, 1, 101)
    end = last(levenberg_marquardt(three, params, data, mask=mask, goal=1e-12, min_grad=0.0))
    assert end.stop == "goal"
    first = np.zeros((800, 400), bool)
    first[:7, 5] = True  # of the first layer: all rows are formed, a few at a time
    task = problem(three, params, data, ((first, False), False, False), None)
    assert task.buffer.shape == (1, 1, 360_601)
    everything = jacobian(three, params, data.x)[:, 0, : 800 * 400].reshape(30, 800, 400)
    some = everything[:, :7, 5]
    curvature = some.T @ some / 30
    found = task.normal(task.units.start).curvature
    np.testing.assert_allclose(found, curvature, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_normal_equations_of_any_one_layer_are_a_part_of_all(layer: int) -> None:
    params, three = init(key(3), (3, 4, 5, 2)), (tanh, tanh, identity)
    mask = tuple(i == layer for i in range(3))
    free = ~where(mask).false(params)
    some, every = problem(three, params, DATA, mask, 7), problem(three, params, DATA, None, None)
    part, whole = some.normal(some.units.start), every.normal(every.units.start)
    np.testing.assert_allclose(part.gradient, whole.gradient[free], rtol=1e-12, atol=1e-15)
    expected = whole.curvature[np.ix_(free, free)]
    np.testing.assert_allclose(part.curvature, expected, rtol=1e-12, atol=1e-15)


def test_normal_equations_beyond_the_memory_are_refused_with_their_size() -> None:
    wide = Batch(np.zeros((1, 1)), np.zeros((1, 1)))
    params = init(key(0), (1, 700_000, 1))
    refuses(
        (ValueError, "params", "(7, 2100001, 2100001)", "TB", "scaled_conjugate_gradient"),
        levenberg_marquardt,
        ACTS,
        params,
        wide,
    )
