"""Passes over the data: re-iterable sequences in which every row comes exactly once."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import Batch, key, minibatches, one_hot, samples
from fnn.data import Pass
from fnn.random import fold_in, permutation

N = 7
X = np.arange(3 * N, dtype=float).reshape(N, 3)
Y = -np.arange(2.0 * N).reshape(N, 2)
WEIGHT = np.arange(1.0, N + 1)
DATA = Batch(X, Y)
WEIGHTED = Batch(X, Y, WEIGHT)


def rows_of(n: int) -> Batch:
    """Rows that carry their number in every part."""
    number = np.arange(float(n))
    return Batch(number[:, None], -number[:, None], number + 1)


def assert_equal(got: Batch, want: Batch) -> None:
    for a, b in zip(got, want, strict=True):
        if a is None or b is None:
            assert a is b
        else:
            np.testing.assert_array_equal(a, b, strict=True)


PASSES = {
    "samples": samples(DATA),
    "minibatches": minibatches(key(3), 3, DATA),
    "weighted minibatches": minibatches(key(3), 3, WEIGHTED),
    "one minibatch": minibatches(key(3), 100, DATA),
}
each_pass = pytest.mark.parametrize("pass_", PASSES.values(), ids=PASSES)


@each_pass
def test_a_pass_can_be_read_again_and_again(pass_: Pass) -> None:
    first, second = list(pass_), list(pass_)
    assert len(first) == len(second) == len(pass_) > 0
    for a, b in zip(first, second, strict=True):
        assert_equal(a, b)
    for pair, want in zip(zip(pass_, pass_, strict=True), first, strict=True):  # both at a time
        assert_equal(pair[0], want)
        assert_equal(pair[1], want)


@each_pass
def test_a_pass_is_a_sequence(pass_: Pass) -> None:
    assert isinstance(pass_, Sequence)
    batches = list(pass_)
    n = len(batches)
    for i in range(-n, n):
        assert_equal(pass_[i], batches[i])
    for i in (n, -n - 1):
        with pytest.raises(IndexError):
            pass_[i]
    for got, want in zip(reversed(pass_), batches[::-1], strict=True):
        assert_equal(got, want)


@each_pass
@pytest.mark.parametrize(
    "part",
    [slice(2), slice(1, None), slice(None, None, -1), slice(-2, None), slice(5, 2), slice(99)],
)
def test_a_slice_of_a_pass_is_a_tuple_of_its_batches(pass_: Pass, part: slice) -> None:
    batches = tuple(pass_)[part]
    got = pass_[part]
    assert type(got) is tuple
    for a, b in zip(got, batches, strict=True):
        assert_equal(a, b)


@each_pass
def test_a_pass_survives_pickling(pass_: Pass) -> None:
    again = pickle.loads(pickle.dumps(pass_))
    assert type(again) is type(pass_)
    for a, b in zip(again, pass_, strict=True):
        assert_equal(a, b)


@each_pass
def test_a_pass_cannot_be_changed(pass_: Pass) -> None:
    gradual: Any = pass_
    with pytest.raises(AttributeError):
        gradual.data = DATA


def test_samples_come_one_by_one_in_their_order() -> None:
    pass_ = samples(DATA)
    assert len(pass_) == N
    for i, batch in enumerate(pass_):
        assert_equal(batch, Batch(X[i], Y[i]))


@given(n=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 2**64))
def test_minibatches_give_every_row_once_in_full_batches_but_the_last(
    n: int, size: int, seed: int
) -> None:
    pass_ = minibatches(key(seed), size, rows_of(n))
    batches = list(pass_)
    lengths = [len(batch.x) for batch in batches]
    assert lengths[:-1] == [size] * (len(batches) - 1)
    assert 1 <= lengths[-1] <= size
    assert len(pass_) == len(batches) == -(-n // size)
    numbers = np.concatenate([batch.x[:, 0] for batch in batches])
    assert sorted(numbers) == list(range(n))
    np.testing.assert_array_equal(numbers, permutation(key(seed), n))


@given(n=st.integers(1, 20), size=st.integers(1, 25), seed=st.integers(0, 2**64))
def test_minibatches_keep_rows_targets_and_weights_together(n: int, size: int, seed: int) -> None:
    for x, y, weight in minibatches(key(seed), size, rows_of(n)):
        np.testing.assert_array_equal(y, -x)
        assert weight is not None
        np.testing.assert_allclose(weight, (x[:, 0] + 1) / ((n + 1) / 2), rtol=1e-15)


def test_the_order_is_the_keys_alone() -> None:
    orders = [
        tuple(batch.x[0, 0] for batch in minibatches(fold_in(key(0), epoch), 1, rows_of(20)))
        for epoch in range(50)
    ]
    assert len(set(orders)) == 50
    whole = minibatches(fold_in(key(0), 7), 20, rows_of(20))[0]
    assert tuple(whole.x[:, 0]) == orders[7]


def test_a_size_beyond_the_data_gives_one_batch_of_all_of_it() -> None:
    pass_ = minibatches(key(0), 10**9, DATA)
    assert len(pass_) == 1
    assert len(pass_[0].x) == N


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_a_pass_over_a_memory_map_reads_only_the_rows_asked_for(mode: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    writable = mapped.flags.writeable
    for pass_ in (samples(Batch(mapped, Y)), minibatches(key(0), 2, Batch(mapped, Y))):
        assert np.shares_memory(pass_.data.x, mapped)
        assert not pass_.data.x.flags.writeable
    assert np.shares_memory(samples(Batch(mapped, Y))[2].x, mapped)
    assert mapped.flags.writeable == writable


def test_a_pass_over_an_array_does_not_copy_it() -> None:
    for pass_ in (samples(DATA), minibatches(key(0), 2, WEIGHTED)):
        assert np.shares_memory(pass_.data.x, X)
        assert np.shares_memory(pass_.data.y, Y)
    batch = minibatches(key(0), 2, DATA)[0]
    assert not np.shares_memory(batch.x, X)  # rows in random order must be a copy


def test_columns_of_integers_stay_integers() -> None:
    pass_ = minibatches(key(0), 2, Batch(X.astype(np.uint8), Y.astype(np.float32)))
    assert pass_[0].x.dtype == np.uint8
    assert pass_[0].y.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_one_hot_has_a_one_in_the_place_of_each_label(dtype: Any) -> None:
    labels = np.array([2, 0, 1, 1])
    targets = one_hot(labels, 4, dtype)
    assert targets.dtype == dtype
    np.testing.assert_array_equal(targets, np.eye(4)[labels])
    np.testing.assert_array_equal(targets.argmax(axis=1), labels)
    assert not targets.flags.writeable


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(10, 12))
def test_one_hot_is_undone_by_argmax(labels: list[int], classes: int) -> None:
    targets = one_hot(labels, classes)
    assert targets.shape == (len(labels), classes)
    assert targets.argmax(axis=1).tolist() == labels
    assert targets.sum() == len(labels)


def test_one_hot_of_one_label_is_the_target_of_one_sample() -> None:
    np.testing.assert_array_equal(one_hot(2, 3), [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(one_hot(np.int8(0), 1), [1.0])


def test_one_hot_needs_no_square_of_the_classes() -> None:
    """A table of all classes times all classes would be 8 TB."""
    assert one_hot([999_999], 1_000_000)[0, -1] == 1.0


@pytest.mark.parametrize(
    "labels", [[255], np.array([255], np.uint8), [255.0], np.array([255], np.float16)]
)
def test_one_hot_takes_whole_numbers_of_every_dtype(labels: Any) -> None:
    assert one_hot(labels, 300)[0, 255] == 1.0


def test_rows_of_weight_zero_are_left_out_of_every_batch() -> None:
    weight = np.array([0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    pass_ = minibatches(key(3), 1, Batch(X, Y, weight))
    assert len(pass_) == 2
    assert sorted(batch.x[0, 0] for batch in pass_) == [X[1, 0], X[4, 0]]
    online = samples(Batch(X, Y, weight))
    np.testing.assert_array_equal([batch.x for batch in online], X[[1, 4]])
    np.testing.assert_allclose(
        [float(np.sum(batch.weight or 0.0)) for batch in online], [4 / 3, 2 / 3], rtol=1e-15
    )


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_x_that_is_not_finite_is_named_by_row_and_column(bad: float) -> None:
    x = np.ones((40_000, 3))  # rows are looked at in parts
    x[33_333, 2] = bad
    data = Batch(x, np.ones((40_000, 1)))
    for make in (samples, lambda data: minibatches(key(0), 5, data)):
        with pytest.raises(ValueError, match=r"data\.x: expected finite .* row 33333, column 2"):
            make(data)
