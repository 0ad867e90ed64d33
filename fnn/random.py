"""Randomness as a value: a key says which numbers come, and asking twice gives them twice.

A key is a seed and a path below it. `split` and `fold_in` make new keys; the samplers read one.
There is no global generator and no state: use every key once.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from fnn.base import F
from fnn.tree import frozen

Shape: TypeAlias = int | tuple[int, ...]

_DEEPEST = 16


class Key(NamedTuple):
    """A source of randomness: ``np.random.SeedSequence(seed, spawn_key=path)``."""

    seed: int
    path: tuple[int, ...] = ()


def key(seed: int) -> Key:
    """The key of a seed, a whole number of at least 0.

    >>> key(7)
    Key(seed=7, path=())
    """
    return Key(_whole("seed", seed))


def fold_in(key: Key, i: int) -> Key:
    """The key numbered `i` (at least 0) below `key`: for epochs, layers, workers.

    A path of 16 numbers is hashed into a new 128-bit seed, so a key that is split over and over
    in a loop stays small.

    >>> fold_in(key(7), 3)
    Key(seed=7, path=(3,))
    """
    i = _whole("i", i)
    if len(key.path) < _DEEPEST:
        return Key(key.seed, (*key.path, i))
    state = _sequence(key).generate_state(4, np.uint32)
    return Key(int.from_bytes(state.astype("<u4").tobytes(), "little"), (i,))


def split(key: Key, n: int = 2) -> tuple[Key, ...]:
    """`n` independent keys: ``split(key, n)[i] == fold_in(key, i)``.

    >>> split(key(7))
    (Key(seed=7, path=(0,)), Key(seed=7, path=(1,)))
    """
    return tuple(fold_in(key, i) for i in range(_whole("n", n)))


@overload
def uniform(
    key: Key, shape: Shape, low: float = ..., high: float = ...
) -> NDArray[np.float64]: ...
@overload
def uniform(
    key: Key, shape: Shape, low: float = ..., high: float = ..., *, dtype: type[F] | np.dtype[F]
) -> NDArray[F]: ...
def uniform(
    key: Key, shape: Shape, low: float = 0.0, high: float = 1.0, *, dtype: Any = np.float64
) -> NDArray[Any]:
    """Numbers spread evenly over [low, high). Narrower dtypes get the float64 numbers, rounded.

    >>> uniform(key(0), 3)
    array([0.63696169, 0.26978671, 0.04097352])
    """
    values = _generator(key).uniform(low, high, shape).astype(dtype, copy=False)
    # Rounding to a narrower type may reach `high`, which the interval leaves out.
    below = np.nextafter(values.dtype.type(high), values.dtype.type(low))
    return frozen(np.minimum(values, below) if high > low else values)


@overload
def normal(key: Key, shape: Shape, mean: float = ..., std: float = ...) -> NDArray[np.float64]: ...
@overload
def normal(
    key: Key, shape: Shape, mean: float = ..., std: float = ..., *, dtype: type[F] | np.dtype[F]
) -> NDArray[F]: ...
def normal(
    key: Key, shape: Shape, mean: float = 0.0, std: float = 1.0, *, dtype: Any = np.float64
) -> NDArray[Any]:
    """Numbers from the normal distribution. Narrower dtypes get the float64 numbers, rounded.

    >>> normal(key(0), 3)
    array([ 0.12573022, -0.13210486,  0.64042265])
    """
    return frozen(_generator(key).normal(mean, std, shape).astype(dtype, copy=False))


def permutation(key: Key, n: int) -> NDArray[np.intp]:
    """The numbers 0 to n - 1 in random order.

    >>> permutation(key(0), 4)
    array([2, 0, 1, 3])
    """
    return frozen(_generator(key).permutation(_whole("n", n)).astype(np.intp, copy=False))


def _sequence(key: Key) -> np.random.SeedSequence:
    return np.random.SeedSequence(key.seed, spawn_key=key.path)


def _generator(key: Key) -> np.random.Generator:
    if not isinstance(key, Key):
        raise TypeError(f"key: expected a Key, got {key!r}; make one with fnn.key(seed)")
    return np.random.Generator(np.random.PCG64(_sequence(key)))


def _whole(name: str, value: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise ValueError(f"{name}: expected a whole number of at least 0, got {value!r}")
    return number
