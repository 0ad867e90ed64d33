"""Bad input gets an error that names the argument, what was expected, what came, and the remedy."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pytest

from fnn import (
    Activation,
    Batch,
    Layer,
    LayerGrad,
    Loss,
    Optimizer,
    State,
    apply_updates,
    backprop,
    forward,
    init,
    initializers,
    key,
    minibatches,
    one_hot,
    samples,
    start,
    step,
    trace,
    train_step,
    vjp,
)
from fnn.activations import identity, tanh
from fnn.data import chunked
from fnn.losses import huber, squared_error
from fnn.optimizers import SgdState, adam, chain, masked, scale, sgd
from fnn.random import fold_in, normal, permutation, split, uniform
from fnn.train import epochs
from tests.support.refusals import Expected, refuses

pd: Any = importlib.import_module("pandas")  # it comes without types

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 4, 2))
FIRST, SECOND = PARAMS
GRADS = tuple(LayerGrad(w, b) for w, b in PARAMS)
X = np.array([[0.0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]])
Y = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0], [1, 1]])
DATA = Batch(X, Y)
UPDATE = train_step(ACTS, squared_error, sgd(0.1))
STATE = start(sgd(0.1), PARAMS)


def each(cases: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("bad", "expected"), [(bad, expected) for bad, *expected in cases.values()], ids=cases
    )


def layer(w: Any, b: Any) -> Any:
    return Layer(w, b)


def taught(acts: Any, params: Any, x: Any, y: Any = Y, weight: Any = None) -> Any:
    update = train_step(acts, squared_error, sgd(0.1))
    return update(State(params, SgdState(0)), Batch(x, y, weight))


def propagated(acts: Any, params: Any, x: Any, y: Any = Y, weight: Any = None) -> Any:
    return backprop(acts, squared_error, params, Batch(x, y, weight))


on_networks = pytest.mark.parametrize("f", [forward, trace, vjp, propagated, taught])
on_batches = pytest.mark.parametrize("f", [propagated, taught])


@on_networks
@each(
    {
        "too few": ((tanh,), ValueError, "acts", "2 pairs", "got 1", "activations.identity"),
        "too many": ((tanh,) * 3, ValueError, "acts", "2 pairs", "got 3"),
        "none": ((), ValueError, "acts", "2 pairs", "got 0"),
        "a list": ([tanh, identity], TypeError, "acts", "a tuple", "a list of 2", "tuple(acts)"),
        "a pair alone": (tanh, TypeError, "acts", "a tuple", "got Activation", "(pair,)"),
        "a ufunc alone": (np.tanh, TypeError, "acts", "the function tanh"),
        "a ufunc": ((np.tanh, tanh), TypeError, "acts[0]", "Activation(f, df)", "function tanh"),
        "a lambda": ((tanh, lambda z: z), TypeError, "acts[1]", "Activation(f, df)", "<lambda>"),
        "a name": ((tanh, "tanh"), TypeError, "acts[1]", "Activation(f, df)", "str 'tanh'"),
        "a name alone": ("tanh", TypeError, "acts", "str 'tanh'"),
        "a plain tuple": ((tanh, tuple(tanh)), TypeError, "acts[1]", "a tuple of 5"),
        "a loss": ((tanh, squared_error), TypeError, "acts[1]", "Activation(f, df)", "got Loss"),
        "a class": ((tanh, Activation), TypeError, "acts[1]", "the class Activation"),
        "params": (PARAMS, TypeError, "acts[0]", "Activation(f, df)", "got Layer"),
        "an array": (X, TypeError, "acts", "an array (5, 3) of float64"),
        "None": (None, TypeError, "acts", "NoneType"),
    }
)
def test_activations_that_do_not_fit(f: Any, bad: Any, expected: Expected) -> None:
    refuses(expected, f, bad, PARAMS, X)


CALLS_OF_PARAMS: dict[str, Callable[[Any], Any]] = {
    "forward": lambda bad: forward(ACTS, bad, X),
    "trace": lambda bad: trace(ACTS, bad, X),
    "vjp": lambda bad: vjp(ACTS, bad, X),
    "backprop": lambda bad: backprop(ACTS, squared_error, bad, DATA),
    "start": lambda bad: start(sgd(0.1), bad),
    "step": lambda bad: step(bad, GRADS, 0.1),
    "apply": lambda bad: apply_updates(bad, GRADS),
}


class Two(NamedTuple):
    """A tree of one's own: a network, and something beside it."""

    net: Any
    slope: Any


