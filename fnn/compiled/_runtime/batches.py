"""Gradients of batches that are large enough for BLAS: only products are left to NumPy.

numba's own products would call SciPy's BLAS, and two such libraries in a process fight for its
threads. So these lines run in Python, once a batch. All arrays are allocated once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.base import Array
from fnn.compiled._plan.layout import Layout, zeros
from fnn.compiled._plan.targets import Table
from fnn.compiled._runtime.calls import address_of, kernel


class Room(NamedTuple):
    """Arrays for batches of one size: the samples, and each layer's z, a and f'(z).

    Then the arguments of "activate" and "pull_back" for each layer, and those of "lose".
    """

    x: Array
    y: Array
    share: Array
    layers: list[tuple[Array, Array, Array]]
    activate: list[tuple[Any, ...]]
    lose: tuple[Any, ...]
    pull_back: list[tuple[Any, ...]]


class Batches:
    """Gradients of batches by the params p, written to g; both are vectors with a layout."""

    def __init__(self, layout: Layout, acts: list[int], loss: int, targets: int, p: Array) -> None:
        self.layout, self.acts, self.loss, self.dtype = layout, acts, loss, p.dtype
        self.targets = targets
        self.g = zeros(p.shape, p.dtype)
        self.params, self.grads = layout.views(p), layout.views(self.g)
        self.rooms: dict[int, Room] = {}
        self.activate, self.lose, self.pull_back = (
            kernel(name, p.dtype) for name in ("activate", "lose", "pull_back")
        )

    def room(self, n: int) -> Room:
        """The arrays for n rows, which are made once; the caller fills x, y and share."""
        if n not in self.rooms:
            if len(self.rooms) > 1:  # one for whole batches, one for a short last batch
                self.rooms.clear()
            n_in, *sizes = self.layout.sizes
            x, y = np.empty((n, n_in), self.dtype), np.empty((n, self.targets), self.dtype)
            share = np.empty(n, self.dtype)
            layers, activate, pull_back = [], [], []
            for act, size, (_, b), (_, db) in zip(
                self.acts, sizes, self.params, self.grads, strict=True
            ):
                z, a, d = np.empty((3, n, size), self.dtype)
                layers.append((z, a, d))
                activate.append((*map(address_of, (z, b, a, d)), act, n, size))
                pull_back.append((*map(address_of, (z, d, db)), n, size))
            z, a, d = layers[-1]
            db = self.grads[-1][1]
            arrays = map(address_of, (a, y, z, share, d, db))
            lose = *arrays, self.loss, n, sizes[-1], self.targets
            self.rooms[n] = Room(x, y, share, layers, activate, lose, pull_back)
        return self.rooms[n]

    def gradient(self, room: Room) -> float:
        """The sum of the losses of samples in a room, each times its share; g is its gradient."""
        source = room.x
        for (w, _), (z, a, _), rest in zip(self.params, room.layers, room.activate, strict=True):
            np.matmul(source, w, out=z)
            self.activate(*rest)
            source = a
        value: float = self.lose(*room.lose)
        for i in range(len(self.params) - 1, 0, -1):
            delta, (z, a, _) = room.layers[i][2], room.layers[i - 1]
            np.matmul(a.T, delta, out=self.grads[i][0])
            np.matmul(delta, self.params[i][0].T, out=z)
            self.pull_back(*room.pull_back[i - 1])
        np.matmul(room.x.T, room.layers[0][2], out=self.grads[0][0])
        return value


def gather(room: Room, data: Table, rows: NDArray[np.int64]) -> None:
    """Copy rows of data into a room, with the share of each in the mean."""
    x, y, weight, _ = data
    x.take(rows, axis=0, out=room.x, mode="clip")
    y.take(rows, axis=0, out=room.y, mode="clip")
    room.share.fill(1.0 / len(rows))
    if weight is not None:
        np.multiply(room.share, weight.take(rows), out=room.share)
