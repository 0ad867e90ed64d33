"""Randomness as a value: a key determines the numbers drawn with it, every time it is used.

A key is a seed and a path below it: `key` makes one from a seed, `split` and `fold_in` make new
ones below it. The samplers, `uniform`, `normal` and `permutation`, take a key first. There is no
global generator and no state: use every key once.

>>> weights_key, noise_key = split(key(0))
>>> uniform(noise_key, 2)
array([0.67719686, 0.24298675])
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.numbers import check_interval, check_rate, finite, floating, whole
from fnn.base import F

__all__ = [
    "Key",
    "Shape",
    "fold_in",
    "key",
    "normal",
    "permutation",
    "split",
    "uniform",
]


def __dir__() -> list[str]:
    return __all__


Shape: TypeAlias = int | tuple[int, ...]
"""The shape of what is drawn; a number is the length of a vector."""

_DEEPEST = 16  # numbers in a path before it is hashed


class Key(NamedTuple):
    """A source of randomness, ``np.random.SeedSequence(seed, spawn_key=path)``, made by `key`."""

    seed: int
    path: tuple[int, ...] = ()


def key(seed: int) -> Key:
    """The key of a seed, a whole number of at least 0 and below 2**128.

    >>> key(7)
    Key(seed=7, path=())
    """
    return Key(_words("seed", seed, 4))


def fold_in(key: Key, i: int) -> Key:
    """The key numbered `i` (from 0 to below 2**32) below `key`: for epochs, layers, workers.

    A path of 16 numbers is hashed into a new 128-bit seed, so a key that is split over and over
    in a loop stays small.

    >>> fold_in(key(7), 3)
    Key(seed=7, path=(3,))
    """
    check_key(key)
    i = _words("i", i, 1)
    if len(key.path) < _DEEPEST:
        return Key(key.seed, (*key.path, i))
    state = _sequence(key).generate_state(4, np.uint32)
    return Key(int.from_bytes(state.astype("<u4").tobytes(), "little"), (i,))


def split(key: Key, n: int = 2) -> tuple[Key, ...]:
    """`n` independent keys: ``split(key, n)[i] == fold_in(key, i)``.

    >>> split(key(7))
    (Key(seed=7, path=(0,)), Key(seed=7, path=(1,)))
    """
    check_key(key)
    return tuple(fold_in(key, i) for i in range(whole("n", n, 0)))


@overload
def uniform(key: Key, shape: Shape, low: float = ..., high: float = ...) -> NDArray[np.float64]: ...
@overload
def uniform(
    key: Key, shape: Shape, low: float = ..., high: float = ..., *, dtype: type[F] | np.dtype[F]
) -> NDArray[F]: ...
def uniform(
    key: Key, shape: Shape, low: float = 0.0, high: float = 1.0, *, dtype: Any = np.float64
) -> NDArray[Any]:
    """Random numbers from the uniform distribution over [low, high).

    They are read-only. Narrower dtypes get the float64 numbers, rounded.

    Raises `ValueError` for a low above high, and for either not finite.

    >>> uniform(key(0), 3)
    array([0.63696169, 0.26978671, 0.04097352])
    """
    low, high = check_interval(low, high)
    kind = floating(dtype)
    values = np.asarray(_generator(key).uniform(low, high, _lengths(shape)), kind)
    if high > low:  # rounding may reach `high`, which the interval leaves out
        np.minimum(values, np.nextafter(kind.type(high), kind.type(low)), out=values)
    return frozen(values)


@overload
def normal(key: Key, shape: Shape, mean: float = ..., std: float = ...) -> NDArray[np.float64]: ...
@overload
def normal(
    key: Key, shape: Shape, mean: float = ..., std: float = ..., *, dtype: type[F] | np.dtype[F]
) -> NDArray[F]: ...
def normal(
    key: Key, shape: Shape, mean: float = 0.0, std: float = 1.0, *, dtype: Any = np.float64
) -> NDArray[Any]:
    """Random numbers from the normal distribution of this mean and standard deviation.

    They are read-only. Narrower dtypes get the float64 numbers, rounded.

    Raises `ValueError` for a standard deviation below 0, and for either not finite.

    >>> normal(key(0), 3)
    array([ 0.12573022, -0.13210486,  0.64042265])
    """
    mean, std, kind = finite("mean", mean), check_rate("std", std), floating(dtype)
    return frozen(np.asarray(_generator(key).normal(mean, std, _lengths(shape)), kind))


def permutation(key: Key, n: int) -> NDArray[np.intp]:
    """The whole numbers from 0 to n - 1 in random order, read-only.

    >>> permutation(key(0), 4)
    array([2, 0, 1, 3])
    """
    return frozen(_generator(key).permutation(whole("n", n, 0)).astype(np.intp, copy=False))


def check_key(key: Key) -> None:
    """Raise `TypeError` for what is no key, such as the seed of one. For fnn's own functions."""
    if not isinstance(key, Key):
        raise TypeError(f"key: expected a Key, got {key!r}; make one by fnn.key(seed)")


def _lengths(shape: Shape) -> tuple[int, ...]:
    lengths = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(whole("shape", n, 0) for n in lengths)


def _words(name: str, value: int, n: int) -> int:
    """Check a whole number of up to `n` words of 32 bits.

    NumPy would read further words as further keys.
    """
    number = whole(name, value, 0)
    if number >= 2 ** (32 * n):
        raise ValueError(f"{name}: expected a number below 2**{32 * n}, got {value!r:.60}")
    return number


def _sequence(key: Key) -> np.random.SeedSequence:
    return np.random.SeedSequence(key.seed, spawn_key=key.path)


def _generator(key: Key) -> np.random.Generator:
    check_key(key)
    return np.random.Generator(np.random.PCG64(_sequence(key)))