@each(
    {
        "a float": (1.0, TypeError, "params", "a tuple of Layer(w, b)", "float 1.0", "fnn.init"),
        "None": (None, TypeError, "params", "a tuple of Layer(w, b)", "NoneType"),
        "no layers": ((), TypeError, "params", "a tuple of Layer(w, b)", "a tuple of 0"),
        "a list": (list(PARAMS), TypeError, "params", "a list of 2", "tuple(layers)"),
        "an iterator": (iter(PARAMS), TypeError, "params", "tuple_iterator"),
        "a dict": ({"w": X}, TypeError, "params", "a dict of 1"),
        "a state": (STATE, TypeError, "params", "got State"),
        "a batch": (DATA, TypeError, "params", "got Batch"),
        "pairs": (ACTS, TypeError, "params[0]", "a Layer(w, b)", "got Activation"),
        "gradients": (GRADS, TypeError, "params[0]", "Layer(w, b)", "LayerGrad", "before grads"),
        "numbers": (
            (layer(1.0, 0.0), SECOND),
            *(TypeError, "params[0].w", "an array of floats", "float 1.0"),
        ),
        "lists": (
            (FIRST, layer(SECOND.w.tolist(), SECOND.b)),
            *(TypeError, "params[1].w", "an array of floats", "a list of 4", "np.asarray"),
        ),
        "ints": (
            (FIRST, layer(SECOND.w, np.zeros(2, int))),
            *(TypeError, "params[1].b", "floats", "(2,) of int64", "np.asarray"),
        ),
        "complex": (
            (layer(FIRST.w + 0j, FIRST.b), SECOND),
            *(TypeError, "params[0].w", "floats", "complex128"),
        ),
        "objects": ((layer(FIRST.w.astype(object), FIRST.b), SECOND), TypeError, "params[0].w"),
        "strings": ((layer(FIRST.w.astype(str), FIRST.b), SECOND), TypeError, "params[0].w"),
        "swapped bytes": (
            tuple(layer(w.astype(">f8"), b.astype(">f8")) for w, b in PARAMS),
            *(TypeError, "params[0].w", "byte order", ">f8", "np.asarray(..., dtype=float)"),
        ),
        "a float32 layer": (
            (FIRST, layer(SECOND.w.astype(np.float32), SECOND.b)),
            *(TypeError, "params[1].w", "float64 like params[0].w", "float32", "one dtype"),
        ),
        "a float32 bias": (
            (layer(FIRST.w, FIRST.b.astype(np.float32)), SECOND),
            *(TypeError, "params[0].b", "float64 like params[0].w", "float32", "one dtype"),
        ),
        "a broken chain": (
            (FIRST, layer(np.ones((5, 2)), SECOND.b)),
            *(ValueError, "params[1].w", "4 rows to match params[0] with 4 outputs", "got (5, 2)"),
        ),
        "layers reversed": ((SECOND, FIRST), ValueError, "params[1].w", "2 rows", "got (3, 4)"),
        "w of rank 1": ((layer(np.ones(4), FIRST.b), SECOND), ValueError, "params[0].w", "(4,)"),
        "w of rank 3": ((layer(FIRST.w[None], FIRST.b), SECOND), ValueError, "params[0].w"),
        "w transposed": (
            (layer(FIRST.w.T, FIRST.b), SECOND),
            *(ValueError, "params[0].b", "(3,) to match params[0].w (4, 3)", "got (4,)"),
        ),
        "a short bias": ((FIRST, layer(SECOND.w, np.ones(1))), ValueError, "params[1].b", "(1,)"),
        "a bias row": ((FIRST, layer(SECOND.w, SECOND.b[None])), ValueError, "params[1].b"),
        "a bias number": ((FIRST, layer(SECOND.w, np.array(1.0))), ValueError, "params[1].b"),
    }
)
@pytest.mark.parametrize("f", CALLS_OF_PARAMS)
def test_params_that_do_not_fit(f: str, bad: Any, expected: Expected) -> None:
    refuses(expected, CALLS_OF_PARAMS[f], bad)


@each(
    {
        "an array": (X, TypeError, "params", "a tuple of Layer(w, b)", "an array (5, 3)"),
        "a layer alone": (FIRST, TypeError, "params", "got Layer", "(Layer(w, b),)"),
        "plain tuples": (
            (tuple(FIRST), SECOND),
            *(TypeError, "params[0]", "a Layer(w, b)", "a tuple of 2"),
        ),
        "w and b": ((FIRST.w, FIRST.b), TypeError, "params[0]", "Layer(w, b)", "an array (3, 4)"),
    }
)
@pytest.mark.parametrize("f", ["forward", "trace", "vjp", "backprop", "step"])
def test_trees_that_are_no_networks_params(f: str, bad: Any, expected: Expected) -> None:
    """Optimizers take them, as they take any tree of floating arrays."""
    refuses(expected, CALLS_OF_PARAMS[f], bad)
    assert start(sgd(0.1), bad).opt == SgdState(0)


@each(
    {
        "an int beside layers": (
            (FIRST, 1),
            *(TypeError, "params[1]", "an array of floats", "int 1", "np.asarray"),
        ),
        "a list of networks": (
            ([PARAMS, PARAMS], X),
            *(TypeError, "params[0]", "a tuple of such", "a list of 2"),
        ),
        "whole numbers beside layers": (
            (PARAMS, np.arange(3)),
            *(TypeError, "params[1]", "an array of floats", "(3,) of int64"),
        ),
        "an empty part": (((), ()), TypeError, "params", "at least one array", "a tuple of 2"),
        "two dtypes": (
            (PARAMS, (X, np.ones(2, np.float32))),
            *(TypeError, "params[1][1]", "float64 like params[0][0].w", "float32", "one dtype"),
        ),
        "gradients inside": (
            (X, GRADS),
            *(TypeError, "params[1][0]", "Layer(w, b)", "got LayerGrad", "before grads"),
        ),
        "a named part": (
            Two(PARAMS, 1.0),
            *(TypeError, "params.slope", "an array of floats", "float 1.0"),
        ),
    }
)
def test_trees_that_no_optimizer_takes(bad: Any, expected: Expected) -> None:
    refuses(expected, start, sgd(0.1), bad)
    refuses(expected, adam(0.1).init, bad)
    refuses(expected, masked(sgd(0.1), (True, True)).init, bad)
    refuses(expected, apply_updates, bad, bad)


TREE = Two((FIRST, SECOND), X)


@each(
    {
        "one part": ((GRADS,), ValueError, "grads", "a tuple of 2 like params", "got 1"),
        "a part that is none": (
            (GRADS, None),
            *(TypeError, "grads.slope", "an array (5, 3) like params.slope", "NoneType"),
        ),
        "a shorter network": (
            (GRADS[:1], X),
            *(ValueError, "grads.net", "a tuple of 2 like params.net", "got 1"),
        ),
        "another shape": (
            (GRADS, X.T),
            *(ValueError, "grads.slope", "(5, 3) like params.slope", "(3, 5)"),
        ),
        "another dtype": (
            (GRADS, X.astype(np.float32)),
            *(TypeError, "grads.slope", "float64 like params.slope", "float32", "Python floats"),
        ),
        "an array for a tuple": (
            (X, X),
            *(TypeError, "grads.net", "a tuple of 2 like params.net", "an array (5, 3)"),
        ),
    }
)
def test_gradients_that_do_not_fit_a_tree(bad: Any, expected: Expected) -> None:
    error, name, *parts = expected
    for optimizer in (sgd(0.1), chain(scale(1.0), adam(0.1))):
        refuses(expected, optimizer.update, bad, optimizer.init(TREE), TREE)
    renamed = (error, name.replace("grads", "updates"), *parts)
    refuses(renamed, apply_updates, TREE, bad)
    own = Optimizer(lambda params: 0, lambda grads, state, params: (bad, state))
    refuses(renamed, chain(scale(1.0), own).update, (GRADS, X), ((), 0), TREE)


