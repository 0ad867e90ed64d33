"""Conjugate gradients, and SciPy's minimizers read as sequences of states."""

from __future__ import annotations

import sys
import threading
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

from fnn import Activation, Batch, Layer, Loss, backprop, forward, init, key, one_hot
from fnn.activations import identity, tanh
from fnn.base import Array
from fnn.derivatives import hvp, jacobian
from fnn.losses import poisson, softmax_cross_entropy, squared_error
from fnn.random import normal, uniform
from fnn.solvers import lbfgs, objective, scaled_conjugate_gradient
from fnn.tree import leaves, ravel
from tests.support.networks import standard
from tests.support.refusals import Expected, refuses

LINEAR, ACTS = (identity,), (tanh, identity)
WEIGHT = uniform(key(2), 40)
WEIGHT = WEIGHT / WEIGHT.mean()
DRAWN = normal(key(1), (40, 3))
X = standard(DRAWN, WEIGHT)  # so that the user's units are those of the solver, to rounding
Y = standard(np.stack([np.sin(DRAWN[:, 0]), DRAWN[:, 1] * DRAWN[:, 2]], axis=1), WEIGHT)
DATA = Batch(X, Y, WEIGHT)
PARAMS = init(key(0), (3, 4, 2))
LINE = init(key(0), (3, 2))
LABELS = Batch(X, one_hot((X[:, 0] > X[:, 1]).astype(int), 2))


def conjugate(
    acts: Any = ACTS,
    loss: Loss = squared_error,
    params: Any = PARAMS,
    data: Any = DATA,
    **options: Any,
) -> Any:
    return scaled_conjugate_gradient(acts, loss, params, data, **options)


def test_a_quadratic_takes_as_many_steps_as_it_has_params() -> None:
    *_, end = conjugate(LINEAR, params=LINE, min_grad=1e-6)
    # 8 params; the trust of 1e-6 keeps each step short of its minimum by so much.
    assert end.stop == "gradient"
    assert end.number <= 8
    root, design = np.sqrt(WEIGHT)[:, None], np.column_stack([X, np.ones(40)])
    solution = np.linalg.lstsq(root * design, root * Y)[0]
    np.testing.assert_allclose(np.vstack(end.params[0]), solution, atol=1e-5)


def transcription(steps: int) -> list[tuple[float, Array]]:
    """Moller's algorithm as he numbers it, with the exact Hessian, of the loss without units.

    That is the loss divided by 2: by that of the best constant, 1 for each standardized output.
    """
    w, unravel = ravel(PARAMS)
    as_grads = ravel(backprop(ACTS, squared_error, PARAMS, DATA)[1])[1]

    def error(w: Array) -> tuple[float, Array]:
        value, grads = backprop(ACTS, squared_error, unravel(w), DATA)
        return value / 2, ravel(grads)[0] / 2

    lam, lam_bar, success = 1e-6, 0.0, True
    p = r = -error(w)[1]
    found: list[tuple[float, Array]] = []
    k, delta = 1, 0.0
    while len(found) < steps:
        square = float(p @ p)
        if success:  # 2
            product = hvp(ACTS, squared_error, unravel(w), DATA, as_grads(p))
            delta = float(p @ ravel(product)[0]) / 2
        delta += (lam - lam_bar) * square  # 3
        if delta <= 0:  # 4
            lam_bar = 2 * (lam - delta / square)
            delta = -delta + lam * square
            lam = lam_bar
        mu = float(p @ r)  # 5
        there = w + mu / delta * p
        comparison = 2 * delta * (error(w)[0] - error(there)[0]) / mu**2  # 6
        if comparison >= 0:  # 7
            w, old = there, r
            r, lam_bar, success = -error(w)[1], 0.0, True
            p = r if k % len(w) == 0 else r + float(r @ r - r @ old) / mu * p
            k += 1
            if comparison >= 0.75:
                lam /= 4
            found.append((2 * error(w)[0], w))
        else:
            lam_bar, success = lam, False
        if comparison < 0.25:  # 8
            lam += delta * (1 - comparison) / square
    return found


def test_the_walk_is_that_of_moller() -> None:
    states = islice(conjugate(), 1, 61)  # past the restart after 26 steps, with rejected ones
    for state, (loss, w) in zip(states, transcription(60), strict=True):
        assert state.loss == pytest.approx(loss, rel=1e-6)  # rounding grows from step to step
        np.testing.assert_allclose(ravel(state.params)[0], w, rtol=1e-4, atol=1e-6)


def test_every_state_has_the_loss_and_the_gradient_of_backprop() -> None:
    for state in islice(conjugate(), 5):
        value, grads = backprop(ACTS, squared_error, state.params, DATA)
        assert state.loss == pytest.approx(value, rel=1e-14)
        # Without units: by the loss of the best constant, 1 for each standardized output.
        expected = np.linalg.norm(ravel(grads)[0]) / 2
        assert state.gradient_norm == pytest.approx(expected, rel=1e-12)


