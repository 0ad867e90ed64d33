"""Keys are values: what a key draws depends on nothing else, and different keys draw apart."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn.random import Key, fold_in, key, normal, permutation, split, uniform

SEEDS = st.integers(0, 2**128 - 1)
KEYS = st.builds(Key, SEEDS, st.lists(st.integers(0, 2**32 - 1), max_size=16).map(tuple))


@given(KEYS, st.integers(0, 30))
def test_split_gives_the_folded_keys(parent: Key, n: int) -> None:
    children = split(parent, n)
    assert len(children) == n
    assert all(child == fold_in(parent, i) for i, child in enumerate(children))
    assert split(parent, n + 1)[:n] == children


@given(KEYS)
def test_a_key_and_its_children_are_all_different(parent: Key) -> None:
    children = split(parent, 20)
    grandchildren = [grandchild for child in children[:4] for grandchild in split(child, 5)]
    assert len({parent, *children, *grandchildren}) == 41


@given(KEYS)
def test_drawing_twice_gives_the_same_numbers(k: Key) -> None:
    again = pickle.loads(pickle.dumps(k))
    np.testing.assert_array_equal(uniform(k, 5), uniform(again, 5))
    np.testing.assert_array_equal(normal(k, 5), normal(again, 5))
    np.testing.assert_array_equal(permutation(k, 5), permutation(again, 5))


@given(KEYS, KEYS)
def test_different_keys_draw_different_numbers(one: Key, other: Key) -> None:
    if one != other:
        assert not np.array_equal(uniform(one, 4), uniform(other, 4))


def test_numbers_that_would_run_into_other_keys_are_refused() -> None:
    """SeedSequence reads 32-bit words: fold_in(k, 2**32) would be fold_in(fold_in(k, 0), 1)."""
    collides = np.random.SeedSequence(0, spawn_key=(2**32,)).generate_state(2)
    other = np.random.SeedSequence(0, spawn_key=(0, 1)).generate_state(2)
    np.testing.assert_array_equal(collides, other)
    with pytest.raises(ValueError, match=r"i: expected a number below 2\*\*32, got 4294967296"):
        fold_in(key(0), 2**32)
    with pytest.raises(ValueError, match=r"seed: expected a number below 2\*\*128, got 3402823"):
        key(2**128)
    assert not np.array_equal(uniform(key(2**128 - 1), 3), uniform(fold_in(key(0), 1), 3))
    assert not np.array_equal(uniform(key(0), 3), uniform(fold_in(key(0), 0), 3))


def test_the_streams_of_a_family_of_keys_are_independent() -> None:
    """Correlations of 2,016 pairs of streams stay within what chance gives (5.5 sigma)."""
    family = [key(0), key(1), *split(key(0), 30), *split(key(1), 30), *split(fold_in(key(0), 0), 2)]
    draws = np.array([normal(k, 4000) for k in family])
    correlations = np.corrcoef(draws)[np.triu_indices(len(family), 1)]
    assert np.abs(correlations).max() < 5.5 / np.sqrt(4000)
    firsts = np.sort([uniform(k, 1)[0] for k in split(key(7), 2000)])
    assert np.abs(firsts - np.arange(2000) / 2000).max() < 2.2 / np.sqrt(2000)  # Kolmogorov-Smirnov


def test_a_long_chain_of_keys_stays_small_and_never_repeats() -> None:
    k, seen, longest = key(0), set(), 0
    for _ in range(2000):
        k, used = split(k)
        seen |= {k, used}
        longest = max(longest, len(pickle.dumps(k)))
        assert k.seed < 2**128
        assert len(k.path) <= 16
    assert len(seen) == 4000
    assert longest < 200
    assert len({uniform(k, 1).item() for k in seen}) == 4000


@given(KEYS)
def test_the_law_of_split_holds_where_a_path_is_hashed(parent: Key) -> None:
    deep = parent._replace(path=(*parent.path, *range(16))[:16])
    one, other = split(deep)
    assert (one.path, other.path) == ((0,), (1,))
    assert one.seed == other.seed < 2**128
    assert one.seed != deep.seed
    assert fold_in(deep._replace(path=(*deep.path[:15], 99)), 0).seed != one.seed


def test_the_first_numbers_never_change() -> None:
    """Golden values, NumPy's PCG64 over SeedSequence: a change breaks every published run."""
    assert fold_in(fold_in(key(2024), 5), 3) == Key(2024, (5, 3))
    k = fold_in(key(2024), 5)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(2024, spawn_key=(5,))))
    np.testing.assert_array_equal(uniform(k, 3), rng.random(3))
    np.testing.assert_array_equal(uniform(key(0), 2), [0.6369616873214543, 0.2697867137638703])
    np.testing.assert_array_equal(normal(key(0), 2), [0.1257302210933933, -0.1321048632913019])
    np.testing.assert_array_equal(permutation(key(0), 6), [3, 2, 5, 4, 0, 1])
    deep = key(1)
    for i in range(17):
        deep = fold_in(deep, i)
    assert deep == Key(17137200356740907079139210467598809461, (16,))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 0.1), (0.3, 0.7), (2.0, 2.25)])