@pytest.mark.parametrize("cls", [np.ma.MaskedArray, np.matrix])
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_params_of_arrays_that_compute_otherwise(cls: Any) -> None:
    bad = (layer(FIRST.w.view(cls), FIRST.b), SECOND)
    expected = (TypeError, "params[0].w", "an array of floats", f"{cls.__name__} (3, 4)", "asarray")
    refuses(expected, forward, ACTS, bad, X)
    refuses(expected, start, sgd(0.1), bad)


class Sparse:
    """Like SciPy's: an object with a shape that NumPy takes for one thing."""

    shape = (5, 3)
    dtype = np.dtype(float)


NOT_NUMBERS = {
    "strings": (X.astype(str), TypeError, "real numbers", "<U32", "np.asarray(", "dtype=float)"),
    "bytes": (X.astype("S3"), TypeError, "real numbers", "ndarray of dtype |S3"),
    "digits": ([["0", "1", "2"]], TypeError, "real numbers", "list of dtype <U1"),
    "a string": ("one", TypeError, "real numbers", "str of dtype <U3"),
    "objects": (X.astype(object), TypeError, "real numbers", "ndarray of dtype object"),
    "a gap": ([[1.0, None, 2.0]], TypeError, "real numbers", "list of dtype object"),
    "mixed": ([[1, "a", 2]], TypeError, "real numbers", "list of dtype <U"),
    "fractions": ([Fraction(1, 2)] * 3, TypeError, "real numbers", "list of dtype object"),
    "large integers": ([10**30] * 3, TypeError, "real numbers", "list of dtype object"),
    "None": (None, TypeError, "real numbers", "NoneType of dtype object"),
    "complex": (X + 0j, TypeError, "real numbers", "complex128"),
    "complex numbers": ([1j, 1, 2], TypeError, "real numbers", "list of dtype complex128"),
    "dates": (np.array(["2020-01-01"] * 3, "M8[D]"), TypeError, "real numbers", "datetime64"),
    "durations": (np.arange(3).astype("m8[s]"), TypeError, "real numbers", "timedelta64"),
    "records": (np.zeros(3, [("a", float)]), TypeError, "real numbers", "('a', '<f8')"),
    "a dict": ({"x": X}, TypeError, "real numbers", "dict of dtype object"),
    "a set": ({1.0, 2.0, 3.0}, TypeError, "real numbers", "set of dtype object"),
    "a generator": ((row for row in X), TypeError, "real numbers", "generator of dtype object"),
    "an iterator": (iter(X), TypeError, "real numbers", "iterator of dtype object"),
    "a map": (map(float, range(3)), TypeError, "real numbers", "map of dtype object"),
    "a function": (np.tanh, TypeError, "real numbers", "ufunc of dtype object"),
    "a sparse matrix": (Sparse(), TypeError, "real numbers", "Sparse of dtype object"),
    "masked": (np.ma.masked_equal(X, 0), TypeError, "masked array", "mask would be lost", "fill"),
    "ragged": ([[1, 2, 3], [1, 2]], ValueError, "rows of equal length", "a list of 2"),
    "ragged arrays": ([np.ones(3), np.ones(2)], ValueError, "rows of equal length", "a list of 2"),
    "a frame of words": (pd.DataFrame({"a": ["b"]}), TypeError, "real numbers", "DataFrame"),
    "a frame of dates": (
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}),
        *(TypeError, "real numbers", "DataFrame of dtype datetime64"),
    ),
    "a mixed frame": (
        pd.DataFrame({"a": [True], "b": [0.5]}),
        *(TypeError, "real numbers", "DataFrame of dtype object", "to_numpy(float"),
    ),
}


def named(name: str, expected: Expected) -> Expected:
    error, *parts = expected
    return (error, name, *parts)


@each(NOT_NUMBERS)
def test_data_that_are_not_real_numbers(bad: Any, expected: Expected) -> None:
    for f in (forward, trace, vjp):
        refuses(named("x", expected), f, ACTS, PARAMS, bad)
    for f in (propagated, taught):
        refuses(named("batch.x", expected), f, ACTS, PARAMS, bad)
        refuses(named("batch.y", expected), f, ACTS, PARAMS, X, bad)
        if bad is not None:
            refuses(named("batch.weight", expected), f, ACTS, PARAMS, X, Y, bad)
    refuses(named("output_bar", expected), vjp(ACTS, PARAMS, X)[1], bad)
    refuses(named("data.x", expected), samples, Batch(bad, Y))
    refuses(named("data.y", expected), samples, Batch(X, bad))
    refuses(named("data.x", expected), minibatches, key(0), 2, Batch(bad, Y))
    refuses(named("data.y", expected), minibatches, key(0), 2, Batch(X, bad))
    if bad is not None:
        refuses(named("data.weight", expected), minibatches, key(0), 2, Batch(X, Y, bad))
    refuses(named("labels", expected), one_hot, bad, 3)


