"""Conversions of data that are no numbers: a line of code that was tried on these data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np


def remedy_for(name: str, value: Any) -> str:
    """Name the conversion that works for the argument `name`, whose value NumPy takes for objects.

    >>> remedy_for("y", ["cat", "dog", "cat"])
    'words become class labels by np.unique(y, return_inverse=True)[1]'
    """
    array = np.asarray(value)
    kind = array.dtype.kind
    if hasattr(value, "toarray"):
        return f"make a dense array by {name}.toarray()"
    if isinstance(value, Mapping):
        if name.endswith("weight"):
            return f"give each row its own: np.array([{name}[label] for label in labels])"
        return f"make its values columns by np.column_stack(list({name}.values()))"
    if isinstance(value, Iterable) and not _is_array_like(value):
        return f"read it by np.array(list({name}))"
    if kind == "c":
        return f"pass {name}.real and {name}.imag as columns, or np.abs({name})"
    if kind == "M":
        return f"count from the first: ({name} - {name}.min()) / np.timedelta64(1, 's')"
    if kind == "m":
        return f"count them: {name} / np.timedelta64(1, 's')"
    if kind == "V":
        return (
            f"make its fields columns by np.column_stack([{name}[f] for f in {name}.dtype.names])"
        )
    if array.ndim == 0:
        return "pass numbers"
    for remedy, conversion in _CONVERSIONS:
        try:
            converted = np.asarray(conversion(value))
        except Exception:  # whatever a library raises where its conversion is none
            continue
        if converted.dtype.kind in "biuf":
            return remedy.format(name)
    return _without_words(name, array) if array.ndim == 2 else "pass numbers alone"


def _without_words(name: str, table: Any) -> str:
    """Name the columns that are numbers, if there are any."""
    numbers = []
    for i, column in enumerate(table.T):
        try:
            np.asarray(column, dtype=float)
        except (TypeError, ValueError):
            continue
        numbers.append(i)
    if not numbers:
        return "pass numbers alone"
    return f"convert the columns of numbers alone: {name}[:, {numbers}].astype(float)"


def _is_array_like(value: object) -> bool:
    return isinstance(value, Sequence | np.ndarray) or hasattr(value, "__array__")


def _dummies(frame: Any) -> Any:
    """The columns of a pandas DataFrame, those of words as columns of 0 and 1."""
    if getattr(frame, "ndim", 0) != 2 or not hasattr(frame, "select_dtypes"):
        raise TypeError("not a DataFrame")
    pandas = import_module("pandas")  # which made the frame
    return pandas.get_dummies(frame).to_numpy(float)


def _codes(words: Any) -> Any:
    """The number of each word among the different ones."""
    array = np.asarray(words)
    if array.size != len(array) or not all(isinstance(word, str | bytes) for word in array.flat):
        raise TypeError("not words")
    return np.unique(array, return_inverse=True)[1]


_CONVERSIONS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    (
        "convert it by {}.to_numpy(float, na_value=np.nan)",
        lambda value: value.to_numpy(float, na_value=np.nan),
    ),
    (
        "convert it by {}.convert_dtypes().to_numpy(float, na_value=np.nan)",
        lambda value: value.convert_dtypes().to_numpy(float, na_value=np.nan),
    ),
    (
        "columns of words become columns of 0 and 1 by pandas.get_dummies({}).to_numpy(float)",
        _dummies,
    ),
    ("convert it by np.asarray({}, dtype=float)", lambda value: np.asarray(value, dtype=float)),
    (
        "words become class labels by np.unique({}, return_inverse=True)[1]",
        _codes,
    ),
    ("make rows of its arrays by np.stack({})", np.stack),
)