def test_uniform_stays_below_high_in_every_dtype(dtype: Any, low: float, high: float) -> None:
    values = uniform(key(0), 100_000, low, high, dtype=dtype)
    assert values.dtype == dtype
    assert values.min() >= dtype(low)
    assert values.max() < dtype(high)
    if dtype is np.float16:  # so many draws reach the last number below high, if any can
        assert values.max() == np.nextafter(dtype(high), dtype(low))


@given(KEYS, st.floats(-1e6, 1e6), st.floats(0, 1e6), st.sampled_from([np.float32, np.float64]))
def test_uniform_keeps_to_any_interval(k: Key, low: float, width: float, dtype: Any) -> None:
    high = low + width
    values = uniform(k, 200, low, high, dtype=dtype)
    assert (values >= dtype(low)).all()
    assert (values < dtype(high)).all() or dtype(low) == dtype(high)
    assert (values <= dtype(high)).all()


def test_an_interval_of_no_width_is_a_constant() -> None:
    np.testing.assert_array_equal(uniform(key(0), 3, 0.5, 0.5), [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(normal(key(0), 3, 2.0, 0.0), [2.0, 2.0, 2.0])


@given(KEYS)
def test_narrower_dtypes_get_the_float64_numbers_rounded(k: Key) -> None:
    wide, narrow = uniform(k, 50, -1, 1), uniform(k, 50, -1, 1, dtype=np.float32)
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))
    wide, narrow = normal(k, 50, 1.0, 3.0), normal(k, 50, 1.0, 3.0, dtype=np.float32)
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


def test_moments_are_those_asked_for() -> None:
    n = 200_000
    flat, bell = uniform(key(1), n, -1.0, 3.0), normal(key(2), n, -1.0, 2.0)
    assert abs(flat.mean() - 1.0) < 5 * np.sqrt(16 / 12 / n)
    assert abs(flat.var() - 16 / 12) < 5 * (16 / 12) * np.sqrt(0.8 / n)
    assert abs(bell.mean() + 1.0) < 5 * 2 / np.sqrt(n)
    assert abs(bell.var() - 4.0) < 5 * 4 * np.sqrt(2 / n)


@pytest.mark.parametrize("shape", [(), 0, 3, (3,), (2, 3), (0, 2), [2, 3], np.int64(3)])
def test_draws_are_read_only_arrays_of_the_shape(shape: Any) -> None:
    lengths = (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)
    for values in (uniform(key(0), shape), normal(key(0), shape)):
        assert type(values) is np.ndarray
        assert values.shape == lengths
        assert not values.flags.writeable


@given(KEYS, st.integers(0, 200))
def test_a_permutation_has_every_number_once(k: Key, n: int) -> None:
    order = permutation(k, n)
    assert order.dtype == np.intp
    assert sorted(order) == list(range(n))
    assert not order.flags.writeable


def test_permutations_are_even_over_all_orders() -> None:
    """24 orders, 4,800 draws: each 200 times, within 5.5 sigma."""
    counts: dict[tuple[int, ...], int] = {}
    for k in split(key(5), 4800):
        order = tuple(permutation(k, 4).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert max(abs(n - 200) for n in counts.values()) < 5.5 * np.sqrt(200)


def test_keys_are_ordered_by_nothing_but_compare_as_values() -> None:
    three: Any = np.uint8(3)
    assert key(three) == Key(3, ()) == Key(seed=3)
    assert type(key(three).seed) is int
    assert type(fold_in(key(0), three).path[0]) is int
    assert all(a != b for a, b in pairwise(split(key(0), 9)))
    assert hash(key(3)) == hash(Key(3))