@each(
    {
        "too narrow": (X[:, :2], "(3,) or (batch, 3)", "params[0].w with 3 rows", "got (5, 2)"),
        "transposed": (X.T, "(3,) or (batch, 3)", "got (3, 5)", "x.T"),
        "a short sample": ([1, 2], "(3,) or (batch, 3)", "got (2,)"),
        "a number": (1.0, "(3,) or (batch, 3)", "got ()"),
        "rank 3": (X[None], "(3,) or (batch, 3)", "got (1, 5, 3)"),
        "nothing": ([], "(3,) or (batch, 3)", "got (0,)"),
        "no rows": ([[]], "(3,) or (batch, 3)", "got (1, 0)"),
    }
)
def test_samples_of_another_shape_than_the_network_takes(bad: Any, expected: Expected) -> None:
    for f in (forward, trace, vjp):
        refuses((ValueError, "x", *expected), f, ACTS, PARAMS, bad)
    for f in (propagated, taught):
        refuses((ValueError, "batch.x", *expected), f, ACTS, PARAMS, bad)


def test_a_column_of_samples_is_not_one_sample() -> None:
    params = init(key(0), (1, 4, 2))
    expected = (ValueError, "x", "(1,) or (batch, 1)", "got (5,)", "x.reshape(-1, 1)")
    refuses(expected, forward, ACTS, params, X[:, 0])


@on_batches
@each(
    {
        "labels": (Y[:, 0], "(5, 2)", "got (5,)", "fnn.one_hot(y, 2)"),
        "a column": (Y[:, :1], "(5, 2)", "got (5, 1)", "fnn.one_hot(y.ravel(), 2)"),
        "a row": (Y[:1], "(5, 2)", "got (1, 2)"),
        "a sample": (Y[0], "(5, 2)", "got (2,)"),
        "a number": (1.0, "(5, 2)", "got ()"),
        "transposed": (Y.T, "(5, 2)", "got (2, 5)", "the transpose y.T"),
        "flat": (Y.ravel(), "(5, 2)", "got (10,)", "y.reshape(5, 2)"),
        "rank 3": (Y[..., None], "(5, 2)", "got (5, 2, 1)", "y.reshape(5, 2)"),
        "too few rows": (Y[:4], "(5, 2)", "got (4, 2)"),
        "no rows": (Y[:0], "(5, 2)", "got (0, 2)"),
    }
)
def test_targets_of_another_shape_than_the_output(f: Any, bad: Any, expected: Expected) -> None:
    refuses((ValueError, "batch.y", *expected), f, ACTS, PARAMS, X, bad)


@on_batches
def test_targets_that_would_broadcast_are_refused(f: Any) -> None:
    params = init(key(0), (3, 4, 1))
    y = X[:, 0]
    expected = (ValueError, "batch.y", "(5, 1)", "got (5,)", "y.reshape(5, 1)")
    refuses(expected, f, ACTS, params, X, y)
    refuses((ValueError, "batch.y", "(5, 1)", "got (1, 5)"), f, ACTS, params, X, y[None])
    refuses((ValueError, "batch.y", "(5, 1)", "got (5, 5)"), f, ACTS, params, X, np.eye(5))
    refuses((ValueError, "batch.y", "(1,)", "got ()"), f, ACTS, params, X[0], y[0])
    refuses((ValueError, "batch.y", "(1,)", "got (1, 1)"), f, ACTS, params, X[0], y[:1, None])


@each(
    {
        "too few": (np.ones(4), "(5,), one number for each sample, or (5, 2)", "got (4,)"),
        "one": (1.0, "(5,)", "(5, 2), one for each target", "got ()", "np.full((5,), weight)"),
        "a column": (np.ones((5, 1)), "(5,)", "got (5, 1)", "weight.reshape((5,))"),
        "all in a row": (np.ones(10), "(5, 2)", "got (10,)", "weight.reshape((5, 2))"),
        "a row for each target": (
            np.ones((2, 5)),
            "(5, 2)",
            "got (2, 5)",
            "transpose it: weight.T",
        ),
        "negative": ([1, 1, -0.5, 1, 1], "at least 0", "got -0.5 in row 2;", "0 leaves out"),
        "not a number": ([1, 1, np.nan, 1, 1], "finite", "got nan in row 2;"),
        "infinite": ([1, 1, 1, 1, np.inf], "finite", "got inf in row 4;"),
        "of a target": (np.eye(5)[:, :2] - np.eye(5)[:, 1:3], "got -1.0 in row 1, column 0;"),
    }
)
def test_weights_that_do_not_fit(bad: Any, expected: Expected) -> None:
    for f in (propagated, taught):
        refuses((ValueError, "batch.weight", *expected), f, ACTS, PARAMS, X, Y, bad)
    for make in (samples, partial(minibatches, key(0), 2), partial(chunked, 2)):
        refuses((ValueError, "data.weight", *expected), make, Batch(X, Y, bad))


@on_batches
def test_a_sample_has_one_weight_or_one_for_each_target(f: Any) -> None:
    shape = (ValueError, "batch.weight", "()", "or (2,)", "got (1,)", "weight.reshape(())")
    refuses(shape, f, ACTS, PARAMS, X[0], Y[0], [1.0])
    refuses((ValueError, "batch.weight", "got -1.0;"), f, ACTS, PARAMS, X[0], Y[0], -1.0)
    second = (ValueError, "batch.weight", "got nan in column 1;")
    refuses(second, f, ACTS, PARAMS, X[0], Y[0], [1.0, np.nan])


@each({"of rows": (np.zeros(5),), "of targets": (np.zeros((5, 2)),)})
def test_data_of_which_no_row_counts(bad: Any, expected: Expected) -> None:
    told = (ValueError, "data.weight", "a weight above 0", "0 in every row", "weight=None")
    for make in (samples, partial(minibatches, key(0), 2), partial(chunked, 2)):
        refuses(told, make, Batch(X, Y, bad))


def largest(output: Any, target: Any) -> Any:
    return np.max(output - target) + 0 * output.sum(-1)


