"""A rate that falls where the loss stays: a pure state machine inside an optimizer's state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from typing_extensions import override

from fnn._core.arrays import rebuild
from fnn._core.numbers import check_rate, whole, within
from fnn.base import Array, Optimizer
from fnn.optimizers._rules import Rule

C = TypeVar("C")


class Fall(NamedTuple):
    """The numbers that `reduce_on_plateau` was called with."""

    factor: float
    patience: int
    min_delta: float
    cooldown: int
    least: float


class PlateauState(NamedTuple):
    """The state of `reduce_on_plateau`: updates are multiplied by ``scale``, 1 to begin with.

    ``best`` is the last loss that counted as an improvement, ``waited`` the losses since, and
    ``rest`` the losses to come that are not counted. `observe` reads the rest from ``fall``.
    """

    scale: float
    best: float
    waited: int
    rest: int
    fall: Fall


@dataclass(frozen=True, repr=False)
class ReduceOnPlateau(Rule[PlateauState]):
    """The rule of `reduce_on_plateau`."""

    name: ClassVar[str] = "reduce_on_plateau"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 0.0
    cooldown: int = 0
    least: float = 0.0

    @override
    def init(self, params: Any) -> PlateauState:
        fall = Fall(self.factor, self.patience, self.min_delta, self.cooldown, self.least)
        return PlateauState(1.0, math.inf, 0, 0, fall)

    @override
    def rewrite(self, g: Array, state: PlateauState, params: Any) -> tuple[Array, PlateauState]:
        np.multiply(g, check_plateau(state).scale, out=g)
        return g, state

    @override
    def held(self, out: Array, before: PlateauState, after: PlateauState) -> PlateauState:
        return after


def check_plateau(state: Any) -> PlateauState:
    """Refuse another state in the place of a `PlateauState`."""
    if not isinstance(state, PlateauState):
        raise TypeError(
            f"state: expected PlateauState, got {type(state).__name__}; fnn.start makes one"
        )
    return state


def reduce_on_plateau(
    factor: float = 0.1,
    patience: int = 10,
    min_delta: float = 0.0,
    cooldown: int = 0,
    least: float = 0.0,
) -> Optimizer[PlateauState]:
    """Lower the rate where the loss no longer falls; chain it after an optimizer.

    ``chain(adam(0.01), reduce_on_plateau())`` multiplies Adam's updates by a scale, 1 to begin
    with. After more than `patience` losses in a row that are not below the last improvement by more
    than `min_delta`, the scale is multiplied by `factor`, but not below `least`. The next
    `cooldown` losses do not count as waiting.

    `fit` and `fnn.train.epochs` tell it a loss after every epoch: `fit` the figure that its
    patience watches, `epochs` the mean training loss. A loop of your own does by `observe`. The
    engine `fnn.compiled.scan` runs it; `fnn.compiled.train` and `train_many`, which compute many
    epochs in one call, refuse it.

    PyTorch's ``ReduceLROnPlateau(threshold_mode="abs")``, with ``threshold=min_delta``. Raises
    `ValueError` for a factor that is not above 0 and below 1, `patience` or `cooldown` below 0, a
    `min_delta` below 0, and a `least` that is not from 0 to 1.

    >>> from fnn import Layer, start
    >>> from fnn.optimizers import chain, sgd
    >>> optimizer = chain(sgd(0.1), reduce_on_plateau(factor=0.5, patience=1))
    >>> state = start(optimizer, (Layer(np.array([[2.0]]), np.array([0.5])),))
    >>> for loss in (3.0, 2.0, 2.5, 2.0):
    ...     state = observe(state, loss)
    >>> state.opt[1].scale
    0.5
    """
    return ReduceOnPlateau(
        within("factor", factor, 0.0, 1.0, "()"),
        whole("patience", patience, 0),
        check_rate("min_delta", min_delta),
        whole("cooldown", cooldown, 0),
        within("least", least, 0.0, 1.0),
    ).pair()


def observe(state: C, loss: float) -> C:
    """Return the state with `loss` told to every `reduce_on_plateau` in it, once an epoch or so.

    `state` is a `State`, or any nesting of tuples, of which only the `PlateauState` are replaced.
    A loss that is NaN is no improvement.

    >>> from fnn.optimizers import sgd
    >>> observe(((), 3), 0.5)
    ((), 3)
    """
    told: C = _observed(state, float(loss))
    return told


def _observed(node: Any, loss: float) -> Any:
    if isinstance(node, PlateauState):
        return told(node, loss)
    if not isinstance(node, tuple):
        return node
    return rebuild(node, [_observed(child, loss) for child in node])


def told(state: PlateauState, loss: float) -> PlateauState:
    """The next state of one plateau."""
    scale, best, waited, rest, fall = state
    if loss < best - fall.min_delta:
        best, waited = loss, 0
    else:
        waited += 1
    if rest > 0:
        rest, waited = rest - 1, 0
    if waited > fall.patience:
        scale, waited, rest = max(scale * fall.factor, fall.least), 0, fall.cooldown
    return PlateauState(scale, best, waited, rest, fall)


def has_plateau(node: Any) -> bool:
    """True for a tree with a `PlateauState` in it."""
    return isinstance(node, PlateauState) or (
        isinstance(node, tuple) and any(map(has_plateau, node))
    )
