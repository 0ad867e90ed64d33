"""How a network lies in memory while it is trained: one vector, its rows padded to whole registers.

The kernels (`fnn.compiled._code.kernels`) read no further than this says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn.base import Array, F, Grads, Layer, Params
from fnn.compiled._plan.tables import LayerRow

BYTES = 32
"""Of a register (`fnn.compiled._code.lanes`): the rows of W, and vectors, are padded to so many."""


LINE = 64
"""Bytes of a cache line: a register that lies in two takes half as long again to read or write."""


class Layout(NamedTuple):
    """The widths of a network's layers, and but for the input's the same padded."""

    sizes: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def size(self) -> int:
        """Numbers in the vector of all params."""
        return sum((m + 1) * n for m, n in zip(self.sizes, self.rows, strict=False))

    @property
    def width(self) -> int:
        """Numbers in the vectors of all layers."""
        return sum(self.rows)

    def views(self, vector: Array) -> list[tuple[Array, Array]]:
        """Where each layer's w and b are in the vector of all params."""
        parts, done = [], 0
        for m, n, row in zip(self.sizes, self.sizes[1:], self.rows, strict=False):
            w = vector[done : done + m * row].reshape(m, row)[:, :n]
            done += (m + 1) * row
            parts.append((w, vector[done - row : done - row + n]))
        return parts

    def net(self, acts: Iterable[int], loss: int) -> NDArray[np.int64]:
        """The integers that kernels read."""
        numbers = [len(self.rows), loss, self.size, self.width]
        for layer in zip(self.sizes, self.sizes[1:], self.rows, acts, strict=False):
            numbers += LayerRow(*layer)
        return np.array(numbers, np.int64)


@lru_cache(maxsize=256)
def layout(sizes: tuple[int, ...], dtype: np.dtype[Any]) -> Layout:
    """The layout of a network of these widths."""
    unit = BYTES // dtype.itemsize
    return Layout(sizes, tuple(-(-n // unit) * unit for n in sizes[1:]))


def zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Zeros that begin where a cache line does."""
    size = math.prod(shape) * dtype.itemsize
    room = np.zeros(size + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + size].view(dtype).reshape(shape)


def sizes_of(params: Params[Any]) -> tuple[int, ...]:
    """The widths of a network's layers, the input first."""
    return (params[0].w.shape[0], *[layer.b.shape[0] for layer in params])


def fill(parts: list[tuple[Array, Array]], layers: Params[Any] | Grads[Any]) -> None:
    """Copy the arrays of layers to their places."""
    for (w, b), (to_w, to_b) in zip(layers, parts, strict=True):
        to_w[...] = w
        to_b[...] = b


def taken(parts: list[tuple[Array, Array]]) -> list[tuple[Array, Array]]:
    """Frozen copies of the arrays in their places."""
    return [(frozen(w.copy()), frozen(b.copy())) for w, b in parts]


def layers_of(parts: list[tuple[Array, Array]], like: Params[F]) -> Params[F]:
    """The params in their places."""
    return tuple(Layer(w, b) for w, b in taken(parts))


def flattened(parts: list[tuple[Array, Array]]) -> Array:
    """A frozen vector of what is in the places, as optimizers keep it."""
    return frozen(np.concatenate([array.reshape(-1) for pair in parts for array in pair]))
