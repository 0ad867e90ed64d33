"""Lists, integers, frames, memory maps and the like work, by one conversion at the door."""

from __future__ import annotations

import array
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn import (
    Array,
    Batch,
    Layer,
    backprop,
    forward,
    init,
    key,
    minibatches,
    one_hot,
    samples,
    scan,
    start,
    trace,
    train_step,
    vjp,
)
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.optimizers import sgd
from fnn.tree import leaves

pd: Any = importlib.import_module("pandas")  # it comes without types

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 4, 2))
X = np.array([[0.0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]])
Y = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0], [1, 1]])
W = np.array([1.0, 0, 1, 1, 1])
LABELS = np.array([1.0, 0, 0, 1, 1])
UPDATE = train_step(ACTS, squared_error, sgd(0.1))


class Wrapped:
    """What is not an array and not a sequence, but can make an array of itself."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype)


def every_other(a: Array) -> Array:
    return np.repeat(np.repeat(a, 2, axis=0), 2, axis=-1)[::2, ..., ::2] if a.ndim > 1 else a


def backwards(a: Array) -> Array:
    return np.flip(np.flip(a).copy())


def unaligned(a: Array) -> Array:
    values = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    values[...] = a
    assert not values.flags.aligned
    return values


def read_only(a: Array) -> Array:
    a = a.copy()
    a.setflags(write=False)
    return a


def frame(a: Array) -> Any:
    return pd.DataFrame(a) if a.ndim == 2 else pd.Series(a)


def matrix(a: Array) -> Array:
    return a.view(np.matrix) if a.ndim == 2 else a


CONVERSIONS: dict[str, Callable[[Array], Any]] = {
    "lists": lambda a: a.tolist(),
    "lists of arrays": list,
    "tuples": lambda a: tuple(map(tuple, a)) if a.ndim == 2 else tuple(a),
    "lists of ints": lambda a: a.astype(int).tolist(),
    "lists of bools": lambda a: a.astype(bool).tolist(),
    "bools": lambda a: a.astype(bool),
    "int8": lambda a: a.astype(np.int8),
    "int64": lambda a: a.astype(np.int64),
    "uint8": lambda a: a.astype(np.uint8),
    "uint64": lambda a: a.astype(np.uint64),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "longdouble": lambda a: a.astype(np.longdouble),
    "swapped floats": lambda a: a.astype(">f8"),
    "swapped ints": lambda a: a.astype(">i4"),
    "Fortran order": np.asfortranarray,
    "strides": every_other,
    "negative strides": backwards,
    "unaligned": unaligned,
    "read-only": read_only,
    "a frame": frame,
    "a frame of ints": lambda a: frame(a.astype(int)),
    "a frame of bools": lambda a: frame(a.astype(bool)),
    "a matrix": matrix,
    "a subclass": lambda a: a.view(type("Mine", (np.ndarray,), {})),
    "an object with __array__": Wrapped,
    "a memoryview": lambda a: a.data,
}


@pytest.fixture(params=[*CONVERSIONS, "a memory map", "a loaded memory map"])
def convert(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Array], Any]:
    def mapped(a: Array) -> Array:
        m = np.memmap(tmp_path / str(len(list(tmp_path.iterdir()))), a.dtype, "w+", shape=a.shape)
        m[...] = a
        return m

    def loaded(a: Array) -> Any:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, a)
        return np.load(path, mmap_mode="r")

    more = {"a memory map": mapped, "a loaded memory map": loaded}
    name: str = request.param
    return (CONVERSIONS | more)[name]


def assert_same(got: Any, want: Any) -> None:
    """Bit for bit, in class and dtype too."""
    for a, b in zip(leaves(got), leaves(want), strict=True):
        assert type(a) is type(b)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_every_function_takes_it(convert: Callable[[Array], Any]) -> None:
    x, y, w = convert(X), convert(Y), convert(W)
    for dtype in (np.float64, np.float32):
        params = init(key(0), (3, 4, 2), dtype=dtype)
        assert_same(forward(ACTS, params, x), forward(ACTS, params, X))
        assert_same(forward(ACTS, params, convert(X[0])), forward(ACTS, params, X[0]))
        assert_same(trace(ACTS, params, x), trace(ACTS, params, X))
        assert_same(vjp(ACTS, params, x)[1](y), vjp(ACTS, params, X)[1](Y))
        for batch, plain in (
            (Batch(x, y), Batch(X, Y)),
            (Batch(x, y, w), Batch(X, Y, W)),
            (Batch(convert(X[0]), convert(Y[0])), Batch(X[0], Y[0])),
        ):
            assert_same(
                backprop(ACTS, squared_error, params, batch),
                backprop(ACTS, squared_error, params, plain),
            )
        state = start(sgd(0.1), params)
        assert_same(
            scan(UPDATE, state, samples(Batch(x, y))), scan(UPDATE, state, samples(Batch(X, Y)))
        )
        assert_same(
            scan(UPDATE, state, minibatches(key(1), 2, Batch(x, y, w))),
            scan(UPDATE, state, minibatches(key(1), 2, Batch(X, Y, W))),
        )
    assert_same(one_hot(convert(LABELS), 2), one_hot(LABELS, 2))


def test_broadcast_views_and_buffers_and_ranges_too() -> None:
    same = np.broadcast_to(X[1], (5, 3))
    assert_same(forward(ACTS, PARAMS, same), forward(ACTS, PARAMS, same.copy()))
    targets = np.broadcast_to(0.5, (5, 2))
    got = backprop(ACTS, squared_error, PARAMS, Batch(same, targets, np.broadcast_to(2.0, 5)))
    want = backprop(ACTS, squared_error, PARAMS, Batch(same.copy(), targets.copy(), np.full(5, 2)))
    assert_same(got, want)
    plain = forward(ACTS, PARAMS, np.arange(3.0))
    assert_same(forward(ACTS, PARAMS, range(3)), plain)
    assert_same(forward(ACTS, PARAMS, array.array("f", [0, 1, 2])), plain)
    assert_same(forward(ACTS, PARAMS, memoryview(bytes(range(3)))), plain)
    assert_same(one_hot(range(3), 3), np.eye(3))
    assert_same(one_hot(True, 2), np.array([0.0, 1.0]))


def test_the_remedy_for_a_mixed_frame_is_one() -> None:
    mixed = pd.DataFrame({"a": [True, False], "b": [0.5, 1.0], "c": [1, 2]})
    with pytest.raises(TypeError, match=r"by x\.to_numpy\(float, na_value=np\.nan\)"):
        forward(ACTS, PARAMS, mixed)
    plain = np.array([[1, 0.5, 1], [0, 1.0, 2]])
    floats = mixed.to_numpy(float, na_value=np.nan)
    assert_same(forward(ACTS, PARAMS, floats), forward(ACTS, PARAMS, plain))


@pytest.mark.parametrize("mode", ["r", "c"])
def test_params_may_be_memory_maps(mode: Any, tmp_path: Path) -> None:
    for i, leaf in enumerate(leaves(PARAMS)):
        np.save(tmp_path / f"{i}.npy", leaf)
    maps = [np.load(tmp_path / f"{i}.npy", mmap_mode=mode) for i in range(4)]
    params = (Layer(maps[0], maps[1]), Layer(maps[2], maps[3]))
    assert_same(forward(ACTS, params, X), forward(ACTS, PARAMS, X))
    batch = Batch(X, Y)
    assert_same(
        backprop(ACTS, squared_error, params, batch), backprop(ACTS, squared_error, PARAMS, batch)
    )
    assert {type(leaf) for leaf in leaves(start(sgd(0.1), params).params)} == {np.ndarray}
    assert_same(UPDATE(start(sgd(0.1), params), batch), UPDATE(start(sgd(0.1), PARAMS), batch))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_params_of_every_width_and_order_give_results_of_that_width(dtype: Any, order: Any) -> None:
    params = tuple(Layer(np.array(w, dtype, order=order), np.array(b, dtype)) for w, b in PARAMS)
    value, grads = backprop(ACTS, squared_error, params, Batch(X, Y, W))
    assert type(value) is float
    assert {leaf.dtype for leaf in leaves(grads)} == {np.dtype(dtype)}
    state, _ = UPDATE(start(sgd(np.float64(0.1)), params), Batch(X, Y))
    assert {leaf.dtype for leaf in leaves(state.params)} == {np.dtype(dtype)}
    tolerance = 20 * max(float(np.finfo(kind).eps) for kind in (dtype, np.float64))
    np.testing.assert_allclose(
        forward(ACTS, params, X).astype(float), forward(ACTS, PARAMS, X), rtol=0, atol=tolerance
    )
