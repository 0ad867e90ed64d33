"""The types are plain tuples with the stated fields and defaults, and they can be pickled."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from fnn import Activation, Batch, Layer, LayerGrad, Loss, Optimizer, State
from fnn.tree import leaves

W, B = np.ones((2, 3)), np.zeros(3)


def test_fields_are_in_the_order_of_the_equations() -> None:
    assert Layer._fields == LayerGrad._fields == ("w", "b")
    assert Batch._fields == ("x", "y", "weight")
    assert Activation._fields[:3] == Loss._fields[:3] == ("f", "df", "d2f")
    assert Optimizer._fields == ("init", "update")
    assert State._fields == ("params", "opt")


def test_weights_and_second_derivatives_may_be_left_out() -> None:
    assert Batch(W, W).weight is None
    assert Activation(np.sin, lambda z, a: np.cos(z)).d2f is None
    assert Loss(np.subtract, np.subtract).d2f is None


@pytest.mark.parametrize("kind", [Layer, LayerGrad])
def test_params_and_gradients_keep_their_classes_when_they_are_pickled(kind: type) -> None:
    state = State((kind(W, B), kind(W.T, W[:, 0])), (kind(W, B), 3))
    again = pickle.loads(pickle.dumps(state))
    assert [type(part) for part in again.params] == [kind, kind]
    for got, want in zip(leaves(again), leaves(state), strict=True):
        np.testing.assert_array_equal(got, want, strict=isinstance(want, np.ndarray))


def test_a_network_is_values_only_so_its_leaves_are_its_arrays() -> None:
    params = (Layer(W, B), Layer(W.T, W[:, 0]))
    assert [id(leaf) for leaf in leaves(params)] == [id(a) for layer in params for a in layer]
