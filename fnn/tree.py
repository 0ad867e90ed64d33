"""Arithmetic on trees: any nesting of tuples and NamedTuples whose leaves are arrays or numbers.

Params, grads and optimizer states are such trees. `map` applies a function to the leaves, and
`add`, `scale` and `zeros_like` are made of it; `norm` is the length of all leaves together, `ravel`
joins them to one vector, `leaves` goes through them, and `freeze` makes read-only copies. Results
keep the nesting and the classes of the first tree, and their arrays are frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from fnn._core import norms
from fnn._core.arrays import frozen, rebuild
from fnn._core.numbers import FLOATS, as_floats, describe, is_plain
from fnn.base import Array, F, Grads, Layer, LayerGrad, Params, Tree

__all__ = [
    "add",
    "as_grads",
    "freeze",
    "leaves",
    "map",
    "norm",
    "ravel",
    "scale",
    "zero_grads",
    "zeros_like",
]


def __dir__() -> list[str]:
    return __all__


T = TypeVar("T")


def map(f: Callable[..., Any], tree: T, *rest: Any) -> T:
    """Apply `f` to the leaves that stand in the same place of every tree.

    Raises `ValueError` where the trees are nested differently, or where arrays in the same place
    have different shapes.

    >>> map(lambda a, b: a - b, (3.0, (4.0,)), (1.0, (1.0,)))
    (2.0, (3.0,))
    """
    result: T = _map(f, (tree, *rest))
    return result


def _map(f: Callable[..., Any], trees: tuple[Any, ...]) -> Any:
    first = trees[0]
    for other in trees[1:]:
        if isinstance(first, tuple):
            matches = isinstance(other, tuple) and len(other) == len(first)
        else:
            matches = not isinstance(other, tuple) and np.shape(other) == np.shape(first)
        if not matches:
            raise ValueError(
                f"trees: expected {_described(first)} in the same place of every tree,"
                f" got {_described(other)}; pass trees made for the same network"
            )
    if isinstance(first, tuple):
        return rebuild(first, [_map(f, children) for children in zip(*trees, strict=True)])
    leaf = f(*trees)
    if not isinstance(leaf, np.ndarray) or any(leaf is tree for tree in trees):
        return leaf  # a caller's array is not ours to freeze
    return frozen(leaf)


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves of a tree from left to right.

    >>> list(leaves((1, (2, 3))))
    [1, 2, 3]
    """
    if isinstance(tree, tuple):
        for child in tree:
            yield from leaves(child)
    else:
        yield tree


def zeros_like(tree: T) -> T:
    """A tree of zeros with the shapes and dtypes of `tree`.

    >>> zeros_like((np.ones(2), (3.0,)))
    (array([0., 0.]), (array(0.),))
    """
    return map(np.zeros_like, tree)


@overload
def zero_grads(params: Params[F]) -> Grads[F]: ...
@overload
def zero_grads(params: Tree) -> Any: ...
def zero_grads(params: Any) -> Any:
    """Zeros in the shapes of params or of another tree, as a gradient of theirs.

    >>> from fnn.base import Layer
    >>> zero_grads((Layer(np.ones((1, 2)), np.ones(2)),))
    (LayerGrad(w=array([[0., 0.]]), b=array([0., 0.])),)
    """
    return zeros_like(as_grads(params))


@overload
def as_grads(tree: Params[F]) -> Grads[F]: ...
@overload
def as_grads(tree: Tree) -> Any: ...
def as_grads(tree: Any) -> Any:
    """A tree with the numbers of `tree` and a `LayerGrad` in the place of each `Layer`.

    So arithmetic on params, such as a penalty's derivative or a tangent, becomes a gradient. The
    arrays are those of `tree`, uncopied.

    >>> from fnn.base import Layer
    >>> as_grads(scale(2.0, (Layer(np.ones((1, 2)), np.ones(2)),)))
    (LayerGrad(w=array([[2., 2.]]), b=array([2., 2.])),)
    """
    if not isinstance(tree, tuple):
        return tree
    children: list[Any] = [as_grads(child) for child in tree]
    return LayerGrad(*children) if isinstance(tree, Layer) else rebuild(tree, children)


def add(tree: T, other: Any) -> T:
    """The sum of two trees, leaf by leaf.

    >>> add((1.0, 2.0), (10.0, 20.0))
    (11.0, 22.0)
    """
    return map(lambda a, b: a + b, tree, other)


def scale(factor: float, tree: T) -> T:
    """A tree with every leaf multiplied by one number; the leaves keep their dtype.

    >>> scale(2.0, (1.0, (3.0,)))
    (2.0, (6.0,))
    """
    factor = float(factor)  # a NumPy scalar would promote float32 leaves
    return map(lambda a: a * factor, tree)


def norm(tree: Any) -> float:
    """The Euclidean norm of all leaves together, in float64 and without overflow on the way.

    >>> norm((3.0, (4.0,)))
    5.0
    """
    return norms.norm(leaves(tree))


def ravel(tree: T) -> tuple[Array, Callable[[ArrayLike], T]]:
    """All numbers of a tree in one vector, and the function that makes a tree of such a vector.

    The vector holds the leaves from left to right, each in C order: for params ``w``, then ``b``,
    layer by layer. ``unravel(vector)`` gives a tree of the same classes, shapes and dtype, frozen
    copies of the numbers. As `jax.flatten_util.ravel_pytree`: SciPy's optimizers take vectors.

    The leaves must be arrays of one floating dtype, else it is a `TypeError`; a vector of another
    length is a `ValueError`.

    >>> vector, unravel = ravel((np.array([[1.0, 2.0]]), np.array([3.0])))
    >>> vector
    array([1., 2., 3.])
    >>> unravel(10 * vector)
    (array([[10., 20.]]), array([30.]))
    """
    arrays = list(leaves(tree))
    for leaf in arrays:
        if not is_plain(leaf) or leaf.dtype not in FLOATS or leaf.dtype != arrays[0].dtype:
            raise TypeError(
                f"tree: expected arrays of one floating dtype, got {describe(leaf)}"
                f" beside {describe(arrays[0])}; ravel params or grads"
            )
    if not arrays:
        raise TypeError("tree: expected arrays of one floating dtype, got none; ravel params")
    dtype, (*ends, total) = arrays[0].dtype, accumulate(leaf.size for leaf in arrays)

    def unravel(vector: ArrayLike) -> T:
        flat = np.array(as_floats("vector", vector, dtype))
        if flat.shape != (total,):
            raise ValueError(
                f"vector: expected ({total},), a number for each of the tree, got {flat.shape}"
            )
        parts = iter(np.split(frozen(flat), ends))
        return map(lambda leaf: next(parts).reshape(leaf.shape), tree)

    return frozen(np.concatenate([leaf.ravel() for leaf in arrays])), unravel


def freeze(tree: T) -> T:
    """A tree of read-only copies of the arrays, which nobody else can write to.

    Read-only arrays are copied as well: a writable view of one may be older than its flag.

    >>> freeze((np.ones(2),))[0].flags.writeable
    False
    """
    return map(_copied, tree)


def _copied(leaf: Any) -> Any:
    """A copy of an array in C order, a plain one of a memory map; other leaves as they are."""
    return np.array(leaf, order="C") if isinstance(leaf, np.ndarray) else leaf


def _described(value: Any) -> str:
    """A subtree or a leaf, as an error shows it."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"an array {np.shape(value)}" if isinstance(value, np.ndarray) else repr(value)
