"""Batches that are large enough for BLAS: NumPy multiplies, and compiled loops do the rest.

numba's own products would call SciPy's BLAS, and two such libraries in a process fight for its
threads. So these lines run in Python, once a batch. All arrays are allocated once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fnn.base import Array
from fnn.compiled.entry import activation, function, where
from fnn.compiled.layout import Layout

LARGE = 2**17
"""Rows times params from which on a batch is large."""


class Room(NamedTuple):
    """Arrays for batches of one size: the samples, and each layer's z, a and f'(z)."""

    x: Array
    y: Array
    share: Array
    ones: Array
    layers: list[tuple[Array, Array, Array]]
    calls: list[tuple[Any, ...]]


class Batches:
    """Gradients of batches, of the params p into g, both laid out."""

    def __init__(self, layout: Layout, acts: list[int], loss: int, p: Array, g: Array) -> None:
        self.layout, self.acts, self.loss, self.dtype = layout, acts, loss, p.dtype
        self.p, self.g = layout.views(p), layout.views(g)
        self.rooms: dict[int, Room] = {}
        self.lose = function("lose", p.dtype)

    def room(self, n: int) -> Room:
        """The arrays for n rows, made once; all are to be filled."""
        if n not in self.rooms:
            if len(self.rooms) > 1:  # a size and that of a last, short batch
                self.rooms.clear()
            n_in, *sizes = self.layout.sizes
            x, y = np.empty((n, n_in), self.dtype), np.empty((n, sizes[-1]), self.dtype)
            share, ones = np.empty(n, self.dtype), np.ones(n, self.dtype)
            layers = []
            for size in sizes:
                z, a, d = np.empty((3, n, size), self.dtype)
                layers.append((z, a, d))
            calls: list[tuple[Any, ...]] = [
                (activation(act), z.size, where(z), where(a), where(d))
                for act, (z, a, d) in zip(self.acts, layers, strict=True)
            ]
            z, a, d = layers[-1]
            calls.append((self.lose, *map(where, (a, y, z, share, d)), self.loss, n, sizes[-1]))
            self.rooms[n] = Room(x, y, share, ones, layers, calls)
        return self.rooms[n]

    def gradient(self, room: Room) -> float:
        """The sum of the losses of what is in the room, each times its share, and its gradient."""
        source = room.x
        for (w, b), (z, a, _), (act, *rest) in zip(self.p, room.layers, room.calls, strict=False):
            np.add(np.matmul(source, w, out=z), b, out=z)
            act(*rest)
            source = a
        lose, *rest = room.calls[-1]
        value: float = lose(*rest)
        delta = room.layers[-1][2]
        for i in range(len(self.p) - 1, 0, -1):
            back, source, below = room.layers[i - 1]
            self._layer(i, source, delta, room.ones)
            np.matmul(delta, self.p[i][0].T, out=back)
            below *= back
            delta = below
        self._layer(0, room.x, delta, room.ones)
        return value

    def _layer(self, i: int, source: Array, delta: Array, ones: Array) -> None:
        dw, db = self.g[i]
        np.matmul(source.T, delta, out=dw)
        np.matmul(ones, delta, out=db)
