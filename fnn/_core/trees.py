"""Trees of floating arrays as one vector: params, or any nesting of tuples and NamedTuples.

A tree's numbers stand in the vector from left to right, each array in C order: for params w before
b, layer by layer. A gradient, or an update, has the shapes of its tree, with a `LayerGrad` in the
place of each `Layer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnn._core.arrays import rebuild
from fnn._core.checks import check_grads, check_params
from fnn._core.numbers import FLOATS, describe, is_plain
from fnn.base import Activation, Array, Batch, Layer, LayerGrad, Loss, Optimizer, State


def is_params(tree: Any) -> bool:
    """Tell whether a tree is the params of one network, a tuple of layers alone."""
    return type(tree) is tuple and bool(tree) and all(type(node) is Layer for node in tree)


def arrays(tree: Any) -> list[Array]:
    """The arrays of a tree that has been checked, from left to right."""
    if not isinstance(tree, tuple):
        return [tree]
    found: list[Array] = []
    for node in tree:
        if type(node) is Layer or type(node) is LayerGrad:
            found += node
        else:
            found += arrays(node)
    return found


def flat(tree: Any) -> list[Array]:
    """The arrays of a tree as vectors, in their order: views where they lie in C order."""
    return [array.reshape(-1) for array in arrays(tree)]


def joined(tree: Any) -> Array:
    """A new vector of all numbers of a tree."""
    return np.concatenate(flat(tree))


def size(tree: Any) -> int:
    """The number of numbers in a tree."""
    return sum([array.size for array in arrays(tree)])


def parts(vector: Array, tree: Any) -> list[Array]:
    """The slice of a joined vector that each array of a tree occupies, in their order."""
    slices = []
    end = 0
    for array in arrays(tree):
        start, end = end, end + array.size
        slices.append(vector[start:end])
    return slices


def shaped(vector: Array, tree: Any) -> Any:
    """Views of a joined vector in the shapes of a tree, each `Layer` become a `LayerGrad`."""
    slices = iter(parts(vector, tree))

    def node(like: Any) -> Any:
        if not isinstance(like, tuple):
            return next(slices).reshape(like.shape)
        children = [node(child) for child in like]
        return LayerGrad(*children) if type(like) is Layer else rebuild(like, children)

    return node(tree)


def check_tree(tree: Any, name: str = "params") -> np.dtype[Any]:
    """Return the dtype of the floating arrays of a tree; refuse others, naming the place.

    The params of one network are checked as such.
    """
    if is_params(tree) or not _may_be_tree(tree):
        return check_params(tree)
    dtype: np.dtype[Any] | None = None
    first = name
    for place, leaf in _walk(name, tree):
        if not is_plain(leaf) or leaf.dtype not in FLOATS:
            raise TypeError(
                f"{place}: expected an array of floats or a tuple of such, got {describe(leaf)};"
                " convert it by np.asarray(..., dtype=float), and a list to a tuple"
            )
        if dtype is None:
            dtype, first = leaf.dtype, place
        elif leaf.dtype != dtype:
            raise TypeError(
                f"{place}: expected {dtype} like {first}, got {leaf.dtype};"
                " convert all params to one dtype"
            )
    if dtype is None:
        raise TypeError(
            f"{name}: expected a tree with at least one array, got {describe(tree)};"
            " fnn.init makes params"
        )
    return dtype


NOT_PARAMS = (LayerGrad, State, Batch, Activation, Loss, Optimizer)
"""Tuples that are no trees of params."""


def _may_be_tree(tree: Any) -> bool:
    if isinstance(tree, np.ndarray):
        return True
    return isinstance(tree, tuple) and len(tree) > 0 and not isinstance(tree, NOT_PARAMS)


def _walk(name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of a tree of params, each with its place, such as ``params[0].w``."""
    if isinstance(tree, NOT_PARAMS):
        raise TypeError(
            f"{name}: expected a Layer(w, b), got {describe(tree)};"
            " make one by Layer(w, b), and pass params before grads"
        )
    if not isinstance(tree, tuple):
        yield name, tree
        return
    for step, child in zip(steps(tree), tree, strict=True):
        yield from _walk(name + step, child)


def steps(tree: tuple[Any, ...]) -> list[str]:
    """How the children of a tuple are reached: ``.w`` of a NamedTuple, ``[0]`` of others."""
    fields = getattr(tree, "_fields", None)
    return [f"[{i}]" for i in range(len(tree))] if fields is None else [f".{f}" for f in fields]


def check_alike(name: str, tree: Any, params: Any) -> None:
    """Refuse grads, or updates, of another nesting, other shapes or dtypes than `params`."""
    if is_params(params):
        check_grads(name, tree, params)
        return
    check_tree(params)
    _check_node(name, tree, "params", params)


def _check_node(name: str, node: Any, like_name: str, like: Any) -> None:
    remedy = "pass what has the nesting and the shapes of params"
    if isinstance(like, tuple):
        if not isinstance(node, tuple):
            raise TypeError(
                f"{name}: expected a tuple of {len(like)} like {like_name},"
                f" got {describe(node)}; {remedy}"
            )
        if len(node) != len(like):
            raise ValueError(
                f"{name}: expected a tuple of {len(like)} like {like_name}, got {len(node)};"
                f" {remedy}"
            )
        for step, child, other in zip(steps(like), node, like, strict=True):
            _check_node(name + step, child, like_name + step, other)
        return
    if not is_plain(node):
        raise TypeError(
            f"{name}: expected an array {like.shape} like {like_name}, got {describe(node)};"
            f" {remedy}"
        )
    if node.shape != like.shape:
        raise ValueError(
            f"{name}: expected {like.shape} like {like_name}, got {describe(node)}; {remedy}"
        )
    if node.dtype != like.dtype:
        raise TypeError(
            f"{name}: expected {like.dtype} like {like_name}, got {describe(node)};"
            " scale by Python floats, which keep the dtype"
        )
