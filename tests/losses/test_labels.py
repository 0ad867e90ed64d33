"""The cross-entropy of class labels is that of their one-hot rows, and knows what a label is."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from fnn import Batch, backprop, fit, forward, init, key, one_hot, samples, scan, start, train_step
from fnn.activations import identity, tanh
from fnn.base import Array, Targets
from fnn.derivatives import fisher_vp, gauss_newton_vp, hvp, per_example_gradients
from fnn.losses import softmax_cross_entropy, softmax_cross_entropy_with_integer_labels
from fnn.optimizers import adam, sgd
from fnn.solvers import lbfgs, scaled_conjugate_gradient
from fnn.testing import check_gradients, check_loss
from fnn.tree import ravel
from tests.support.losses import logits
from tests.support.refusals import refuses

LABELED, ROWS = softmax_cross_entropy_with_integer_labels, softmax_cross_entropy
ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 5, 4))
X = np.random.default_rng(1).normal(size=(9, 3))
Y = np.arange(9) % 4
BATCH, HOT = Batch(X, Y), Batch(X, one_hot(Y, 4))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_it_is_the_cross_entropy_of_one_hot_rows(classes: int, dtype: Any) -> None:
    z = logits(dtype, classes)
    eps = float(np.finfo(dtype).eps)
    for label in (0, 1, classes - 1):
        y = np.full(len(z), label)
        hot, v = one_hot(y, classes, dtype), z[::-1].copy()
        with np.errstate(all="raise", under="ignore"):
            f, df, d2f = LABELED.f(z, y), LABELED.df(z, y), LABELED.d2f
            assert d2f is not None
            assert ROWS.d2f is not None
            hv, expected = d2f(z, y, v), ROWS.d2f(z, hot, v)
        assert f.dtype == df.dtype == hv.dtype == dtype
        # Two sums of `classes` terms in other orders, each within classes / 2 eps.
        np.testing.assert_allclose(f, ROWS.f(z, hot), rtol=(4 + classes) * eps)
        np.testing.assert_allclose(df, ROWS.df(z, hot), rtol=0, atol=(4 + classes) * eps)
        np.testing.assert_array_equal(hv, expected)


@pytest.mark.parametrize("z", [[np.inf, 0, np.inf], [-np.inf] * 3, [np.nan, 0, 1], [800, 0, -800]])
def test_infinite_logits_have_their_limits(z: list[float]) -> None:
    output = np.array(z)
    for i in range(3):
        label = np.array(i)
        hot = one_hot(label, 3)
        np.testing.assert_allclose(LABELED.f(output, label), ROWS.f(output, hot), rtol=1e-15)
        np.testing.assert_allclose(LABELED.df(output, label), ROWS.df(output, hot), rtol=1e-15)


def test_a_loss_next_to_certainty_keeps_its_digits() -> None:
    assert LABELED.f(np.array([50.0, 0.0]), np.array(0)) == pytest.approx(np.exp(-50), rel=1e-15)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int16, np.float64, np.float32, list])
def test_labels_of_any_numbers_give_the_same_gradient(kind: Any) -> None:
    y: Any = Y.tolist() if kind is list else Y.astype(kind)
    value, grads = backprop(ACTS, LABELED, PARAMS, Batch(X, y))
    expected, hot = backprop(ACTS, ROWS, PARAMS, HOT)
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(ravel(grads)[0], ravel(hot)[0], rtol=0, atol=1e-16)


def test_one_sample_has_one_label() -> None:
    value, grads = backprop(ACTS, LABELED, PARAMS, Batch(X[0], Y[0]))
    expected, hot = backprop(ACTS, ROWS, PARAMS, Batch(X[0], HOT.y[0]))
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(ravel(grads)[0], ravel(hot)[0], rtol=0, atol=1e-16)
    update = train_step(ACTS, LABELED, sgd(0.1))
    _, losses = scan(update, start(sgd(0.1), PARAMS), samples(BATCH))
    assert len(losses) == 9
    assert type(samples(BATCH)[1].y) is np.ndarray


@pytest.mark.parametrize("of", [hvp, gauss_newton_vp, fisher_vp, per_example_gradients])
def test_curvature_takes_labels(of: Any) -> None:
    v = () if of is per_example_gradients else (backprop(ACTS, ROWS, PARAMS, HOT)[1],)
    got, want = of(ACTS, LABELED, PARAMS, BATCH, *v), of(ACTS, ROWS, PARAMS, HOT, *v)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.w, b.w, rtol=1e-13, atol=1e-16)
        np.testing.assert_allclose(a.b, b.b, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("solver", [lbfgs, scaled_conjugate_gradient])
def test_solvers_take_labels(solver: Any) -> None:
    got = [state.loss for state in islice(solver(ACTS, LABELED, PARAMS, BATCH), 5)]
    want = [state.loss for state in islice(solver(ACTS, ROWS, PARAMS, HOT), 5)]
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_fit_learns_labels_and_measures_them() -> None:
    def accuracy(output: Array, target: Array) -> float:
        return float((output.argmax(-1) == target).mean())

    done = fit(
        ACTS,
        LABELED,
        adam(0.05),
        PARAMS,
        BATCH,
        key=key(1),
        batch_size=4,
        max_epochs=200,
        validation=BATCH,
        metric=accuracy,
    )
    assert done.history.metric[-1] == 1.0
    assert forward(ACTS, done.params, X).argmax(-1).tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("y", "parts"),
    [
        (np.where(Y == 2, 4, Y), ("0 to 3", "got 4 in row 2", "return_inverse")),
        (np.where(Y == 2, -1, Y), ("0 to 3", "got -1 in row 2")),
        (np.where(Y == 2, 0.5, Y), ("0 to 3", "got 0.5 in row 2")),
        (np.where(Y == 2, np.nan, Y), ("0 to 3", "got nan in row 2", "leave out the row")),
        (np.where(Y == 2, np.inf, Y), ("0 to 3", "got inf in row 2", "leave out the row")),
        (Y + 1, ("0 to 3", "got 4 in row 3", "y - 1")),
        (Y + 2**40, ("0 to 3", "in row 0")),
        (Y[:, None], ("(9,)", "got (9, 1)", "y.reshape(9,)")),
        (HOT.y, ("(9,)", "got (9, 4)", "y.argmax(-1)")),
        (Y[:5], ("(9,)", "got (5,)")),
    ],
)
def test_what_is_no_label_is_refused_by_row(y: Array, parts: tuple[str, ...]) -> None:
    batch = Batch(X, y)
    expected = (ValueError, "batch.y", *parts)
    vector = backprop(ACTS, ROWS, PARAMS, HOT)[1]
    refuses(expected, backprop, ACTS, LABELED, PARAMS, batch)
    refuses(expected, hvp, ACTS, LABELED, PARAMS, batch, vector)
    refuses(expected, per_example_gradients, ACTS, LABELED, PARAMS, batch)
    refuses(expected, lbfgs, ACTS, LABELED, PARAMS, batch)
    refuses(expected, scaled_conjugate_gradient, ACTS, LABELED, PARAMS, batch)


@pytest.mark.parametrize("label", [-1, 4, 1.5, np.nan])
def test_the_functions_themselves_refuse_what_is_no_label(label: float) -> None:
    z, y, d2f = np.zeros((2, 4)), np.array([0, label]), LABELED.d2f
    assert d2f is not None
    expected = (ValueError, "target", "0 to 3", "row 1")
    refuses(expected, LABELED.f, z, y)
    refuses(expected, LABELED.df, z, y)
    refuses(expected, d2f, z, y, z)


def test_a_loss_of_ones_own_may_declare_labels() -> None:
    own = LABELED._replace(targets=Targets(labels=True), logits=False, name=None)
    assert backprop(ACTS, own, PARAMS, BATCH)[0] == backprop(ACTS, LABELED, PARAMS, BATCH)[0]
    undeclared = own._replace(targets=None)
    refuses((ValueError, "batch.y", "(9, 4)", "one_hot"), backprop, ACTS, undeclared, PARAMS, BATCH)


def test_its_derivatives_are_checked_as_those_of_others() -> None:
    check_loss(LABELED)
    check_loss(LABELED, targets=[2, 0, 1])
    check_loss(LABELED, outputs=[0.5, -1.0, 2.0, 0.0])
    check_gradients(ACTS, LABELED, PARAMS, BATCH)
    check_gradients(ACTS, LABELED, PARAMS, Batch(X[0], Y[0]))
    wrong = LABELED._replace(df=lambda z, y: 2.0 * LABELED.df(z, y))
    with pytest.raises(AssertionError, match=r"loss\.df"):
        check_loss(wrong)


def test_weights_multiply_the_losses_of_labels() -> None:
    weight = np.arange(9.0)
    got, grads = backprop(ACTS, LABELED, PARAMS, BATCH._replace(weight=weight))
    want, hot = backprop(ACTS, ROWS, PARAMS, HOT._replace(weight=weight))
    assert got == pytest.approx(want, rel=1e-15)
    np.testing.assert_allclose(ravel(grads)[0], ravel(hot)[0], rtol=0, atol=1e-15)
