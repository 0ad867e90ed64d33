"""Dropout as a pure function of a key: the same key always silences the same units."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from fnn._core.checks import check_acts
from fnn._core.numbers import fraction
from fnn._core.reprs import documented
from fnn.base import Activation, Array
from fnn.random import Key, check_key, uniform

_Derivative: TypeAlias = Callable[[Array, Array], Array]


def dropout(key: Key, rate: float, act: Activation) -> Activation:
    """Drop units: `act` with each silenced with probability `rate`, the others scaled up to match.

    ``f(z) = act.f(z) * mask``, and its derivatives likewise, where the mask, drawn from `key` in
    the shape of z, is 0 with probability `rate` and else ``1 / (1 - rate)``: the mean of the output
    is that of `act`. For training only; every step needs a key of its own, as `fit` gives to its
    `training_acts`. Raises `ValueError` for a rate outside [0, 1).

    Source: Srivastava et al., "Dropout", 2014, in the inverted form of section 10.

    >>> from fnn.activations import identity
    >>> from fnn.random import key
    >>> dropout(key(0), 0.5, identity).f(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    """
    check_key(key)
    rate = fraction("rate", rate)
    check_acts((act,))
    return Activation(
        documented(partial(_masked_f, key, rate, act), dropout.__doc__),
        partial(_masked_derivative, key, rate, act, act.df),
        None if act.d2f is None else partial(_masked_derivative, key, rate, act, act.d2f),
        reach=None if act.reach is None else _scaled_reach(rate, act.reach),
        name=f"dropout({key}, {rate}, {act})",
    )


def _scaled_reach(rate: float, reach: tuple[float, float]) -> tuple[float, float]:
    """The range of values that are scaled up, or silenced and then 0."""
    return min(reach[0] / (1.0 - rate), 0.0), max(reach[1] / (1.0 - rate), 0.0)


def _masked_f(key: Key, rate: float, act: Activation, z: Array) -> Array:
    return act.f(z) * _mask(key, rate, z)


def _masked_derivative(
    key: Key, rate: float, act: Activation, derivative: _Derivative, z: Array, a: Array
) -> Array:
    return derivative(z, act.f(z)) * _mask(key, rate, z)  # `a` is masked: `act` needs its own


def _mask(key: Key, rate: float, z: Array) -> Array:
    kept: Array = np.where(uniform(key, z.shape) >= rate, 1.0 / (1.0 - rate), 0.0)
    return kept.astype(z.dtype, copy=False)
