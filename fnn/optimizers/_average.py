"""Running means of params, for a network that is steadier than the one being trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from typing_extensions import override

from fnn import tree
from fnn._core import reprs
from fnn._core.arrays import frozen
from fnn._core.numbers import describe, fraction, whole
from fnn._core.trees import check_alike, check_tree

T = TypeVar("T")


class EmaState(NamedTuple):
    """The state of `ema`: the number of trees seen, and their decayed mean, without correction."""

    steps: int
    mean: Any

    @override
    def __repr__(self) -> str:
        return reprs.fields(self)


class Ema(NamedTuple):
    """The pair that `ema` makes: ``init(params)`` and ``update(params, state)``."""

    init: Callable[[Any], EmaState]
    update: Callable[[Any, EmaState], tuple[Any, EmaState]]

    @override
    def __repr__(self) -> str:
        return repr(self.update)


@dataclass(frozen=True, repr=False)
class _Ema:
    decay: float
    debias: bool

    def init(self, params: Any) -> EmaState:
        check_tree(params)
        return EmaState(0, tree.zeros_like(params))

    def __call__(self, params: T, state: EmaState) -> tuple[T, EmaState]:
        if not isinstance(state, EmaState):
            raise TypeError(
                f"state: expected EmaState, got {describe(state)}; the pair's init makes one"
            )
        check_alike("state.mean", state.mean, params)
        steps = whole("state.steps", state.steps, 0) + 1
        mean = tree.map(self._mixed, params, state.mean)
        after = EmaState(steps, mean)
        if not self.debias:
            return mean, after
        return tree.scale(1.0 / (1.0 - self.decay**steps), mean), after

    def _mixed(self, new: Any, mean: Any) -> Any:
        return frozen(np.asarray(self.decay * mean + (1.0 - self.decay) * new))

    @override
    def __repr__(self) -> str:
        return f"ema({self.decay!r}{'' if self.debias else ', debias=False'})"


def ema(decay: float, debias: bool = True) -> Ema:
    """Exponential moving average of params, or of any tree of floating arrays.

    ``mean = decay * mean + (1 - decay) * params``, from zeros, and what ``update`` returns is
    ``mean / (1 - decay ** t)`` with t = 1 for the first params: a weighted mean of those seen so
    far. With ``debias=False`` it is the mean itself. A decay of 0.99 remembers about 100 steps.
    `decay` is at least 0 and below 1; trees of another nesting, shape or dtype than the first are
    an error. As ``optax.ema``. Source: Polyak and Juditsky, "Acceleration of stochastic
    approximation by averaging", 1992.

    The pair is used beside an optimizer, in a loop of one's own or over `fnn.train.epochs`; the
    averaged params are for validation and prediction:

    >>> from fnn.base import Layer
    >>> average = ema(0.5)
    >>> state = average.init((Layer(np.zeros((1, 1)), np.zeros(1)),))
    >>> for number in (1.0, 4.0):
    ...     params = (Layer(np.full((1, 1), number), np.zeros(1)),)
    ...     smooth, state = average.update(params, state)
    >>> smooth
    (Layer(w=array([[3.]]), b=array([0.])),)
    """
    if not isinstance(debias, bool | np.bool_):
        raise TypeError(f"debias: expected True or False, got {describe(debias)}")
    rule = _Ema(fraction("decay", decay), bool(debias))
    return Ema(rule.init, rule)
