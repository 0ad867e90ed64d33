"""Optimizers: pairs ``(init, update)`` that turn gradients into updates, to be added to params.

A rate is a number or a schedule, a plain function from the step number (0, 1, ...) to a number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from fnn import tree
from fnn.base import Grads, Optimizer, Params
from fnn.checks import check_rate

Schedule: TypeAlias = Callable[[int], float]


class SgdState(NamedTuple):
    """The number of steps taken: what a schedule reads."""

    steps: int


def sgd(rate: float | Schedule) -> Optimizer[SgdState]:
    """Stochastic gradient descent: ``update = -rate * grad``.

    Source: Robbins and Monro 1951. Raises `ValueError` for a rate that is negative or not finite.

    >>> import numpy as np
    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> optimizer = sgd(0.1)
    >>> grads = (LayerGrad(np.array([[10.0]]), np.array([1.0])),)
    >>> optimizer.update(grads, optimizer.init(params), params)
    ((LayerGrad(w=array([[-1.]]), b=array([-0.1])),), SgdState(steps=1))
    """
    return Optimizer(_sgd_init, partial(_sgd_update, check_schedule(rate)))


def _sgd_init(params: Params[Any]) -> SgdState:
    return SgdState(0)


def _sgd_update(
    rate: float | Schedule, grads: Grads[Any], state: SgdState, params: Params[Any]
) -> tuple[Grads[Any], SgdState]:
    return tree.scale(-rate_at(rate, state.steps), grads), SgdState(state.steps + 1)


def check_schedule(rate: float | Schedule) -> float | Schedule:
    """A schedule as it is, or a finite rate of at least 0 as a Python float."""
    return rate if callable(rate) else check_rate("rate", rate)


def rate_at(rate: float | Schedule, steps: int) -> float:
    """The rate of the step that follows `steps` others."""
    return check_rate(f"rate({steps})", rate(steps)) if callable(rate) else rate
