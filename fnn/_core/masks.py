"""Masks: trees of bools, one for each array, subtree or number, True where something applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.numbers import describe
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
        vectors: list[Bools] = []
        _spread("mask", self.tree, "params", params, vectors)
        return np.concatenate(vectors)


def _listed(tree: Any) -> Any:
    return tuple(map(_listed, tree)) if isinstance(tree, tuple) else tree.tolist()


def _spread(name: str, mask: Any, like_name: str, like: Any, vectors: list[Bools]) -> None:
    """Append what is False in a mask, an array at a time."""
    if isinstance(mask, tuple):
        if not isinstance(like, tuple) or len(mask) != len(like):
            raise _misfit(name, like_name, like, len(mask))
        for step, part, child in zip(steps(like), mask, like, strict=True):
            _spread(name + step, part, like_name + step, child, vectors)
    elif mask.ndim == 0:
        vectors.extend(np.full(vector.size, not mask) for vector in flat(like))
    elif isinstance(like, tuple):
        raise _misfit(name, like_name, like, f"an array {mask.shape} of bools")
    elif mask.shape != like.shape:
        raise _misfit(name, like_name, like, mask.shape)
    else:
        vectors.append(~mask.reshape(-1))


def _misfit(name: str, like_name: str, like: Any, found: object) -> ValueError:
    """The error of a mask that does not match what stands in its place."""
    if is_params(like):
        wanted = f"{len(like)} entries, one for each layer of {like_name}"
        remedy = "a layer's entry is a bool or a pair for w and b"
    elif isinstance(like, tuple):
        wanted = f"a bool, or {len(like)} entries like {like_name}"
        remedy = "a bool stands for all of them"
    else:
        wanted = f"a bool, or bools {like.shape} like {like_name}"
        remedy = "a bool stands for all of them"
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