@pytest.mark.parametrize("loss", [squared_error, Loss(largest, squared_error.df)])
def test_the_mean_over_an_empty_batch_is_refused(loss: Loss) -> None:
    empty = Batch(X[:0], Y[:0])
    expected = (ValueError, "batch.x", "at least one row", "an empty batch")
    refuses(expected, backprop, ACTS, loss, PARAMS, empty)
    refuses(expected, train_step(ACTS, loss, sgd(0.1)), STATE, empty)
    refuses(expected, backprop, ACTS, loss, PARAMS, empty._replace(weight=np.ones(0)))


def test_an_empty_batch_has_an_empty_output() -> None:
    assert forward(ACTS, PARAMS, X[:0]).shape == (0, 2)
    assert [a.shape for _, a in trace(ACTS, PARAMS, X[:0])] == [(0, 4), (0, 2)]
    grads, x_bar = vjp(ACTS, PARAMS, X[:0])[1](Y[:0])
    assert x_bar.shape == (0, 3)
    assert not any(part.any() for grad in grads for part in grad)


@each(
    {
        "one array": (X, "Batch(x, y)", "an array (5, 3)", "wrap"),
        "a tuple": ((X, Y), "Batch(x, y)", "a tuple of 2", "Batch(*"),
        "a list": ([DATA], "Batch(x, y)", "a list of 1", "fnn.epochs"),
        "a pass": (samples(DATA), "Batch(x, y)", "got Samples", ".data"),
        "a generator": (iter([DATA]), "Batch(x, y)", "list_iterator"),
        "a dict": ({"x": X, "y": Y}, "Batch(x, y)", "a dict of 2", "Batch(**"),
        "None": (None, "Batch(x, y)", "NoneType"),
        "the class": (Batch, "Batch(x, y)", "the class Batch"),
    }
)
def test_something_else_than_a_batch(bad: Any, expected: Expected) -> None:
    refuses((TypeError, "batch", *expected), backprop, ACTS, squared_error, PARAMS, bad)
    refuses((TypeError, "batch", *expected), UPDATE, STATE, bad)
    refuses((TypeError, "data", *expected), samples, bad)
    refuses((TypeError, "data", *expected), minibatches, key(0), 2, bad)


@each(
    {
        "an activation": (tanh, "Loss(f, df)", "got Activation"),
        "a function": (squared_error.f, "Loss(f, df)", "the function"),
        "a factory": (huber, "Loss(f, df)", "the function huber", "huber(delta)"),
        "a ufunc": (np.subtract, "Loss(f, df)", "the function subtract"),
        "a name": ("squared_error", "Loss(f, df)", "str 'squared_error'", "fnn.losses"),
        "a tuple": (tuple(squared_error), "Loss(f, df)", "a tuple of 6"),
        "None": (None, "Loss(f, df)", "NoneType"),
    }
)
def test_something_else_than_a_loss(bad: Any, expected: Expected) -> None:
    refuses((TypeError, "loss", *expected), backprop, ACTS, bad, PARAMS, DATA)
    refuses((TypeError, "loss", *expected), train_step, ACTS, bad, sgd(0.1))


@each(
    {
        "a factory": (sgd, "Optimizer(init, update)", "the function sgd", "sgd(rate)"),
        "a rate": (0.1, "Optimizer(init, update)", "float 0.1"),
        "a name": ("sgd", "Optimizer(init, update)", "str 'sgd'"),
        "a tuple": (tuple(sgd(0.1)), "Optimizer(init, update)", "a tuple of 2"),
        "a train step": (UPDATE, "Optimizer(init, update)", "got TrainStep"),
        "params": (PARAMS, "Optimizer(init, update)", "a tuple of 2"),
        "None": (None, "Optimizer(init, update)", "NoneType"),
    }
)
def test_something_else_than_an_optimizer(bad: Any, expected: Expected) -> None:
    refuses((TypeError, "optimizer", *expected), start, bad, PARAMS)
    refuses((TypeError, "optimizer", *expected), train_step, ACTS, squared_error, bad)


@each(
    {
        "params": (PARAMS, "State(params, opt)", "a tuple of 2", "fnn.start"),
        "one layer": (PARAMS[:1], "State(params, opt)", "a tuple of 1"),
        "a tuple": ((PARAMS, SgdState(0)), "State(params, opt)", "a tuple of 2"),
        "a batch": (DATA, "State(params, opt)", "got Batch"),
        "an array": (X, "State(params, opt)", "an array (5, 3)"),
        "None": (None, "State(params, opt)", "NoneType"),
    }
)
def test_something_else_than_a_state(bad: Any, expected: Expected) -> None:
    refuses((TypeError, "state", *expected), UPDATE, bad, DATA)


@each(
    {
        "a string": ("0.1", TypeError, "a number", "str '0.1'"),
        "None": (None, TypeError, "a number", "NoneType"),
        "a list": ([0.1, [0.2]], TypeError, "a number", "a list of 2"),
        "an array": (np.array([0.1]), TypeError, "a number", "an array (1,)"),
        "complex": (0.1 + 0j, TypeError, "a number", "complex"),
        "NumPy complex": (np.complex64(0.1), TypeError, "a number", "complex64"),
        "a date": (np.datetime64("2020"), TypeError, "a number", "datetime64"),
        "True": (True, TypeError, "a number", "bool True"),
        "an object": (object(), TypeError, "a number", "object"),
        "negative": (-0.1, ValueError, "at least 0", "got -0.1"),
        "not a number": (float("nan"), ValueError, "a finite number", "got nan"),
        "infinite": (np.inf, ValueError, "a finite number", "got inf"),
        "minus infinity": (-np.inf, ValueError, "a finite number", "got -inf"),
        "huge": (10**400, ValueError, "a finite number", "got 1000000"),
        "NumPy nan": (np.float32(np.nan), ValueError, "a finite number", "nan"),
    }
)
def test_rates_that_are_no_step_sizes(bad: Any, expected: Expected) -> None:
    refuses(named("rate", expected), step, PARAMS, GRADS, bad)
    refuses(named("rate", expected), sgd, bad)
    scheduled = train_step(ACTS, squared_error, sgd(lambda steps: bad))
    refuses(named("rate(0)", expected), scheduled, STATE, DATA)


