"""Tree arithmetic keeps nesting, classes and dtypes, and freezes what it makes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import Layer, LayerGrad, init, key, tree
from fnn._core.arrays import frozen as own_frozen
from fnn.base import Array, State
from fnn.optimizers import SgdState

PARAMS = init(key(0), (3, 2, 1))


class Pair(NamedTuple):
    left: Array
    right: float


def test_map_keeps_the_nesting_and_the_classes_of_the_first_tree() -> None:
    state = State((Layer(np.ones((2, 1)), np.ones(1)),), SgdState(3))
    doubled = tree.map(lambda leaf: leaf * 2, state)
    assert type(doubled) is State
    assert type(doubled.params[0]) is Layer
    assert doubled.opt == SgdState(6)
    np.testing.assert_array_equal(doubled.params[0].w, [[2.0], [2.0]])


def test_map_goes_through_several_trees_in_step() -> None:
    grads = tuple(LayerGrad(w, b) for w, b in PARAMS)
    for layer in tree.map(np.subtract, PARAMS, grads):
        assert type(layer) is Layer
        assert not layer.w.any()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1.0, 2.0), (1.0,)),
        ((1.0, 2.0), 1.0),
        (1.0, (1.0,)),
        ((np.ones(2),), (np.ones(3),)),
        ((np.ones((2, 1)),), (np.ones(2),)),
    ],
)
def test_trees_that_do_not_match_are_refused(one: object, other: object) -> None:
    with pytest.raises(ValueError, match=r"trees: expected .* got .*; pass trees"):
        tree.map(np.add, one, other)


def test_zeros_like_and_add_and_scale_keep_float32() -> None:
    params = init(key(0), (3, 2, 1), dtype=np.float32)
    total = tree.add(tree.zeros_like(params), tree.scale(np.float64(2.0), params))
    for got, leaf in zip(tree.leaves(total), tree.leaves(params), strict=True):
        assert got.dtype == np.float32
        assert not got.flags.writeable
        np.testing.assert_array_equal(got, 2 * leaf)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5))
def test_norm_is_the_length_of_all_leaves_together(values: list[float]) -> None:
    expected = float(np.linalg.norm(np.array(values, np.longdouble)))
    halves = (np.array(values[:2]), (np.array(values[2:]),))
    assert tree.norm(halves) == pytest.approx(expected, rel=1e-14)


def test_norm_survives_what_overflows_when_squared() -> None:
    assert tree.norm((np.full(4, 1e200), 0.0)) == pytest.approx(2e200, rel=1e-15)
    assert tree.norm((np.full(4, 1e30, np.float32),)) == pytest.approx(2e30, rel=1e-6)
    assert tree.norm((np.full(4, 1e-200),)) == pytest.approx(2e-200, rel=1e-15)
    assert tree.norm((np.array([]), 0.0)) == 0.0
    assert tree.norm((np.array([1.0, np.inf]),)) == np.inf
    assert np.isnan(tree.norm((np.array([1.0, np.nan]),)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ravel_is_one_vector_of_all_numbers_and_unravel_brings_them_back(dtype: Any) -> None:
    params = init(key(0), (3, 2, 1), dtype=dtype)
    vector, unravel = tree.ravel(params)
    (w, b), (w_out, b_out) = params
    np.testing.assert_array_equal(vector, [*w.ravel(), *b, *w_out.ravel(), *b_out])
    assert (vector.dtype, vector.flags.writeable) == (dtype, False)
    mine = np.arange(11.0)  # float64, and the caller's
    again = unravel(mine)
    mine[:] = -1
    assert [type(layer) for layer in again] == [Layer, Layer]
    np.testing.assert_array_equal(again[0].w, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(again[0].b, [6, 7])
    np.testing.assert_array_equal(again[1].w, [[8], [9]])
    np.testing.assert_array_equal(again[1].b, [10])
    for leaf in tree.leaves(again):
        assert (leaf.dtype, leaf.flags.writeable) == (dtype, False)
    np.testing.assert_array_equal(tree.ravel(again)[0], np.arange(11))


def test_ravel_follows_the_nesting_and_takes_arrays_in_any_order_of_memory() -> None:
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    vector, unravel = tree.ravel((np.array(7.0), (fortran, fortran.T)))
    np.testing.assert_array_equal(vector, [7, *range(6), 0, 3, 1, 4, 2, 5])
    one, (two, three) = unravel(vector)
    assert one.shape == ()
    np.testing.assert_array_equal(two, three.T)


@pytest.mark.parametrize("vector", [np.ones(10), np.ones((11, 1)), np.ones(12), 1.0])
def test_a_vector_of_another_length_is_not_unraveled(vector: Any) -> None:
    _, unravel = tree.ravel(PARAMS)
    with pytest.raises(ValueError, match=r"vector: expected \(11,\), a number for each"):
        unravel(vector)


@pytest.mark.parametrize(
    "mixed",
    [
        (),
        (1.0,),
        (np.ones(2), 3),
        (np.ones(2), np.ones(2, np.float32)),
        (np.ones(2, int),),
        (np.ones(2), None),
    ],
)
def test_only_arrays_of_one_floating_dtype_are_raveled(mixed: Any) -> None:
    with pytest.raises(TypeError, match="tree: expected arrays of one floating dtype, got"):
        tree.ravel(mixed)


def test_freeze_copies_every_array_for_a_writable_view_may_be_older_than_its_flag() -> None:
    mine = np.ones(3)
    older = mine.view()
    mine.setflags(write=False)
    view = older.view()
    view.setflags(write=False)
    frozen = tree.freeze((Pair(mine, 1.0), view, (own_frozen(np.ones(3)),)))
    older[:] = 7
    for array in tree.leaves(frozen):
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(array, np.ones(3))
            assert not array.flags.writeable
            assert array.flags.owndata
    assert older.flags.writeable