def test_any_loss_is_descended_and_never_rises() -> None:
    states = list(islice(conjugate(loss=softmax_cross_entropy, data=LABELS), 80))
    assert all(after.loss < before.loss for before, after in pairwise(states))
    assert [state.number for state in states] == list(range(len(states)))
    assert states[-1].loss < 0.01


def test_it_stalls_at_the_limit_of_rounding() -> None:
    *_, before, end = conjugate(LINEAR, params=LINE, min_grad=0.0)
    assert end.stop == "stalled"
    assert end._replace(stop=None) == before
    assert end.gradient_norm < 1e-6  # of a loss whose rounding, eps, hides slopes below its root


def test_steps_to_where_the_loss_is_not_finite_are_not_taken() -> None:
    exp = Activation(np.exp, lambda z, a: a, lambda z, a: a)
    params = (Layer(np.array([[0.0]]), np.array([0.0])),)
    data = Batch(np.array([[0.0], [700.0]]), np.array([[1e8], [1.0]]))
    states = list(islice(conjugate((exp,), params=params, data=data), 10))
    assert all(np.isfinite(state.loss) for state in states)
    assert states[-1].loss < states[0].loss


@pytest.mark.parametrize(
    ("size", "dtype"), [(1e80, np.float64), (1e15, np.float32), (1e10, np.float32)]
)
def test_squares_of_large_gradients_do_not_overflow(size: float, dtype: Any) -> None:
    x = size * np.linspace(-1, 1, 50)[:, None]
    line = init(key(0), (1, 1), dtype=dtype)
    states = list(conjugate(LINEAR, params=line, data=Batch(x, x), min_grad=0.0))
    assert states[-1].stop in ("gradient", "stalled")
    # The line y = x, but for rounding in the dtype: a residual is some eps of the target.
    assert states[-1].loss < (10 * float(np.finfo(dtype).eps) * size) ** 2


