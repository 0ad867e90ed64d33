"""Masks: a bool for each layer, array or number of params, True where something applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core.arrays import frozen
from fnn._core.numbers import describe
from fnn._core.vectors import flat, parts
from fnn.base import Array, Params

Mask: TypeAlias = tuple[bool | tuple[bool | NDArray[np.bool_], bool | NDArray[np.bool_]], ...]
"""For each layer a bool, or a pair for w and b of bools or bool arrays of their shapes."""


@dataclass(frozen=True, eq=False)
class Where:
    """A checked mask: ``pairs`` of bool arrays, one pair for each layer."""

    pairs: tuple[tuple[NDArray[np.bool_], NDArray[np.bool_]], ...]

    @override
    def __repr__(self) -> str:
        """The mask as a user writes it."""
        return repr(tuple(tuple(part.tolist() for part in pair) for pair in self.pairs))

    def false(self, params: Params[Any]) -> NDArray[np.bool_]:
        """A vector over all params, True where the mask is False.

        Raises `ValueError` for a mask that does not match the params.
        """
        if len(self.pairs) != len(params):
            raise ValueError(
                f"mask: expected {len(params)} entries, one for each layer of params,"
                f" got {len(self.pairs)}; a layer's entry is a bool or a pair for w and b"
            )
        vectors = []
        for i, (layer, pair) in enumerate(zip(params, self.pairs, strict=True)):
            for name, array, part in zip("wb", layer, pair, strict=True):
                if part.shape not in ((), array.shape):
                    raise ValueError(
                        f"mask[{i}].{name}: expected a bool, or bools {array.shape} like"
                        f" params[{i}].{name}, got {part.shape}; a bool stands for all of them"
                    )
                vectors.append(np.broadcast_to(~part, array.shape).reshape(-1))
        return np.concatenate(vectors)


def where(mask: Mask) -> Where:
    """A mask, checked and copied. Raises `TypeError` for other things."""
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


def masked_params(mask: Where | None, params: Params[Any]) -> list[Array]:
    """The arrays of params as vectors, with 0 where the mask is False."""
    vectors = flat(params)
    if mask is None:
        return vectors
    false = parts(mask.false(params), params)
    return [np.where(out, 0.0, vector) for out, vector in zip(false, vectors, strict=True)]
