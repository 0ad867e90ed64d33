"""What people see of a value is short, whatever it holds, and of a small one all there is."""

from __future__ import annotations

import inspect
import pickle
import pydoc
from typing import NamedTuple

import numpy as np
import pytest
from typing_extensions import override

from fnn import Activation, Batch, Layer, LayerGrad, Loss, State, init, key, trace
from fnn._core import reprs
from fnn.activations import dropout, identity, leaky_relu, relu, tanh
from fnn.base import Array
from fnn.losses import huber, masked_loss, squared_error


class Record(NamedTuple):
    value: object
    other: object = ()

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Plain(NamedTuple):
    value: object
    other: object = ()


def square(z: Array) -> Array:
    """The square of z."""
    return z * z


def twice(z: Array, a: Array) -> Array:
    return 2 * z


@pytest.mark.parametrize(
    "value",
    [
        None,
        np.arange(20.0),
        np.float32(1.5),
        (np.zeros((2, 5)), np.ones(10, np.float32)),
        tuple(map(float, range(20))),
        (1.5,),
        ("a",) * 3,
        [0.5] * 3,
    ],
    ids=repr,
)
def test_a_small_record_has_the_repr_of_every_named_tuple(value: object) -> None:
    assert repr(Record(value)) == repr(Plain(value)).replace("Plain", "Record")


def test_a_large_array_is_its_dtype_and_shape() -> None:
    assert repr(Record(np.zeros((3, 7)))) == "Record(value=<float64 (3, 7)>, other=())"
    both = Record(np.zeros(20), np.ones(1, bool))  # 21 numbers in all
    assert repr(both) == "Record(value=<float64 (20,)>, other=<bool (1,)>)"
    nested = Record((np.zeros(30, np.float32), (np.zeros(1),)))
    assert repr(nested) == "Record(value=(<float32 (30,)>, (<float64 (1,)>,)), other=())"


def test_a_long_tuple_is_its_first_least_greatest_and_last() -> None:
    series = (0.75, *[0.25] * 9998, np.float64(1 / 3))
    told = "<10000 numbers: first 0.75, least 0.25, greatest 0.75, last 0.333333>"
    assert repr(Record(series)) == f"Record(value={told}, other=())"
    with np.errstate(all="raise"):
        gaps = repr(Record((np.nan, 2.0, *[np.nan] * 20, 1)))
    assert "<23 numbers: first nan, least 1, greatest 2, last 1>" in gaps
    assert "<21 numbers: first nan, least nan" in repr(Record((np.nan,) * 21))
    assert "<tuple of 30, the first of class Layer>" in repr(
        Record((Layer(np.zeros((1, 1)), np.zeros(1)),) * 30)
    )


def test_layers_and_what_holds_them_are_short() -> None:
    params = init(key(0), (784, 128, 2))
    layer = "Layer(w=<float64 (784, 128)>, b=<float64 (128,)>)"
    assert repr(params[0]) == layer
    assert repr(LayerGrad(*params[0])) == layer.replace("Layer", "LayerGrad")
    assert repr(State(params, (params[1].w,))).startswith(f"State(params=({layer}, Layer(w=<")
    assert repr(Batch(np.ones((30, 2)), np.ones((30, 1)))) == (
        "Batch(x=<float64 (30, 2)>, y=<float64 (30, 1)>, weight=None)"
    )
    steps = trace((relu, identity), params, np.ones((5, 784)))
    assert repr(steps[0]) == "LayerTrace(z=<float64 (5, 128)>, a=<float64 (5, 128)>)"
    small = Layer(np.array([[0.5]], np.float32), np.zeros(1))
    assert repr(small) == "Layer(w=array([[0.5]], dtype=float32), b=array([0.]))"


def test_pairs_are_shown_by_their_names() -> None:
    assert repr((tanh, leaky_relu(0.1), identity)) == "(tanh, leaky_relu(0.1), identity)"
    assert repr(leaky_relu(0)) == "relu"
    assert repr(dropout(key(0), 0.5, tanh)) == "dropout(Key(seed=0, path=()), 0.5, tanh)"
    assert repr(masked_loss(huber(1))) == "masked_loss(huber(1.0))"
    assert repr(pickle.loads(pickle.dumps((tanh, squared_error)))) == "(tanh, squared_error)"
    assert f"{masked_loss(squared_error)}" == "masked_loss(squared_error)"


def test_a_pair_of_ones_own_has_the_repr_of_every_named_tuple() -> None:
    pair, loss = Activation(square, twice), Loss(twice, twice)
    assert repr(pair) == f"Activation(f={square!r}, df={twice!r}, d2f=None, reach=None)"
    parts = f"f={twice!r}, df={twice!r}, d2f=None, targets=None, logits=False"
    assert repr(loss) == f"Loss({parts})"
    assert pair.__doc__ == Activation.__doc__ != loss.__doc__ == Loss.__doc__
    assert repr(pair._replace(name="square")) == "square"
    assert repr(pair._replace(d2f=twice)).endswith(f"d2f={twice!r}, reach=None)")


def test_a_pair_with_a_name_has_the_help_of_its_function() -> None:
    named = Activation(square, twice, name="square")
    assert named.__doc__ == square.__doc__
    assert "square\n    The square of z." in pydoc.render_doc(named)
    assert Activation(np.square, twice).__doc__ == Activation.__doc__
    assert Activation(lambda z: z, twice, name="mute").__doc__ == Activation.__doc__
    assert "class Activation" in pydoc.render_doc(Activation)
    assert (inspect.getdoc(Activation) or "").startswith("An activation pair")


@pytest.mark.parametrize(
    "pair", [dropout(key(0), 0.5, tanh), leaky_relu(0.2), huber(2.0), masked_loss(squared_error)]
)
def test_a_made_pair_has_the_help_of_its_maker_and_still_pickles(pair: Activation | Loss) -> None:
    again = pickle.loads(pickle.dumps(pair))
    assert (repr(again), again.f.__doc__) == (repr(pair), pair.f.__doc__)
    assert ">>> " in (pair.__doc__ or "")
    assert repr(pair) in pydoc.render_doc(pair)