def test_a_steep_loss_is_descended_from_where_its_gradient_is_huge() -> None:
    steep = (Layer(np.array([[500.0]]), np.zeros(1)),)
    x = np.linspace(-1, 1, 50)[:, None]
    states = list(islice(conjugate(LINEAR, poisson, steep, Batch(x, np.exp(x))), 2000))
    assert states[0].loss > 1e200
    assert states[-1].stop == "gradient"
    assert float(states[-1].params[0].w[0, 0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_curvature_that_is_not_finite_ends_the_descent(value: float) -> None:
    loss = squared_error._replace(d2f=lambda output, target, v: np.full_like(v, value))
    first, end = conjugate(loss=loss)
    assert first.stop is None
    assert end == first._replace(stop="unmoved")


def test_a_step_to_where_the_gradient_is_not_finite_is_not_taken() -> None:
    cliff = Activation(
        lambda z: z + 0, lambda z, a: np.where(z > 0.5, np.inf, 1.0), lambda z, a: 0 * z
    )
    zero = (Layer(np.zeros((1, 1)), np.zeros(1)),)
    data = Batch(np.zeros((2, 1)), np.ones((2, 1)))
    states = list(islice(conjugate((cliff,), params=zero, data=data), 20))
    assert len(states) > 1
    assert all(np.isfinite(state.gradient_norm) for state in states)
    assert states[-1].params[0].b[0] <= 0.5


def test_trust_grows_again_after_any_number_of_good_steps() -> None:
    """With a linear loss lambda falls at each step, down to its lower bound."""
    slide = Loss(lambda o, y: 1e-20 * o.sum(-1), lambda o, y: 0 * o + 1e-20, lambda o, y, v: 0 * v)
    states = list(islice(conjugate(LINEAR, slide, LINE, min_grad=0.0), 800))
    assert len(states) == 800
    assert all(after.loss < before.loss for before, after in pairwise(states))


def test_float32_params_stay_float32() -> None:
    params = init(key(0), (3, 4, 2), dtype=np.float32)
    for walk in (conjugate(params=params), lbfgs(ACTS, squared_error, params, DATA)):
        first, *_, end = islice(walk, 20)
        assert {leaf.dtype for leaf in leaves(end.params)} == {np.dtype(np.float32)}
        assert end.loss < first.loss / 2


def test_lbfgs_gives_what_scipy_gives() -> None:
    fun, start, unravel = objective(ACTS, squared_error, PARAMS, DATA)
    walked: list[Array] = [start]
    # The loss by which fnn divides, that of the best constant, is 2 for two standardized outputs.
    options = {"maxcor": 7, "ftol": 0.0, "gtol": 2 * 0.03, "maxiter": 10_000}
    done = minimize(
        fun, start, jac=True, method="L-BFGS-B", callback=walked.append, options=options
    )
    states = list(lbfgs(ACTS, squared_error, PARAMS, DATA, memory=7, min_grad=0.03))
    assert [state.number for state in states] == [*range(len(walked)), len(walked) - 1]
    for state, vector in zip(states, walked, strict=False):
        np.testing.assert_allclose(ravel(state.params)[0], vector, rtol=1e-6, atol=1e-7)
    end = states[-1]
    assert end.stop == done.message
    assert all(state.stop is None for state in states[:-1])
    value, grads = backprop(ACTS, squared_error, unravel(done.x), DATA)
    assert end.loss == pytest.approx(value, rel=1e-6)
    assert end.gradient_norm == pytest.approx(np.linalg.norm(ravel(grads)[0]) / 2, rel=1e-3)


def test_lbfgs_works_only_while_a_state_is_asked_for_and_leaves_no_thread() -> None:
    calls = 0

    def f(output: Array, target: Array) -> Array:
        nonlocal calls
        calls += 1
        return squared_error.f(output, target)

    before = threading.active_count()
    states = lbfgs(ACTS, Loss(f, squared_error.df), PARAMS, DATA)
    assert threading.active_count() == before  # not begun
    next(states)
    next(states)
    so_far = calls
    assert threading.active_count() == before + 1
    list(islice(lbfgs(ACTS, squared_error, PARAMS, DATA), 3))
    assert calls == so_far
    thread = next(t for t in threading.enumerate() if t is not threading.main_thread())
    states.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert calls == so_far


def test_an_error_of_the_loss_reaches_who_asked() -> None:
    calls = 0

    def f(output: Array, target: Array) -> Array:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise ZeroDivisionError("my own")
        return squared_error.f(output, target)

    with pytest.raises(ZeroDivisionError, match="my own"):
        list(lbfgs(ACTS, Loss(f, squared_error.df), PARAMS, DATA))


def test_lbfgs_reads_the_errstate_of_who_asks() -> None:
    seen: list[str] = []

    def f(output: Array, target: Array) -> Array:
        seen.append(np.geterr()["under"])
        return squared_error.f(output, target)

    states = lbfgs(ACTS, Loss(f, squared_error.df), PARAMS, DATA)
    seen.clear()
    with np.errstate(under="warn"):
        list(islice(states, 3))
        states.close()
    assert set(seen) == {"warn"}


def test_lbfgs_computes_no_loss_twice() -> None:
    seen: list[bytes] = []

    def f(output: Array, target: Array) -> Array:
        seen.append(output.tobytes())
        return squared_error.f(output, target)

    states = lbfgs(ACTS, Loss(f, squared_error.df), PARAMS, DATA)
    seen.clear()  # of the start, which is checked at once
    assert len(list(islice(states, 12))) == 12
    states.close()
    assert len(set(seen)) == len(seen) >= 11


def test_another_minimizer_and_least_squares_take_the_same_vector() -> None:
    fun, start, unravel = objective(LINEAR, squared_error, LINE, Batch(X, Y))
    done = minimize(fun, start, jac=True, method="CG", options={"gtol": 1e-9})
    fitted = least_squares(
        lambda v: (forward(LINEAR, unravel(v), X) - Y).ravel(),
        start,
        lambda v: jacobian(LINEAR, unravel(v), X).reshape(80, -1),
        method="lm",
    )
    np.testing.assert_allclose(done.x, fitted.x, atol=1e-7)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"pip install 'fnn\[scipy\]'"):
        lbfgs(ACTS, squared_error, PARAMS, DATA)


BENT = Activation(np.tanh, lambda z, a: 1 - a * a)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"acts": (BENT, identity)}, (ValueError, "acts[0].d2f", "second derivative")),
        ({"loss": Loss(*squared_error[:2])}, (ValueError, "loss.d2f", "second derivative")),
        ({"loss": tanh}, (TypeError, "loss", "Loss(f, df)")),
        ({"batch": Batch(X[:0], Y[:0])}, (ValueError, "batch.x", "at least one row")),
        ({"batch": Batch(X, Y[:, :1])}, (ValueError, "batch.y", "(40, 2)")),
        ({"min_grad": -1.0}, (ValueError, "min_grad", "at least 0")),
    ],
)
def test_bad_input_is_refused_at_once(change: dict[str, Any], expected: Expected) -> None:
    arguments: dict[str, Any] = {
        "acts": ACTS,
        "loss": squared_error,
        "params": PARAMS,
        "batch": DATA,
    } | change
    refuses(expected, lambda: scaled_conjugate_gradient(**arguments))
    if "d2f" not in expected[1]:
        refuses(expected, lambda: lbfgs(**arguments))


def test_bad_options_of_lbfgs_are_refused_at_once() -> None:
    refuses(
        (ValueError, "memory", "at least 1"),
        lambda: lbfgs(ACTS, squared_error, PARAMS, DATA, memory=0),
    )


@pytest.mark.parametrize("solver", [scaled_conjugate_gradient, lbfgs])
def test_params_whose_loss_is_not_finite_are_refused(solver: Any) -> None:
    huge = (Layer(np.full((3, 2), 1e200), np.zeros(2)),)
    refuses((ValueError, "params", "finite loss", "inf"), solver, LINEAR, squared_error, huge, DATA)
