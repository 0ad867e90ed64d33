"""Whatever fnn offers compiles: rules have operations, pairs have loops."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fnn import (
    Activation,
    Batch,
    Loss,
    Optimizer,
    activations,
    init,
    key,
    losses,
    minibatches,
    optimizers,
    train,
)
from fnn.compiled._build.watch import own
from fnn.compiled._code.kernels import KERNELS
from fnn.compiled._plan.pieces import share_data
from fnn.compiled._plan.program import CHANGE_GRADIENT_ONLY, ForeignError, Program
from fnn.compiled._plan.signatures import SIGNATURES
from fnn.compiled._runtime import pairs
from fnn.optimizers._combine import Accumulate, Chain, Masked, PerLayer
from fnn.optimizers._descent import Sgd
from fnn.optimizers._rules import Rule
from fnn.train._plateau import ReduceOnPlateau

DTYPE = np.dtype(np.float64)
MADE_OF_OTHERS = {Accumulate, Chain, Masked, PerLayer, ReduceOnPlateau}

GIVEN: dict[str, Any] = {
    "first": optimizers.sgd(0.1),
    "rest": optimizers.sgd(0.1),
    "optimizer": optimizers.sgd(0.1),
    "mask": (True, False),
    "factors": (0.1, 1.0),
    "every": 2,
    "loss": losses.squared_error,
    "key": key(0),
    "act": activations.tanh,
}
"""Arguments that have no default and are no numbers."""


def offered(face: Any, kind: type) -> dict[str, Any]:
    """The values of a kind that a package offers, and what its functions return of that kind."""
    found = {}
    for name in face.__all__:
        value = getattr(face, name)
        if isinstance(value, kind):
            found[name] = value
        elif inspect.isfunction(value) and value.__annotations__["return"].startswith(
            kind.__name__
        ):
            parameters = inspect.signature(value).parameters.values()
            needed = [p.name for p in parameters if p.default is p.empty]
            found[name] = value(*[GIVEN.get(name, 0.5) for name in needed])
    return found


def rules(kind: Any = Rule) -> Iterator[type]:
    """The rules of fnn that are not abstract."""
    if kind.__module__.startswith("fnn.") and not inspect.isabstract(kind):
        yield kind
    for narrower in kind.__subclasses__():
        yield from rules(narrower)


OPTIMIZERS = offered(optimizers, Optimizer) | offered(train, Optimizer)


def test_there_are_functions_for_all_optimizers() -> None:
    assert {type(optimizer.update) for optimizer in OPTIMIZERS.values()} == set(rules())


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"accumulate"}))
def test_every_optimizer_is_a_program_of_operations_that_exist(name: str) -> None:
    params = init(key(0), (3, 4, 2))
    program = Program(params, DTYPE, lambda name: 0)
    program.append(OPTIMIZERS[name], OPTIMIZERS[name].init(params))
    program.complete()
    assert program.operations
    assert {operation.name for operation in program.operations} <= set(KERNELS)


def test_every_rule_has_kernels_and_every_kernel_is_used() -> None:
    given = [optimizer.update for optimizer in OPTIMIZERS.values()]
    simple = [rule for rule in given if isinstance(rule, Rule) and type(rule) not in MADE_OF_OTHERS]
    assert {type(rule) for rule in simple} == set(rules()) - MADE_OF_OTHERS
    used = {name for rule in simple for name, _ in rule.operations()}
    assert used | {"hold", "release", "give_all", "scale_each"} == set(KERNELS) - set(SIGNATURES)
    assert set(KERNELS) >= CHANGE_GRADIENT_ONLY


def test_a_rule_of_ones_own_has_no_kernels_whatever_it_is_made_of() -> None:
    class Own(Sgd):
        """A rule that could change what its class does."""

    own: Any = Own(0.1)
    program = Program(init(key(0), (3, 2)), DTYPE, lambda name: 0)
    with pytest.raises(ForeignError):
        program.append(own.pair(), own.init(program.params))


ACTIVATIONS: dict[str, Activation] = offered(activations, Activation)
LOSSES: dict[str, Loss] = offered(losses, Loss)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"dropout"}))
def test_every_activation_compiles(name: str) -> None:
    act = ACTIVATIONS[name]
    assert own(act.f, act.df)
    assert all(pairs.activation(0, act, DTYPE))


def test_dropout_draws_for_a_whole_array_and_does_not_compile() -> None:
    with pytest.raises(TypeError, match=r"^acts\[0\]: expected a pair that numba can compile"):
        pairs.activation(0, ACTIVATIONS["dropout"], DTYPE)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_compiles(name: str) -> None:
    loss = LOSSES[name]
    assert own(loss.f, loss.df)
    assert pairs.loss(loss, DTYPE, 3)


def test_passes_over_the_same_data_share_them_whatever_the_scale_of_their_weights() -> None:
    x, y, weight = np.eye(3), np.ones((3, 1)), np.array([1.0, 2.0, 5.0])
    first, again = (minibatches(key(i), 2, Batch(x, y, weight)) for i in range(2))
    assert share_data(first, again)
    assert share_data(first, minibatches(key(0), 2, Batch(x, y, 4 * weight)))
    assert not share_data(first, minibatches(key(0), 2, Batch(x, y, weight[::-1])))
    assert not share_data(first, minibatches(key(0), 2, Batch(x, y)))
    assert not share_data(first, minibatches(key(0), 2, Batch(x, y + 1, weight)))
