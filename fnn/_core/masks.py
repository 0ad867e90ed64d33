"""Masks: which of the params something is done to, as a bool for each layer, array or number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn._core.arrays import frozen
from fnn._core.numbers import describe
from fnn.base import Array, Params
from fnn.optimizers._rules import alike, slices

Mask: TypeAlias = tuple[bool | tuple[bool | NDArray[np.bool_], bool | NDArray[np.bool_]], ...]
"""For each layer a bool, or a pair for w and b of bools or bool arrays of their shapes."""


@dataclass(frozen=True, eq=False)
class Where:
    """A mask that was looked at: ``pairs`` of bool arrays, one pair for each layer."""

    pairs: tuple[tuple[NDArray[np.bool_], NDArray[np.bool_]], ...]

    def false(self, params: Params[Any]) -> NDArray[np.bool_]:
        """Where a vector of all params has False in the mask."""
        if len(self.pairs) != len(params):
            raise ValueError(
                f"mask: expected {len(params)} entries, one for each layer of params,"
                f" got {len(self.pairs)}; a layer's entry is a bool or a pair for w and b"
            )
        parts = []
        for i, (layer, pair) in enumerate(zip(params, self.pairs, strict=True)):
            for name, array, part in zip("wb", layer, pair, strict=True):
                if part.shape not in ((), array.shape):
                    raise ValueError(
                        f"mask[{i}].{name}: expected a bool, or bools {array.shape} like"
                        f" params[{i}].{name}, got {part.shape}; a bool stands for all of them"
                    )
                parts.append(np.broadcast_to(~part, array.shape).reshape(-1))
        return np.concatenate(parts)


def where(mask: Mask) -> Where:
    """A mask, copied. Raises `TypeError` for other things."""
    if not isinstance(mask, tuple):
        raise TypeError(
            f"mask: expected a tuple with an entry for each layer, got {describe(mask)}"
        )
    pairs = []
    for i, entry in enumerate(mask):
        w, b = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, entry)
        pairs.append((_bools(f"mask[{i}].w", w), _bools(f"mask[{i}].b", b)))
    return Where(tuple(pairs))


def _bools(name: str, value: Any) -> NDArray[np.bool_]:
    """A frozen copy of a bool or an array of bools."""
    if not isinstance(value, bool | np.ndarray | np.bool_) or np.asarray(value).dtype != np.bool_:
        raise TypeError(
            f"{name}: expected a bool or an array of bools, got {describe(value)};"
            " True counts in, False out"
        )
    return frozen(np.array(value))


def chosen(mask: Where | None, vectors: Sequence[Array], params: Params[Any]) -> list[Array]:
    """The params as `alike` gives them, and 0 where the mask is False."""
    parts = alike(vectors, params)
    if mask is None:
        return parts
    false = mask.false(params)
    return [np.where(false[part], 0.0, p) for part, p in zip(slices(parts), parts, strict=True)]
