"""Splits take every row once and keep classes in proportion; balanced weights even them out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import Batch, backprop, init, key, one_hot
from fnn.activations import identity
from fnn.data import balanced_weights, split
from fnn.losses import squared_error
from fnn.random import fold_in, normal
from fnn.tree import leaves


def numbered(n: int, weighted: bool = True) -> Batch:
    """Rows that say which they are, three times."""
    rows = np.arange(n, dtype=float)
    return Batch(rows[:, None] * [1, 2], -rows[:, None], rows + 1 if weighted else None)


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 5), st.booleans())
def test_every_row_comes_once_with_its_target_and_weight(
    n: int, fraction: float, seed: int, weighted: bool
) -> None:
    held = round(fraction * n)
    if not 0 < held < n:
        with pytest.raises(ValueError, match="fraction: expected rows on both sides"):
            split(key(seed), fraction, numbered(n))
        return
    rest, held_out = split(key(seed), fraction, numbered(n, weighted))
    assert (len(rest.x), len(held_out.x)) == (n - held, held)
    rows = np.concatenate([rest.x, held_out.x])[:, 0]
    assert sorted(rows) == list(range(n))
    for part in (rest, held_out):
        np.testing.assert_array_equal(part.x[:, 1], 2 * part.x[:, 0])
        np.testing.assert_array_equal(part.y[:, 0], -part.x[:, 0])
        assert (part.weight is not None) == weighted
        if part.weight is not None:
            np.testing.assert_array_equal(part.weight, part.x[:, 0] + 1)


@given(
    st.lists(st.integers(0, 4), min_size=4, max_size=60), st.floats(0.15, 0.85), st.integers(0, 5)
)
def test_a_stratified_split_holds_out_the_share_of_every_class_to_within_a_row(
    labels: list[int], fraction: float, seed: int
) -> None:
    n = len(labels)
    held = round(fraction * n)
    data = numbered(n)
    rest, held_out = split(key(seed), fraction, data, stratify=labels)
    assert sorted(np.concatenate([rest.x, held_out.x])[:, 0]) == list(range(n))
    assert len(held_out.x) == held
    named = np.array([f"class {label}" for label in labels], object)
    for stratify in (labels, one_hot(labels, 5), list(named), named):
        _, held_out = split(key(seed), fraction, data, stratify)
        counts = Counter(labels[int(row)] for row in held_out.x[:, 0])
        for label, size in Counter(labels).items():
            assert size * held // n <= counts[label] <= -(-size * held // n)


@pytest.mark.parametrize("stratify", [None, [0, 0, 0, 0, 1, 1, 2], range(7)])
def test_every_row_is_held_out_equally_often(stratify: Any) -> None:
    draws = 4000
    seen: Counter[int] = Counter()
    for i in range(draws):
        seen.update(split(fold_in(key(1), i), 0.3, numbered(7), stratify)[1].x[:, 0].astype(int))
    expected = draws * 2 / 7
    deviation = (expected * 5 / 7) ** 0.5
    assert all(abs(seen[row] - expected) < 5 * deviation for row in range(7))


def test_both_sides_come_in_random_order_even_where_data_is_sorted_by_class() -> None:
    labels = np.arange(400) // 200
    for stratify in (None, labels):
        for part in split(key(2), 0.5, numbered(400), stratify):
            first = (part.x[:100, 0] >= 200).sum()
            assert 30 < first < 70  # of 100; binomial, 4 standard deviations
            assert (np.diff(part.x[:, 0]) < 0).any()


def test_a_split_is_a_function_of_its_key() -> None:
    data = numbered(50)
    one, again, other = (split(key(seed), 0.2, data)[1].x for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert sorted(one[:, 0]) != sorted(other[:, 0])


def test_a_split_copies_and_leaves_its_data_alone() -> None:
    data = numbered(10)
    for part in split(key(0), 0.5, data):
        for array, own in zip(part, data, strict=True):
            assert array is not None
            assert own is not None
            assert not array.flags.writeable
            assert own.flags.writeable
            assert not np.shares_memory(array, own)


def test_missing_targets_may_be_split_and_missing_inputs_may_not() -> None:
    data = numbered(4)
    data.y[2] = np.nan
    assert np.isnan(np.concatenate([part.y for part in split(key(0), 0.5, data)])).sum() == 1
    data.x[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"data\.x: expected finite .* nan in row 3, column 1"):
        split(key(0), 0.5, data)


@pytest.mark.parametrize("fraction", [0, 1, 1.0, -0.1, 2, np.nan, np.inf])
def test_a_fraction_is_between_0_and_1(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction: expected"):
        split(key(0), fraction, numbered(10))


@pytest.mark.parametrize(
    ("stratify", "error", "message"),
    [
        ([0, 1], ValueError, r"stratify: expected 4 labels, \(n,\) or rows \(n, k\), got \(2,\)"),
        (np.zeros((4, 1, 1)), ValueError, r"got \(4, 1, 1\)"),
        ([0.0, 1.0, np.nan, 1.0], ValueError, "stratify: expected finite .* nan in row 2"),
        (np.array(["a", 1, None, 2], object), TypeError, "stratify: expected labels of one kind"),
    ],
)
def test_labels_that_cannot_be_classes_are_refused(
    stratify: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        split(key(0), 0.5, numbered(4), stratify)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = [1, 0, 1, 1, 5, 1, 0, 1]  # the classes 2, 3 and 4 have no rows
    expected = [8 / 15, 8 / 6, 8 / 15, 8 / 15, 8 / 3, 8 / 15, 8 / 6, 8 / 15]
    np.testing.assert_allclose(balanced_weights(labels), expected, rtol=1e-15)
    np.testing.assert_array_equal(balanced_weights(one_hot(labels, 6)), balanced_weights(labels))
    assert balanced_weights([3, 3]).tolist() == [1.0, 1.0]
    assert not balanced_weights(labels).flags.writeable


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_balanced_weights_add_up_to_the_rows_and_to_the_same_for_all_classes(
    labels: list[int],
) -> None:
    weights = balanced_weights(labels)
    present = sorted(set(labels))
    for label in present:
        total = weights[np.array(labels) == label].sum()
        assert total == pytest.approx(len(labels) / len(present), rel=1e-12)


def test_balanced_weights_make_the_gradient_that_of_equally_many_copies() -> None:
    x, labels = normal(key(3), (4, 2)), np.array([0, 1, 1, 1])
    y = one_hot(labels, 2)
    params = init(key(4), (2, 2))
    copies = np.array([0, 0, 0, 1, 2, 3])
    weighted = backprop((identity,), squared_error, params, Batch(x, y, balanced_weights(labels)))
    copied = backprop((identity,), squared_error, params, Batch(x[copies], y[copies]))
    assert weighted[0] == pytest.approx(copied[0], rel=1e-14)
    for a, b in zip(leaves(weighted[1]), leaves(copied[1]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_no_labels_have_no_weights() -> None:
    with pytest.raises(ValueError, match=r"labels: expected one or more labels, .* got \(0,\)"):
        balanced_weights([])
