"""What a function is, in a text: equal texts compute the same, in any process.

A cache of compiled pairs needs to know: a function's name or file says nothing of its globals.
"""

from __future__ import annotations

import math
import types
from functools import partial
from typing import Any

import numpy as np


class UnknownError(Exception):
    """There is something whose value cannot be told for good."""


def fingerprint(value: Any) -> str | None:
    """A text for a function and all that it can reach, or None where it cannot be told."""
    try:
        return _told(value, ())
    except UnknownError:
        return None


def _told(value: Any, outer: tuple[int, ...]) -> str:
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes):
        return f"{kind.__name__} {value!r}"
    if value is np or value is math:
        return "numpy" if value is np else "math"
    name = getattr(value, "__name__", "")
    if isinstance(value, np.ufunc) and getattr(np, name, None) is value:
        return f"ufunc {name}"
    if isinstance(value, np.generic):
        return f"{value.dtype} {value.item()!r}"
    if kind is tuple:
        return f"tuple({', '.join(_told(part, outer) for part in value)})"
    if kind is frozenset:
        return f"set({', '.join(sorted(_told(part, outer) for part in value))})"
    if kind is partial:
        return f"partial{_told((value.func, value.args, *value.keywords.items()), outer)}"
    if kind is types.FunctionType:
        return _function(value, outer)
    if kind is types.CodeType:
        return _code(value, outer)
    raise UnknownError


def _function(function: types.FunctionType, outer: tuple[int, ...]) -> str:
    if id(function) in outer:  # it calls itself
        return f"outer {outer.index(id(function))}"
    outer = (*outer, id(function))
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    keywords = tuple((function.__kwdefaults__ or {}).items())
    own = tuple(
        (name, function.__globals__[name])
        for name in _names(function.__code__)
        if name in function.__globals__
    )
    parts = function.__code__, function.__defaults__, keywords, cells, own
    return f"function{_told(parts, outer)}"


def _code(code: types.CodeType, outer: tuple[int, ...]) -> str:
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return f"code{_told((code.co_code, code.co_consts, names, code.co_argcount), outer)}"


def _names(code: types.CodeType) -> list[str]:
    inner = [
        name for part in code.co_consts if type(part) is types.CodeType for name in _names(part)
    ]
    return [*code.co_names, *inner]
