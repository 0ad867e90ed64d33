"""Initializers: functions ``(key, shape, dtype) -> array`` that draw a layer's first values.

The scaled ones read the fans from a weight matrix's shape (fan_in, fan_out). The normal ones draw
from the plain normal distribution, as PyTorch's do; JAX's and Keras's cut its tails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fnn import random
from fnn.base import Array
from fnn.random import Key
from fnn.tree import frozen

Initializer: TypeAlias = Callable[[Key, tuple[int, ...], np.dtype[Any]], Array]


def zeros(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """All zeros: the usual first bias.

    >>> zeros(random.key(0), (2,), np.dtype(float))
    array([0., 0.])
    """
    return frozen(np.zeros(shape, dtype))


def constant(value: float) -> Initializer:
    """Every entry `value`.

    >>> constant(0.5)(random.key(0), (2,), np.dtype(float))
    array([0.5, 0.5])
    """
    _finite("value", value)
    return lambda key, shape, dtype: frozen(np.full(shape, value, dtype))


def uniform(low: float = 0.0, high: float = 1.0) -> Initializer:
    """Spread evenly over [low, high).

    >>> uniform(2.0, 3.0)(random.key(0), (2,), np.dtype(float))
    array([2.63696169, 2.26978671])
    """
    _finite("low", low)
    _finite("high", high)
    if low > high:
        raise ValueError(f"low: expected at most high = {high}, got {low}; swap the two")
    return lambda key, shape, dtype: random.uniform(key, shape, low, high, dtype=dtype)


def normal(std: float = 1.0) -> Initializer:
    """Normal with mean 0 and standard deviation `std`.

    >>> normal(0.1)(random.key(0), (2,), np.dtype(float))
    array([ 0.01257302, -0.01321049])
    """
    _finite("std", std)
    if std < 0:
        raise ValueError(f"std: expected a standard deviation of at least 0, got {std}")
    return lambda key, shape, dtype: random.normal(key, shape, 0.0, std, dtype=dtype)


def glorot_uniform(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Even over +-sqrt(6 / (fan_in + fan_out)): for tanh, sigmoid and linear layers.

    Source: Glorot and Bengio 2010, equation 16.

    >>> glorot_uniform(random.key(0), (3, 3), np.dtype(float)).shape
    (3, 3)
    """
    fan_in, fan_out = _fans(shape)
    return _even(key, shape, dtype, 2.0 / (fan_in + fan_out))


def glorot_normal(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Normal with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010, equation 12."""
    fan_in, fan_out = _fans(shape)
    return random.normal(key, shape, 0.0, math.sqrt(2.0 / (fan_in + fan_out)), dtype=dtype)


def he_uniform(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Even over +-sqrt(6 / fan_in): for relu layers. Source: He et al. 2015, equation 10."""
    return _even(key, shape, dtype, 2.0 / _fans(shape)[0])


def he_normal(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Normal with variance 2 / fan_in: for relu layers. Source: He et al. 2015, equation 10."""
    return random.normal(key, shape, 0.0, math.sqrt(2.0 / _fans(shape)[0]), dtype=dtype)


def lecun_uniform(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Even over +-sqrt(3 / fan_in). Source: LeCun, Bottou, Orr and Mueller 1998, section 4.6."""
    return _even(key, shape, dtype, 1.0 / _fans(shape)[0])


def lecun_normal(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Normal with variance 1 / fan_in: for selu layers. Source: LeCun et al. 1998, section 4.6."""
    return random.normal(key, shape, 0.0, math.sqrt(1.0 / _fans(shape)[0]), dtype=dtype)


def orthogonal(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Rows or columns, whichever are fewer, orthonormal; uniform over all such matrices.

    Source: Saxe, McClelland and Ganguli 2014; the sign fix that makes it uniform: Mezzadri 2007.

    >>> w = orthogonal(random.key(0), (3, 2), np.dtype(float))
    >>> bool(np.allclose(w.T @ w, np.eye(2)))
    True
    """
    tall = tuple(sorted(_fans(shape), reverse=True))
    q, r = np.linalg.qr(random.normal(key, tall))
    q = q * np.copysign(1.0, np.diagonal(r))
    return frozen(np.array(q if tall == shape else q.T, dtype))


def _even(key: Key, shape: tuple[int, ...], dtype: np.dtype[Any], variance: float) -> Array:
    limit = math.sqrt(3.0 * variance)
    return random.uniform(key, shape, -limit, limit, dtype=dtype)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2:
        raise ValueError(
            f"shape: expected a weight matrix's (fan_in, fan_out), got {shape};"
            " a bias takes zeros, constant, uniform or normal"
        )
    return shape[0], shape[1]


def _finite(name: str, value: float) -> None:
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
