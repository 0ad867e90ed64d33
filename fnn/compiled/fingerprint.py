"""What a function is, in a text: equal texts compute the same, in any process.

A cache of compiled pairs needs to know: a function's name or file says nothing of its globals.
"""

from __future__ import annotations

import dis
import math
import types
from functools import lru_cache, partial
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
    if value is None or value is ... or kind in (bool, int, float, complex, str, bytes):
        return f"{kind.__name__} {value!r}"
    if value is np or value is math:
        return "numpy" if value is np else "math"
    if isinstance(value, np.generic):
        return f"{value.dtype} {value.item()!r}"
    if kind is np.ndarray and value.dtype.kind in "biuf":
        return f"array {value.dtype.str} {value.shape} {value.tobytes().hex()}"
    if kind is tuple:
        return f"tuple({', '.join(_told(part, outer) for part in value)})"
    if kind is frozenset:
        return f"set({', '.join(sorted(_told(part, outer) for part in value))})"
    if kind is partial:
        return f"partial{_told((value.func, value.args, *value.keywords.items()), outer)}"
    if kind is types.FunctionType:
        return _function(value, outer)
    if kind is types.CodeType:
        return _code(value)
    name = str(getattr(value, "__name__", ""))
    if isinstance(value, np.ufunc) and getattr(np, name, None) is value:
        return f"ufunc {name}"
    raise UnknownError


def _function(function: types.FunctionType, outer: tuple[int, ...]) -> str:
    if id(function) in outer:  # it calls itself
        return f"outer {outer.index(id(function))}"
    outer = (*outer, id(function))
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    keywords = tuple((function.__kwdefaults__ or {}).items())
    own = tuple(globals_of(function).items())
    parts = function.__code__, function.__defaults__, keywords, cells, own
    return f"function{_told(parts, outer)}"


@lru_cache(maxsize=1024)
def _code(code: types.CodeType) -> str:
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return f"code{_told((code.co_code, code.co_consts, names, code.co_argcount), ())}"


def globals_of(function: types.FunctionType) -> dict[str, Any]:
    """The global names that a function reads, and their values; builtins are not among them."""
    known = function.__globals__
    names = (name for op, name in instructions(function.__code__) if op == "LOAD_GLOBAL")
    return {name: known[name] for name in names if name in known}


@lru_cache(maxsize=1024)
def instructions(code: types.CodeType) -> tuple[tuple[str, Any], ...]:
    """The operations of a function, and of those inside it, with what they are about."""
    found = [(i.opname, i.argval) for i in dis.get_instructions(code)]
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            found.extend(instructions(part))
    return tuple(found)