def test_a_schedule_is_not_the_rate_of_one_step() -> None:
    refuses((TypeError, "rate", "a number", "<lambda>"), step, PARAMS, GRADS, lambda steps: 0.1)


@pytest.mark.parametrize("rate", [0, 0.0, 1, np.float32(0.5), np.int8(1), np.array(0.5)])
def test_rates_of_every_kind_of_number(rate: Any) -> None:
    expected = PARAMS[0].w - float(rate) * GRADS[0].w
    np.testing.assert_array_equal(step(PARAMS, GRADS, rate)[0].w, expected)


@each(
    {
        "None": (None, TypeError, "", "a tuple of LayerGrad(w, b)", "NoneType", "backprop"),
        "an array": (X, TypeError, "", "a tuple of LayerGrad(w, b)", "an array (5, 3)"),
        "a list": (list(GRADS), TypeError, "", "a tuple of LayerGrad(w, b)", "a list of 2"),
        "one alone": (GRADS[0], TypeError, "", "a tuple of LayerGrad(w, b)", "got LayerGrad"),
        "a rate": (0.1, TypeError, "", "a tuple of LayerGrad(w, b)", "float 0.1"),
        "the loss too": ((1.0, GRADS), TypeError, "[0]", "a LayerGrad(w, b)", "float 1.0"),
        "too few": (GRADS[:1], ValueError, "", "2 layers like params", "got 1"),
        "too many": (GRADS * 2, ValueError, "", "2 layers like params", "got 4"),
        "of another net": (
            tuple(LayerGrad(w, b) for w, b in init(key(0), (3, 5, 2))),
            *(ValueError, "[0].w", "(3, 4) like params[0].w", "(3, 5)", "backprop"),
        ),
        "transposed": (
            (GRADS[0], LayerGrad(GRADS[1].w.T, GRADS[1].b)),
            *(ValueError, "[1].w", "(4, 2) like params[1].w", "(2, 4)"),
        ),
        "a bias that would broadcast": (
            (GRADS[0], LayerGrad(GRADS[1].w, np.ones(1))),
            *(ValueError, "[1].b", "(2,) like params[1].b", "(1,)"),
        ),
        "float32": (
            tuple(LayerGrad(w.astype(np.float32), b.astype(np.float32)) for w, b in GRADS),
            *(TypeError, "[0].w", "float64 like params[0].w", "float32", "Python floats"),
        ),
        "a float32 bias": (
            (GRADS[0], LayerGrad(GRADS[1].w, GRADS[1].b.astype(np.float32))),
            *(TypeError, "[1].b", "float64 like params[1].b", "float32"),
        ),
        "lists": (
            (layer(FIRST.w.tolist(), FIRST.b.tolist()), GRADS[1]),
            *(TypeError, "[0].w", "a NumPy array", "a list of 3", "np.asarray"),
        ),
        "numbers": ((layer(0.0, 0.0), GRADS[1]), TypeError, "[0].w", "a NumPy array", "float 0.0"),
        "masked": (
            (layer(np.ma.masked_invalid(FIRST.w), FIRST.b), GRADS[1]),
            *(TypeError, "[0].w", "a NumPy array", "MaskedArray (3, 4)"),
        ),
    }
)
def test_gradients_that_do_not_fit(bad: Any, expected: Expected) -> None:
    error, place, *parts = expected
    refuses((error, f"grads{place}", *parts), step, PARAMS, bad, 0.1)
    refuses((error, f"updates{place}", *parts), apply_updates, PARAMS, bad)

    def update(grads: Any, state: Any, params: Any) -> Any:
        return bad, state

    optimizer = Optimizer(lambda params: SgdState(0), update)
    refuses(
        (error, f"updates{place}", *parts), train_step(ACTS, squared_error, optimizer), STATE, DATA
    )


@pytest.mark.parametrize("bad", [Y[0], Y[:, :1], Y.T, 1.0, Y[..., None]])
def test_the_pullback_takes_what_has_the_shape_of_the_output(bad: Any) -> None:
    expected = (ValueError, "output_bar", "(5, 2) like the output", f"got {np.shape(bad)}")
    refuses(expected, vjp(ACTS, PARAMS, X)[1], bad)


@each(
    {
        "one number": (lambda z: 1.0, ValueError, "an array (5, 4)", "got ()", "each element"),
        "a row": (lambda z: z[0], ValueError, "an array (5, 4)", "got (4,)", "each element"),
        "transposed": (lambda z: z.T, ValueError, "an array (5, 4)", "got (4, 5)"),
        "None": (lambda z: None, TypeError, "real numbers", "NoneType"),
        "complex": (lambda z: z + 0j, TypeError, "real numbers", "complex128"),
        "objects": (lambda z: z.astype(object), TypeError, "real numbers", "object"),
        "ragged": (lambda z: [[1.0], [1.0, 2.0]], ValueError, "rows of equal length"),
    }
)
def test_a_pair_of_the_users_that_returns_something_else(bad: Any, expected: Expected) -> None:
    acts = (Activation(bad, lambda z, a: z), identity)
    for f in (forward, trace, vjp, propagated, taught):
        refuses(named("acts[0].f", expected), f, acts, PARAMS, X)
    acts = (Activation(np.tanh, lambda z, a: bad(z)), identity)
    for f in (propagated, taught):
        refuses(named("acts[0].df", expected), f, acts, PARAMS, X)
    refuses(named("acts[0].df", expected), vjp(acts, PARAMS, X)[1], Y)


