"""What the built-in optimizers are made of: rules that rewrite gradients in place, as vectors.

A gradient joined into one vector takes the same few NumPy calls for any number of layers. A large
one is not even copied: `Rule.descend` turns its arrays, one by one, into the next params.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic

import numpy as np
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.checks import check_grads, check_params
from fnn._core.numbers import describe, whole
from fnn.base import Array, F, Grads, Layer, LayerGrad, Optimizer, Params, S
from fnn.tree import leaves

LARGE = 2**14
"""Gradients of at least so many numbers are rewritten array by array: joining costs more."""

BLOCK = 2**13
"""Numbers in a temporary. Large ones make malloc return and fault in pages at every step."""


class Rule(ABC, Generic[S]):
    """The ``update`` of a built-in optimizer: a pure function outside, in place inside."""

    @abstractmethod
    def init(self, params: Params[Any]) -> S:
        """The state before the first step."""

    @abstractmethod
    def rewrite(self, vectors: Sequence[Array], state: S, params: Params[Any]) -> S:
        """Overwrite the gradient by the update, and return the next state.

        `vectors` are its arrays, flat, w before b and layer by layer; or the one vector of them.
        """

    def __call__(self, grads: Grads[Any], state: S, params: Params[Any]) -> tuple[Grads[Any], S]:
        """``(grads, state, params) -> (updates, state)``, as every optimizer's update."""
        check_grads("grads", grads, params)
        vector = np.concatenate(flat(grads))
        state = self.rewrite([vector], state, params)
        return layered(frozen(vector), params), state

    def descend(self, params: Params[F], grads: Grads[F], state: S) -> tuple[Params[F], S]:
        """The next params and state. `grads` are fresh arrays that nobody else holds: they may go.

        The results are, bit for bit, those of a call followed by `fnn.apply_updates`.
        """
        vectors = []
        if count(params) < LARGE:
            vectors.append(np.concatenate(flat(grads)))
            grads = layered(vectors[0], params)
        else:
            for array in leaves(grads):
                array.setflags(write=True)
                vectors.append(array.reshape(-1, copy=False))
        state = self.rewrite(vectors, state, params)
        for (w, b), (dw, db) in zip(params, grads, strict=True):
            np.add(dw, w, out=dw)
            np.add(db, b, out=db)
        for vector in vectors:
            frozen(vector)
        return tuple(Layer(frozen(w), frozen(b)) for w, b in grads), state


class Elementwise(Rule[S]):
    """A rule that treats every number alike; its state is the steps taken and some vectors."""

    kind: ClassVar[Any]
    """The class of the state: a NamedTuple of ``steps``, then the vectors."""

    @abstractmethod
    def rewrite_part(self, steps: int, g: Array, old: list[Array], new: list[Array]) -> None:
        """Overwrite the vector `g` by its update, and fill `new` with what `old` becomes."""

    @override
    def init(self, params: Params[Any]) -> S:
        vectors = len(self.kind._fields) - 1
        zero = [frozen(np.zeros(count(params), check_params(params)))] if vectors else []
        state: S = self.kind(0, *zero * vectors)
        return state

    @override
    def rewrite(self, vectors: Sequence[Array], state: S, params: Params[Any]) -> S:
        parts, dtype = slices(vectors), vectors[0].dtype
        steps, *old = self.checked(state, parts[-1].stop, dtype)
        new = np.empty((len(old), parts[-1].stop), dtype)  # one piece of memory: see BLOCK
        for g, part in zip(vectors, parts, strict=True):
            self.rewrite_part(steps, g, [v[part] for v in old], list(new[:, part]))
        after: S = self.kind(steps + 1, *frozen(new))
        return after

    def checked(self, state: Any, size: int, dtype: np.dtype[Any]) -> Any:
        """The state, if it is one of this rule for that many params of that dtype."""
        if not isinstance(state, self.kind):
            raise TypeError(
                f"state: expected {self.kind.__name__}, got {describe(state)}; fnn.start makes one"
            )
        if type(state[0]) is not int or state[0] < 0:
            whole("state.steps", state[0], 0)
        for name, vector in zip(self.kind._fields[1:], state[1:], strict=True):
            if vector.shape != (size,) or vector.dtype != dtype:
                raise ValueError(
                    f"state.{name}: expected a vector {(size,)} of {dtype} to match params, got"
                    f" {vector.shape} of {vector.dtype}; fnn.start makes the state of these params"
                )
        return state


def rewrite(optimizer: Optimizer[S], vectors: Sequence[Array], state: S, params: Params[Any]) -> S:
    """`Rule.rewrite` for any optimizer: one that is not a rule may keep what it gets, so copies."""
    if isinstance(optimizer.update, Rule):
        after: S = optimizer.update.rewrite(vectors, state, params)
        return after
    grads = layered(frozen(np.concatenate(vectors)), params)
    updates, state = updated(optimizer, grads, state, params)
    check_grads("updates", updates, params)
    for vector, update in zip(vectors, alike(vectors, updates), strict=True):
        vector[:] = update
    return state


def updated(
    optimizer: Optimizer[S], grads: Grads[Any], state: S, params: Params[Any]
) -> tuple[Grads[Any], S]:
    """The (updates, state) of any optimizer, a user's too."""
    pair: Any = optimizer.update(grads, state, params)
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise TypeError(
            f"optimizer.update: expected the pair (updates, state), got {describe(pair)};"
            " return both"
        )
    updates, after = pair
    return updates, after


def add_scaled(g: Array, factor: float, x: Array) -> None:
    """``g += factor * x``."""
    for part in blocks(g):
        g[part] += factor * x[part]


def divide_by_root(g: Array, squares: Array, eps: float) -> None:
    """``g /= sqrt(squares) + eps``."""
    for part in blocks(g):
        root = np.sqrt(squares[part])
        root += eps
        g[part] /= root


def blocks(vector: Array) -> list[slice]:
    """Slices that cut a vector into blocks."""
    return [slice(i, i + BLOCK) for i in range(0, vector.size, BLOCK)]


def count(params: Params[Any]) -> int:
    """How many numbers there are."""
    return sum([w.size + b.size for w, b in params])


def flat(layers: Params[Any] | Grads[Any]) -> list[Array]:
    """The arrays as vectors, in their order: views where they lie in C order."""
    return [array.reshape(-1) for layer in layers for array in layer]


def slices(vectors: Sequence[Array]) -> list[slice]:
    """Where each vector lies in the one of them all."""
    parts = []
    end = 0
    for vector in vectors:
        parts.append(slice(end, end + vector.size))
        end += vector.size
    return parts


def alike(vectors: Sequence[Array], layers: Params[Any] | Grads[Any]) -> list[Array]:
    """The arrays of `layers` as vectors, joined if `vectors` are."""
    return flat(layers) if len(vectors) > 1 else [np.concatenate(flat(layers))]


def apart(vectors: Sequence[Array], params: Params[Any]) -> Sequence[Array]:
    """The vectors, one for each array of `params`: what is summed over them keeps its bits."""
    if len(vectors) > 1:
        return vectors
    return [vectors[0][part] for part in slices(flat(params))]


def layered(vector: Array, params: Params[Any]) -> Grads[Any]:
    """Views of one vector, in the shapes of `params`."""
    layers = []
    done = 0
    for w, b in params:
        middle, end = done + w.size, done + w.size + b.size
        layers.append(LayerGrad(vector[done:middle].reshape(w.shape), vector[middle:end]))
        done = end
    return tuple(layers)
