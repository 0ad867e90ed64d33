"""A network as one vector, whose rows are padded to whole registers.

Machine code (`fnn.compiled._code.sample`) relies on this layout and reads nothing beyond it.
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
"""Bytes of a register (`fnn.compiled._code.lanes`), to which vectors and rows of W are padded."""

LINE = 64
"""Bytes of a cache line: a register that lies in two takes half as long again to read or write."""


class Layout(NamedTuple):
    """The widths of a network's layers, as they are and, without the input's, with padding."""

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
        """Views of each layer's w and b in the vector of all params."""
        parts, done = [], 0
        for m, n, row in zip(self.sizes, self.sizes[1:], self.rows, strict=False):
            w = vector[done : done + m * row].reshape(m, row)[:, :n]
            done += (m + 1) * row
            parts.append((w, vector[done - row : done - row + n]))
        return parts

    def net(self, acts: Iterable[int], loss: int, targets: int) -> NDArray[np.int64]:
        """The table of the network, from the addresses of its activations and its loss.

        `targets` is the number of numbers in a row of targets.
        """
        numbers = [len(self.rows), loss, self.size, self.width, targets]
        for layer in zip(self.sizes, self.sizes[1:], self.rows, acts, strict=False):
            numbers += LayerRow(*layer)
        return np.array(numbers, np.int64)


@lru_cache(maxsize=256)
def layout(sizes: tuple[int, ...], dtype: np.dtype[Any]) -> Layout:
    """The layout of a network of these widths."""
    unit = BYTES // dtype.itemsize
    return Layout(sizes, tuple(-(-n // unit) * unit for n in sizes[1:]))


def zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Zeros that begin at the beginning of a cache line."""
    size = math.prod(shape) * dtype.itemsize
    room = np.zeros(size + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + size].view(dtype).reshape(shape)


def sizes_of(params: Params[Any]) -> tuple[int, ...]:
    """The widths of a network's layers, the input first."""
    return (params[0].w.shape[0], *[layer.b.shape[0] for layer in params])


def fill(views: list[tuple[Array, Array]], layers: Params[Any] | Grads[Any]) -> None:
    """Copy the arrays of layers into views of a vector."""
    for (w, b), (to_w, to_b) in zip(layers, views, strict=True):
        to_w[...] = w
        to_b[...] = b


def copies(views: list[tuple[Array, Array]]) -> list[tuple[Array, Array]]:
    """Frozen copies of views."""
    return [(frozen(w.copy()), frozen(b.copy())) for w, b in views]


def layers_of(views: list[tuple[Array, Array]], like: Params[F]) -> Params[F]:
    """Params copied from views, of the dtype of `like`."""
    return tuple(Layer(w, b) for w, b in copies(views))


def flattened(views: list[tuple[Array, Array]]) -> Array:
    """A frozen vector without padding, which is the form of an optimizer's state."""
    return frozen(np.concatenate([array.reshape(-1) for pair in views for array in pair]))