@each(
    {
        "the mean": (lambda o, y: np.mean(o), ValueError, "loss.f", "(5,)", "got ()", "last axis"),
        "unsummed": (lambda o, y: o - y, ValueError, "loss.f", "(5,)", "got (5, 2)", "last axis"),
        "kept": (lambda o, y: o.sum(-1, keepdims=True), ValueError, "loss.f", "got (5, 1)"),
        "None": (lambda o, y: None, TypeError, "loss.f", "real numbers", "NoneType"),
        "complex": (lambda o, y: 1j * o.sum(-1), TypeError, "loss.f", "real numbers"),
    }
)
def test_a_loss_of_the_users_that_returns_something_else(bad: Any, expected: Expected) -> None:
    refuses(expected, backprop, ACTS, Loss(bad, squared_error.df), PARAMS, DATA)


@each(
    {
        "a number": (lambda o, y: 1.0, ValueError, "loss.df", "(5, 2) like the output", "got ()"),
        "summed": (lambda o, y: o.sum(-1), ValueError, "loss.df", "(5, 2) like", "got (5,)"),
        "None": (lambda o, y: None, TypeError, "loss.df", "real numbers", "NoneType"),
    }
)
def test_a_loss_slope_of_the_users_that_is_something_else(bad: Any, expected: Expected) -> None:
    refuses(expected, backprop, ACTS, Loss(squared_error.f, bad), PARAMS, DATA)


@each(
    {
        "one size": ((8,), ValueError, "sizes", "two widths", "got (8,)"),
        "no sizes": ((), ValueError, "sizes", "two widths", "got ()"),
        "a zero": ((8, 0, 2), ValueError, "sizes", "at least 1", "got (8, 0, 2)"),
        "negative": ((8, -1), ValueError, "sizes", "at least 1", "got (8, -1)"),
        "a number": (8, TypeError, "sizes", "whole numbers", "got 8"),
        "fractional": ((8, 2.0), TypeError, "sizes", "whole numbers", "got (8, 2.0)"),
        "a string": ("832", TypeError, "sizes", "whole numbers", "got '832'"),
        "None": (None, TypeError, "sizes", "whole numbers", "got None"),
    }
)
def test_sizes_that_make_no_network(bad: Any, expected: Expected) -> None:
    refuses(expected, init, key(0), bad)


@each(
    {
        "a name": ("zeros", TypeError, "an initializer", "str 'zeros'"),
        "a number": (0.0, TypeError, "an initializer", "float 0.0"),
        "an array": (X, TypeError, "an initializer", "an array (5, 3)"),
        "another shape": (lambda k, s, d: np.ones(7), ValueError, "an array (", "got (7,)"),
        "strings": (lambda k, s, d: np.full(s, "a"), TypeError, "real numbers", "<U1"),
        "None": (lambda k, s, d: None, TypeError, "real numbers", "NoneType"),
    }
)
def test_initializers_that_initialize_nothing(bad: Any, expected: Expected) -> None:
    refuses(named("w_init", expected), init, key(0), (3, 2), bad)
    refuses(named("b_init", expected), init, key(0), (3, 2), initializers.zeros, bad)


def test_weight_initializers_need_a_matrix() -> None:
    for draw in (initializers.glorot_normal, initializers.he_uniform, initializers.orthogonal):
        expected = (ValueError, "shape", "(fan_in, fan_out)", "got (2,)", "a bias takes zeros")
        refuses(expected, init, key(0), (3, 2), initializers.zeros, draw)
    no_inputs = (key(0), (0, 2), np.dtype(float))
    refuses((ValueError, "shape[0]", "at least 1", "got 0"), initializers.he_normal, *no_inputs)


@pytest.mark.parametrize("bad", [int, np.int64, bool, complex, object, str, "float65", ">f8", 8])
def test_dtypes_that_are_not_floating(bad: Any) -> None:
    expected = (TypeError, "dtype", "a floating dtype", "np.float64")
    refuses(expected, lambda: init(key(0), (3, 2), dtype=bad))
    refuses(expected, lambda: one_hot([0, 1], 2, bad))
    refuses(expected, lambda: uniform(key(0), 3, dtype=bad))
    refuses(expected, lambda: normal(key(0), 3, dtype=bad))


@each(
    {
        "a seed": (0, "a Key", "got 0", "fnn.key(seed)"),
        "a generator": (np.random.default_rng(0), "a Key", "fnn.key(seed)"),
        "a tuple": ((0, ()), "a Key", "got (0, ())", "fnn.key(seed)"),
        "a list": ([0], "a Key", "got [0]"),
        "None": (None, "a Key", "got None"),
    }
)
def test_something_else_than_a_key(bad: Any, expected: Expected) -> None:
    expected = (TypeError, "key", *expected)
    refuses(expected, init, bad, (3, 2))
    refuses(expected, minibatches, bad, 2, DATA)
    refuses(expected, split, bad)
    refuses(expected, split, bad, 0)
    refuses(expected, fold_in, bad, 1)
    refuses(expected, uniform, bad, 3)
    refuses(expected, normal, bad, 3)
    refuses(expected, permutation, bad, 3)
    refuses(expected, initializers.he_normal, bad, (3, 2), np.dtype(float))


@pytest.mark.parametrize("bad", [-1, 0.5, 1.0, "1", None, True, [1], np.float64(2)])
def test_numbers_that_are_not_whole(bad: Any) -> None:
    got = f"got {bad!r}"
    refuses((ValueError, "seed", "a whole number of at least 0", got), key, bad)
    refuses((ValueError, "i", "a whole number of at least 0", got), fold_in, key(0), bad)
    refuses((ValueError, "n", "a whole number of at least 0", got), split, key(0), bad)
    refuses((ValueError, "n", "a whole number of at least 0", got), permutation, key(0), bad)
    refuses((ValueError, "size", "at least 1", got), minibatches, key(0), bad, DATA)
    refuses((ValueError, "classes", "at least 1", got), one_hot, [0], bad)
    if bad != [1]:
        refuses((ValueError, "shape", "a whole number of at least 0", got), uniform, key(0), bad)
    refuses((ValueError, "shape", "at least 0", got), normal, key(0), (2, bad))


