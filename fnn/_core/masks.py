"""Masks: trees of bools, one for each array, subtree or number, True where something applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.numbers import check_rate, describe
from fnn._core.trees import flat, is_params, parts, steps
from fnn.base import Array

Bools: TypeAlias = NDArray[np.bool_]

Mask: TypeAlias = tuple[Any, ...] | Bools
"""The nesting of a tree, with a bool for each array or subtree, or bools in an array's shape.

For params: an entry for each layer, a bool or a pair for w and b."""


@dataclass(frozen=True, eq=False)
class Where:
    """A checked mask: a ``tree`` of bool arrays, where one without dimensions stands for all."""

    tree: Any

    @override
    def __repr__(self) -> str:
        """The mask as a user writes it."""
        return repr(_listed(self.tree))

    def false(self, params: Any) -> Bools:
        """A vector over a tree that has been checked, True where the mask is False.

        Raises `ValueError` for a mask that does not match the params.
        """
        return ~spread("mask", self.tree, params)


def _listed(tree: Any) -> Any:
    return tuple(map(_listed, tree)) if isinstance(tree, tuple) else tree.tolist()


def spread(name: str, tree: Any, params: Any) -> Array:
    """A vector over the numbers of params, of a tree that has a value for each array or subtree.

    Values are arrays of an array's shape, or numbers and arrays without dimensions that stand for
    all. Raises `ValueError` where the tree does not match the params.
    """
    vectors: list[Array] = []
    _spread(name, tree, "params", params, vectors)
    return np.concatenate(vectors)


def _spread(name: str, tree: Any, like_name: str, like: Any, vectors: list[Array]) -> None:
    if isinstance(tree, tuple):
        if not isinstance(like, tuple) or len(tree) != len(like):
            raise _misfit(name, like_name, like, len(tree))
        for step, part, child in zip(steps(like), tree, like, strict=True):
            _spread(name + step, part, like_name + step, child, vectors)
    elif np.ndim(tree) == 0:
        vectors.extend(np.full(vector.size, tree) for vector in flat(like))
    elif isinstance(like, tuple):
        raise _misfit(name, like_name, like, f"an array {tree.shape}")
    elif tree.shape != like.shape:
        raise _misfit(name, like_name, like, tree.shape)
    else:
        vectors.append(tree.reshape(-1))


def _misfit(name: str, like_name: str, like: Any, found: object) -> ValueError:
    """The error of a mask, or of factors, that do not match what stands in their place."""
    one, several = ("a number", "numbers") if name.startswith("factors") else ("a bool", "bools")
    remedy = f"{one} stands for all of them"
    if is_params(like):
        wanted = f"{len(like)} entries, one for each layer of {like_name}"
        remedy = f"a layer's entry is {one} or a pair for w and b"
    elif isinstance(like, tuple):
        wanted = f"{one}, or {len(like)} entries like {like_name}"
    elif several == "bools":
        wanted = f"{one}, or {several} {like.shape} like {like_name}"
    else:
        wanted = f"{one} for {like_name}"
    return ValueError(f"{name}: expected {wanted}, got {found}; {remedy}")


def where(mask: Mask) -> Where:
    """A mask, checked and copied. Raises `TypeError` for other things."""
    if not isinstance(mask, tuple | np.ndarray):
        raise TypeError(
            f"mask: expected a tuple with an entry for each layer, got {describe(mask)};"
            " for other trees it has an entry for each part"
        )
    return Where(_checked("mask", mask))


def _checked(name: str, mask: Any) -> Any:
    """Frozen copies of the bools of a mask, in its nesting."""
    if isinstance(mask, tuple):
        layer = name != "mask" and len(mask) == 2 and not any(isinstance(m, tuple) for m in mask)
        names = [".w", ".b"] if layer else steps(mask)
        return tuple(_checked(name + step, part) for step, part in zip(names, mask, strict=True))
    if not isinstance(mask, bool | np.ndarray | np.bool_) or np.asarray(mask).dtype != np.bool_:
        raise TypeError(
            f"{name}: expected a bool or an array of bools, got {describe(mask)};"
            " True counts in, False out"
        )
    return frozen(np.array(mask))


def masked_params(mask: Where | None, params: Any) -> list[Array]:
    """The arrays of params as vectors, with 0 where the mask is False."""
    vectors = flat(params)
    if mask is None:
        return vectors
    false = parts(mask.false(params), params)
    return [np.where(out, 0.0, vector) for out, vector in zip(false, vectors, strict=True)]


Factors: TypeAlias = tuple[Any, ...]
"""The nesting of a tree, with a number for each array or subtree."""


def factors_of(factors: Factors) -> Factors:
    """Factors, as floats of at least 0. Raises `TypeError` for other things than numbers."""
    if not isinstance(factors, tuple):
        raise TypeError(
            f"factors: expected a tuple with a number for each layer, got {describe(factors)};"
            " one number for all is fnn.optimizers.scale(number), chained to the optimizer"
        )
    return _rates("factors", factors)


def _rates(name: str, tree: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        _rates(name + step, part) if isinstance(part, tuple) else check_rate(name + step, part)
        for step, part in zip(steps(tree), tree, strict=True)
    )
