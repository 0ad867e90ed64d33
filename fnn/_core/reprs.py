"""Text for people: reprs that stay short whatever they hold, and docstrings of partials.

A NamedTuple gets such a repr by a ``__repr__`` that returns ``reprs.fields(self)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Real
from typing import Any, TypeVar

import numpy as np

LARGEST = 20
"""Numbers that are still shown one by one: those in the arrays of a record, or in a tuple."""

T = TypeVar("T")


def fields(record: Any, names: Sequence[str] | None = None) -> str:
    """Text of a NamedTuple with all its fields or those of `names`, short even if it is large.

    Up to `LARGEST` numbers it is the repr that every NamedTuple has. Beyond, an array is shown by
    its dtype and shape; a tuple of more than `LARGEST` numbers by its first, least, greatest and
    last.

    >>> from fnn.base import Layer
    >>> Layer(np.zeros((784, 128)), np.zeros(128))
    Layer(w=<float64 (784, 128)>, b=<float64 (128,)>)
    """
    shown = record._fields if names is None else names
    values = [getattr(record, name) for name in shown]
    in_full = sum(map(_numbers_in_arrays, values)) <= LARGEST
    parts = (
        f"{name}={_text(value, in_full=in_full)}" for name, value in zip(shown, values, strict=True)
    )
    return f"{type(record).__name__}({', '.join(parts)})"


def _numbers_in_arrays(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.size
    return sum(map(_numbers_in_arrays, value)) if type(value) is tuple else 0


def _text(value: Any, *, in_full: bool) -> str:
    if isinstance(value, np.ndarray):
        return repr(value) if in_full else f"<{value.dtype} {value.shape}>"
    if type(value) is not tuple:
        return repr(value)
    if len(value) > LARGEST:
        return _series(value)
    inner = ", ".join(_text(part, in_full=in_full) for part in value)
    return f"({inner},)" if len(value) == 1 else f"({inner})"


def _series(values: tuple[Any, ...]) -> str:
    """A long tuple in few words.

    >>> _series((0.7, *[0.2] * 9998, 0.25))
    '<10000 numbers: first 0.7, least 0.2, greatest 0.7, last 0.25>'
    """
    if not all(isinstance(value, Real) for value in values):
        return f"<tuple of {len(values)}, the first of class {type(values[0]).__name__}>"
    least, greatest = np.fmin.reduce(values), np.fmax.reduce(values)  # which leave out NaN
    return (
        f"<{len(values)} numbers: first {values[0]:.6g}, least {least:.6g},"
        f" greatest {greatest:.6g}, last {values[-1]:.6g}>"
    )


def documented(function: partial[T], doc: str | None) -> partial[T]:
    """`function` with a docstring of its own, for `help`, in the place of the class partial's.

    >>> documented(partial(int, base=2), "The whole number that binary digits stand for.").__doc__
    'The whole number that binary digits stand for.'
    """
    function.__doc__ = doc
    return function
