"""A new activation, loss or optimizer is added in three places, and here where one is forgotten.

They are its function in a module of the room, its name in the room's ``__all__``, and its row in
``tests/support/``. Every other table of the tests is made from the rows.
"""

from __future__ import annotations

import ast
import inspect

from fnn import activations, losses, optimizers
from fnn.base import Activation, Loss, Optimizer
from tests.support import activations as activation_rows
from tests.support import losses as loss_rows
from tests.support import optimizers as optimizer_rows

MADE_OF_OTHERS = {"dropout", "masked_loss", "softmax_cross_entropy_with_integer_labels"}
"""Pairs made of another pair, whose oracle is that pair's."""

NOT_LOSSES = {"Targets", "label_smoothing", "log_softmax", "softmax"}


def test_every_activation_has_its_row() -> None:
    assert set(activation_rows.ORACLES) == set(activations.__all__) - MADE_OF_OTHERS
    for row in activation_rows.ORACLES.values():
        assert isinstance(row.pair, Activation)


def test_a_row_is_of_the_activation_that_it_is_named_after() -> None:
    for name, row in activation_rows.ORACLES.items():
        public = getattr(activations, name)
        if isinstance(public, Activation):
            assert row.pair is public


def test_every_loss_has_its_row() -> None:
    assert set(loss_rows.ORACLES) == set(losses.__all__) - MADE_OF_OTHERS - NOT_LOSSES
    for name, row in loss_rows.ORACLES.items():
        public = getattr(losses, name)
        assert isinstance(row.loss, Loss)
        if isinstance(public, Loss):
            assert row.loss is public


def test_every_built_in_pair_has_a_second_derivative() -> None:
    pairs = [row.pair for row in activation_rows.ORACLES.values()]
    assert all(pair.d2f is not None for pair in pairs)
    assert all(row.loss.d2f is not None for row in loss_rows.ORACLES.values())


def test_every_optimizer_and_transform_has_its_row() -> None:
    """Both engines are tested on all rows, those of `WALKED` against PyTorch or optax as well."""
    functions = {
        name for name in optimizers.__all__ if inspect.isfunction(getattr(optimizers, name))
    }
    public = functions - {"ema"}  # which averages params, and moves none
    tree = ast.parse(inspect.getsource(optimizer_rows))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert public <= called
    rows = optimizer_rows.CASES | optimizer_rows.MORE
    assert all(isinstance(row, Optimizer) for row in rows.values())


def test_every_optimizer_that_is_none_of_transforms_walks_as_another_library_does() -> None:
    """A transform takes updates to be descended along and is no optimizer by itself."""
    module_of = {name: getattr(optimizers, name).__module__ for name in optimizers.__all__}
    by_itself = {
        name
        for name, module in module_of.items()
        if inspect.isfunction(getattr(optimizers, name))
        and not module.endswith(("_transforms", "_combine", "_average"))
    }
    assert by_itself <= set(optimizer_rows.CASES)