def test_a_batch_or_a_class_has_at_least_one_of_it() -> None:
    refuses((ValueError, "size", "at least 1", "got 0"), minibatches, key(0), 0, DATA)
    refuses((ValueError, "classes", "at least 1", "got 0"), one_hot, [0], 0)


@each(
    {
        "low above high": ((2.0, 1.0), ValueError, "low", "at most high = 1.0", "got 2.0", "swap"),
        "an infinite low": ((-np.inf, 1.0), ValueError, "low", "a finite number", "got -inf"),
        "no high": ((0.0, np.nan), ValueError, "high", "a finite number", "got nan"),
        "too wide": ((-1e308, 1e308), ValueError, "high - low", "a finite number", "got inf"),
        "a string": (("0", 1.0), TypeError, "low", "a number", "str '0'"),
        "an array": ((0.0, np.ones(3)), TypeError, "high", "a number", "an array (3,)"),
    }
)
def test_intervals_that_hold_nothing(bad: Any, expected: Expected) -> None:
    refuses(expected, uniform, key(0), 3, *bad)
    refuses(expected, initializers.uniform, *bad)


def test_moments_and_constants_that_are_no_numbers() -> None:
    refuses((ValueError, "std", "at least 0", "got -1.0"), normal, key(0), 3, 0.0, -1.0)
    refuses((ValueError, "std", "finite", "got nan"), normal, key(0), 3, 0.0, np.nan)
    refuses((ValueError, "mean", "finite", "got inf"), normal, key(0), 3, np.inf)
    refuses((TypeError, "mean", "a number", "NoneType"), normal, key(0), 3, None)
    refuses((ValueError, "std", "at least 0", "got -1.0"), initializers.normal, -1.0)
    refuses((ValueError, "std", "finite", "got inf"), initializers.normal, np.inf)
    refuses((TypeError, "std", "a number", "str '1'"), initializers.normal, "1")
    refuses((ValueError, "value", "finite", "got nan"), initializers.constant, np.nan)
    refuses((TypeError, "value", "a number", "an array (2,)"), initializers.constant, np.ones(2))
    refuses((TypeError, "value", "a number", "NoneType"), initializers.constant, None)


@each(
    {
        "no rows": (Batch(X[:0], Y[:0]), "data.x", "at least one row", "an empty data set"),
        "no lists": (Batch(np.empty((0, 3)), Y[:0]), "data.x", "at least one row"),
        "fewer targets": (Batch(X, Y[:4]), "data.y", "5 rows like data.x", "got 4"),
        "more targets": (Batch(X[:4], Y), "data.y", "4 rows like data.x", "got 5"),
        "one sample": (Batch(X[0], Y[0]), "data.x", "(n, width)", "got (3,)", "reshape"),
        "a column of x": (Batch(X[:, 0], Y), "data.x", "(n, width)", "got (5,)", "reshape"),
        "images as y": (Batch(X, Y[..., None]), "data.y", "(n, width)", "got (5, 2, 1)", "reshape"),
        "images": (Batch(X.reshape(5, 3, 1), Y), "data.x", "(n, width)", "reshape(len(x), -1)"),
        "a number": (Batch(X, np.array(1.0)), "data.y", "(n, width)", "got ()"),
    }
)
def test_data_that_are_not_rows(bad: Any, expected: Expected) -> None:
    refuses((ValueError, *expected), samples, bad)
    refuses((ValueError, *expected), minibatches, key(0), 2, bad)


@each(
    {
        "beyond": ([0, 1, 3, 4], "from 0 to 2", "got 3 in row 2", "number the classes from 0"),
        "negative": ([0, 1, -1, -2], "from 0 to 2", "got -1 in row 2"),
        "fractional": ([0, 0.5], "whole numbers", "got 0.5 in row 1"),
        "not a number": ([0, 1, np.nan], "whole numbers", "got nan in row 2"),
        "infinite": ([np.inf], "whole numbers", "got inf in row 0"),
        "huge": (np.array([2**63], np.uint64), "from 0 to 2", "in row 0"),
        "one": (3, "from 0 to 2", "got 3 in row 0"),
        "a column": ([[0], [1]], "(n,)", "got (2, 1)", "ravel"),
        "one-hot rows already": (np.eye(3), "(n,)", "got (3, 3)"),
    }
)
def test_labels_that_are_no_classes(bad: Any, expected: Expected) -> None:
    refuses((ValueError, "labels", *expected), one_hot, bad, 3)


def one_shot() -> Iterator[Batch]:
    yield DATA


@each(
    {
        "a generator": (repeat(one_shot()), TypeError, "that can be read again", "generator"),
        "an iterator": ([iter([DATA])], TypeError, "that can be read again", "list_iterator"),
        "a map": ([map(Batch, [X], [Y])], TypeError, "that can be read again", "map"),
        "an empty pass": ([[]], ValueError, "batches in every pass", "none in epoch 1"),
        "one pass": (samples(DATA), TypeError, "batches", "got Batch", "itertools.repeat"),
        "one batch": (DATA, TypeError, "got Batch", "itertools.repeat"),
        "a count": (3, TypeError, "int 3", "itertools.repeat"),
        "counts": (range(3), TypeError, "int 0", "itertools.repeat"),
        "None": (None, TypeError, "NoneType", "itertools.repeat"),
    }
)
def test_passes_that_cannot_be_repeated(bad: Any, expected: Expected) -> None:
    refuses(named("passes", expected), lambda: next(epochs(UPDATE, STATE, bad)))


def test_a_pass_that_ran_dry_in_the_second_epoch_is_not_taken_for_one() -> None:
    run = epochs(UPDATE, STATE, [[DATA], one_shot()])
    assert next(run).number == 1
    refuses((TypeError, "passes", "that can be read again"), next, run)
