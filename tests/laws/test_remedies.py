"""Every remedy that an error names works: what is done here is what its text says.

The remedies for targets are carried out in tests/core/test_declared_targets.py.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from itertools import islice, repeat
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from fnn import (
    Batch,
    Optimizer,
    backprop,
    epochs,
    fit,
    forward,
    init,
    key,
    minibatches,
    one_hot,
    samples,
    start,
    train_step,
)
from fnn.activations import dropout, elu, identity, leaky_relu, tanh
from fnn.base import Activation, Array
from fnn.data import balanced_weights, batches_from, chunked
from fnn.initializers import constant, normal, uniform
from fnn.losses import (
    huber,
    log_softmax,
    masked_loss,
    pinball,
    softmax,
    squared_error,
)
from fnn.optimizers import adam, chain, sgd
from fnn.testing import check_activation
from fnn.tree import ravel
from tests.support.refusals import refuses

pd: Any = importlib.import_module("pandas")  # it comes without types

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 4, 2))
X = np.random.default_rng(0).normal(size=(6, 3))
Y = one_hot([0, 1, 1, 0, 1, 0], 2)
DATA = Batch(X, Y)
FIT: dict[str, Any] = {"key": key(1), "batch_size": 2, "max_epochs": 60}
NAMES: dict[str, Any] = {"np": np, "pandas": pd, "float": float, "list": list}


def message_of(error: type[Exception], f: Callable[..., Any], *args: Any, **options: Any) -> str:
    """The text of the error that a call raises, of the form that all have."""
    with pytest.raises(error) as caught:
        f(*args, **options)
    text = str(caught.value)
    assert re.match(r"[\w.\[\]]+: expected .*, got ", text)
    assert len(text) < 300
    return text


def carried_out(remedy: str, **names: Any) -> Any:
    return eval(remedy, NAMES | names)


# Data that are no numbers.

FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
MISSING = FRAME.astype("Float64").mask(FRAME > 1)
RECORDS = np.array([tuple(row) for row in X], dtype=[("a", float), ("b", float), ("c", float)])
DAYS = np.datetime64("2020-01-01") + np.arange(18).reshape(6, 3)

OBJECTS: dict[str, tuple[Any, str]] = {
    "sparse csr": (scipy.sparse.csr_matrix(X), "x.toarray()"),
    "sparse coo": (scipy.sparse.coo_array(X), "x.toarray()"),
    "numbers as words": (X.astype(str), "np.asarray(x, dtype=float)"),
    "lists of words": (X.astype(str).tolist(), "np.asarray(x, dtype=float)"),
    "objects": (X.astype(object), "np.asarray(x, dtype=float)"),
    "missing": (
        MISSING.astype(object),
        "x.convert_dtypes().to_numpy(float, na_value=np.nan)",
    ),
    "a frame of objects": (FRAME.astype(object), "x.to_numpy(float, na_value=np.nan)"),
    "a column of words": (
        FRAME.assign(c=["u", "v"] * 3)[["a", "c"]],
        "pandas.get_dummies(x).to_numpy(float)",
    ),
    "a table with words": (
        np.column_stack([X, np.array(["cat"] * 6)]),
        "x[:, [0, 1, 2]].astype(float)",
    ),
    "fields": (RECORDS, "np.column_stack([x[f] for f in x.dtype.names])"),
    "dates": (DAYS, "(x - x.min()) / np.timedelta64(1, 's')"),
    "durations": (DAYS - DAYS.min(), "x / np.timedelta64(1, 's')"),
    "complex": (X + 0j, "np.abs(x)"),
    "a dict": (dict(zip("abc", X.T, strict=True)), "np.column_stack(list(x.values()))"),
    "a view": (dict(enumerate(X)).values(), "np.array(list(x))"),
    "arrays in an array": (np.array([*X, None], object)[:-1], "np.stack(x)"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_data_that_are_no_numbers(name: str) -> None:
    x, remedy = OBJECTS[name]
    text = message_of(TypeError, forward, ACTS, PARAMS, x)
    assert remedy in text.partition(";")[2]
    output = forward(ACTS, PARAMS, carried_out(remedy, x=x))
    assert output.shape == (6, 2)


def test_integers_that_miss_some_become_floats_with_nan() -> None:
    frame = pd.DataFrame({"a": pd.Series([1, pd.NA, 3], dtype="object"), "b": 0.5, "c": 1})
    text = message_of(TypeError, forward, ACTS, PARAMS, frame)
    remedy = "x.convert_dtypes().to_numpy(float, na_value=np.nan)"
    assert remedy in text
    assert np.isnan(forward(ACTS, PARAMS, carried_out(remedy, x=frame))).any(axis=1).sum() == 1


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("kind", [np.array, list, pd.Series, pd.Categorical])
def test_names_of_classes_become_labels(kind: Any, column: bool) -> None:
    names = ["dog", "cat", "cat", "dog", "cat", "dog"]
    y = np.array(names)[:, None] if column else kind(names)
    text = message_of(TypeError, one_hot, y, 2)
    remedy = "np.unique(labels, return_inverse=True)[1]"
    assert remedy in text
    labels = carried_out(remedy, labels=y)
    np.testing.assert_array_equal(one_hot(labels.ravel(), 2), 1 - Y)
    named = message_of(TypeError, fit, ACTS, squared_error, sgd(0.1), PARAMS, Batch(X, y), **FIT)
    assert "np.unique(train.y, return_inverse=True)[1]" in named


def test_what_is_no_data_has_no_conversion() -> None:
    for nothing in (None, "word", object(), [object()]):
        assert message_of(TypeError, forward, ACTS, PARAMS, nothing).endswith(
            ("; pass numbers", "; pass numbers alone")
        )


# Weights.


def test_a_dict_of_the_weights_of_classes() -> None:
    labels = Y.argmax(-1)
    by_class: Any = {0: 1.0, 1: 5.0}
    data = Batch(X, Y, by_class)
    text = message_of(TypeError, minibatches, key(0), 2, data)
    remedy = "np.array([data.weight[label] for label in labels])"
    assert remedy in text
    weight = carried_out(remedy, data=data, labels=labels)
    assert minibatches(key(0), 6, Batch(X, Y, weight))[0].weight is not None
    weighted = fit(ACTS, squared_error, sgd(0.1), PARAMS, Batch(X, Y, weight), **FIT)
    assert np.isfinite(weighted.history.train).all()


def test_weights_of_every_shape_say_the_same_everywhere() -> None:
    each = np.arange(1.0, 13).reshape(6, 2)
    backprop(ACTS, squared_error, PARAMS, Batch(X, Y, each))
    fit(ACTS, squared_error, sgd(0.1), PARAMS, Batch(X, Y, each), **FIT)
    for wrong, remedy in (
        (each.T, "weight.T"),
        (each[:, :1], "weight.reshape((6,))"),
        (each.ravel(), "weight.reshape((6, 2))"),
    ):
        for call in (
            lambda data: backprop(ACTS, squared_error, PARAMS, data),
            lambda data: fit(ACTS, squared_error, sgd(0.1), PARAMS, data, **FIT),
            lambda data: minibatches(key(0), 2, data),
            samples,
        ):
            text = message_of(ValueError, call, Batch(X, Y, wrong))
            assert remedy in text
            call(Batch(X, Y, carried_out(remedy, weight=wrong)))


def test_samples_take_balanced_weights() -> None:
    weight = balanced_weights([0, 0, 0, 0, 0, 1])
    pass_ = samples(Batch(X, Y, weight))
    pulls = [float(batch.weight) for batch in pass_ if batch.weight is not None]
    np.testing.assert_allclose(pulls, weight / weight.mean())


# One thing in the place of another.


def test_a_pass_in_the_place_of_data() -> None:
    update = train_step(ACTS, squared_error, sgd(0.1))
    state = start(sgd(0.1), PARAMS)
    chunks = batches_from(chunked(4, DATA), 2)
    for pass_ in (chunks, list(minibatches(key(0), 2, DATA))):
        text = message_of(TypeError, fit, ACTS, squared_error, sgd(0.1), PARAMS, pass_, **FIT)
        assert "fnn.epochs(update, state, itertools.repeat(train))" in text
        assert len(list(islice(epochs(update, state, repeat(pass_)), 2))) == 2
    for own in (minibatches(key(0), 2, DATA), samples(DATA)):
        text = message_of(TypeError, fit, ACTS, squared_error, sgd(0.1), PARAMS, own, **FIT)
        assert "train.data" in text
        assert "fnn.epochs" in text
        fit(ACTS, squared_error, sgd(0.1), PARAMS, own.data, **FIT)


def test_arrays_in_the_place_of_a_batch() -> None:
    for bad, remedy in (
        ((X, Y), "Batch(*batch)"),
        ([X, Y], "Batch(*batch)"),
        ({"x": X, "y": Y}, "Batch(**batch)"),
    ):
        assert remedy in message_of(TypeError, backprop, ACTS, squared_error, PARAMS, bad)
        made = carried_out(remedy, batch=bad, Batch=Batch)
        assert backprop(ACTS, squared_error, PARAMS, made)[0] > 0


def test_a_state_or_a_fit_in_the_place_of_params() -> None:
    done = fit(ACTS, squared_error, sgd(0.1), PARAMS, DATA, **FIT)
    for bad, remedy in ((done, "fit.params"), (done.state, "state.params")):
        assert remedy in message_of(TypeError, forward, ACTS, bad, X)
        params = carried_out(remedy, fit=done, state=done.state)
        assert forward(ACTS, params, X).shape == (6, 2)
    again = fit(ACTS, squared_error, sgd(0.1), done.state, DATA, **FIT)
    assert again.state.opt.steps == 2 * 60 * 3


FACTORIES: dict[str, tuple[Any, str]] = {
    "elu": (elu, "elu()"),
    "leaky_relu": (leaky_relu, "leaky_relu()"),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_an_activation_that_was_not_called(name: str) -> None:
    factory, remedy = FACTORIES[name]
    text = message_of(TypeError, forward, (factory, identity), PARAMS, X)
    assert text.endswith(f"call it: {remedy}")
    forward((carried_out(remedy, **{name: factory}), identity), PARAMS, X)


def test_other_functions_that_were_not_called() -> None:
    text = message_of(TypeError, forward, (dropout, identity), PARAMS, X)
    assert text.endswith("call it: dropout(key, rate, act)")
    for loss, call in ((huber, "huber(delta)"), (pinball, "pinball(quantile)")):
        assert call in message_of(TypeError, backprop, ACTS, loss, PARAMS, DATA)
    backprop(ACTS, huber(1.0), PARAMS, DATA)
    assert "masked_loss(loss)" in message_of(TypeError, backprop, ACTS, masked_loss, PARAMS, DATA)
    for optimizer, call in ((sgd, "sgd(rate)"), (adam, "adam(rate)")):
        assert call in message_of(TypeError, start, optimizer, PARAMS)
        start(optimizer(0.1), PARAMS)


def test_an_initializer_that_was_not_called() -> None:
    calls: dict[Any, str] = {
        uniform: "uniform()",
        normal: "normal()",
        constant: "constant(value)",
    }
    for factory, call in calls.items():
        for place in ("w_init", "b_init"):
            text = message_of(TypeError, init, key(0), (2, 3, 1), **{place: factory})
            assert text.startswith(f"{place}: expected an initializer, got the function")
            assert text.endswith(f"call it: {call}")
    init(key(0), (2, 3, 1), uniform(), normal())
    init(key(0), (2, 3, 1), constant(0.5))


# Own functions.


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_update_that_forgets_its_state(layers: int) -> None:
    params = init(key(0), (3,) * layers + (2,))
    acts = (identity,) * layers

    def alone(grads: Any, state: Any, params: Any) -> Any:
        return sgd(0.1).update(grads, sgd(0.1).init(params), params)[0]

    def both(grads: Any, state: Any, params: Any) -> Any:
        return alone(grads, state, params), ()

    def stepped(update: Any) -> Any:
        optimizer = Optimizer(lambda params: (), update)
        return train_step(acts, squared_error, optimizer)(start(optimizer, params), DATA)

    text = message_of(TypeError, stepped, alone)
    assert text.startswith("optimizer.update: expected the pair (updates, state)")
    assert "return both" in text
    stepped(both)


def test_an_update_of_two_arrays_that_forgets_its_state() -> None:
    params = np.ones(2), np.ones(3)
    optimizer = Optimizer(lambda params: (), lambda grads, state, params: grads)
    both = chain(optimizer, sgd(0.1))
    text = message_of(TypeError, both.update, params, both.init(params), params)
    assert "got the updates alone" in text


def test_ravel_of_numbers() -> None:
    tree = (1.0, np.ones(2))
    text = message_of(TypeError, ravel, tree)
    assert "got float 1.0; make each leaf one by np.asarray(leaf, dtype=float)" in text
    made = tuple(np.asarray(leaf, dtype=float) for leaf in tree)
    assert ravel(made)[0].tolist() == [1.0, 1.0, 1.0]
    mixed = (np.ones(2), np.ones(2, np.float32))
    text = message_of(TypeError, ravel, mixed)
    assert "leaf.astype(float64)" in text
    assert ravel((mixed[0], mixed[1].astype("float64")))[0].size == 4


def test_a_slope_of_bools_times_a_float() -> None:
    def ramp(z: Array) -> Array:
        return np.maximum(z, 0)

    widened = Activation(ramp, lambda z, a: (z > 0) * 1.0)
    text = message_of(AssertionError, check_activation, widened)
    assert "activation.df: expected float32 of float32 arguments, got float64" in text
    assert ".astype(z.dtype, copy=False)" in text
    check_activation(Activation(ramp, lambda z, a: ((z > 0) * 1.0).astype(z.dtype, copy=False)))
    wrong = Activation(ramp, lambda z, a: (z > 0) * 2.0)
    with pytest.raises(AssertionError, match=r"df gives 2\.0, .* gives 1\.0"):
        check_activation(wrong)


def test_softmax_of_what_is_no_row() -> None:
    for bad in (0.5, "word", ["a", "b"], []):
        for f in (softmax, log_softmax):
            refuses((ValueError, "z", "(k,) or (n, k)"), f, bad)
    assert softmax([0.5]).tolist() == [1.0]
    assert softmax([0, 0]).tolist() == [0.5, 0.5]
