"""Texts for functions: functions with equal texts compute the same, in any process.

The cache of compiled pairs needs them: a function's name or file says nothing of its globals.
"""

from __future__ import annotations

import dis
import hashlib
import sys
import types
from functools import lru_cache, partial
from typing import Any

import numpy as np

from fnn._core.numbers import describe
from fnn.base import Array

LIBRARIES = {"numpy", "math", "builtins"}
"""Libraries whose functions are written down by name: their versions are part of the key."""

LARGEST = 10**6
"""Bytes up to which numba copies an array into code; of a larger one it keeps the address."""


class UnknownError(Exception):
    """Raised for a function that refers to something which may change unnoticed."""

    def __init__(self, value: Any) -> None:
        super().__init__(
            f"it reaches {describe(value)}, which compiled code cannot keep; make it a number,"
            " a tuple of these, or an array of numbers in C order of at most 1 MB"
        )


def fingerprint(value: Any) -> str:
    """A text for a function and all that it refers to; `UnknownError` where there is none."""
    return _text(value, ())


def _text(value: Any, outer: tuple[int, ...]) -> str:
    kind = type(value)
    if value is None or value is ... or kind in (bool, int, float, complex, str, bytes):
        return f"{kind.__name__} {value!r}"
    if isinstance(value, np.generic):
        return f"{value.dtype} {value.item()!r}"
    if kind is np.ndarray:
        return _array(value)
    if kind is tuple:
        return f"tuple({', '.join(_text(part, outer) for part in value)})"
    if issubclass(kind, tuple) and hasattr(value, "_fields"):
        return f"{value._fields}{_text(tuple(value), outer)}"
    if kind is frozenset:
        return f"set({', '.join(sorted(_text(part, outer) for part in value))})"
    if kind is partial:
        return f"partial{_text((value.func, value.args, *value.keywords.items()), outer)}"
    if kind is types.CodeType:
        return _code(value)
    name = name_in_library(value)
    if name is None and kind is types.FunctionType:
        return _function(value, outer)
    if name is None:
        raise UnknownError(value)
    return name


def _array(value: Array) -> str:
    if value.dtype.kind not in "biufc" or not value.flags.forc or value.nbytes > LARGEST:
        raise UnknownError(value)
    content = hashlib.sha256(value.tobytes()).hexdigest()
    return f"array {value.dtype.str} {value.shape} {content}"


def name_in_library(value: Any) -> str | None:
    """The name of a library, or of something in one, such as numpy.float64 or math.exp."""
    if type(value) is types.ModuleType:
        module, name = value.__name__, ""
        found: Any = value
    else:
        module, name = (str(getattr(value, key, "")) for key in ("__module__", "__name__"))
        found = getattr(sys.modules.get(module), name, None)
    named = module.split(".")[0] in LIBRARIES and found is value
    return f"{module} {name}" if named else None


def _function(function: types.FunctionType, outer: tuple[int, ...]) -> str:
    if id(function) in outer:  # it calls itself
        return f"outer {outer.index(id(function))}"
    outer = (*outer, id(function))
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    keywords = tuple((function.__kwdefaults__ or {}).items())
    own = tuple(globals_of(function).items())
    parts = function.__code__, function.__defaults__, keywords, cells, own
    return f"function{_text(parts, outer)}"


@lru_cache(maxsize=1024)
def _code(code: types.CodeType) -> str:
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return f"code{_text((code.co_code, code.co_consts, names, code.co_argcount), ())}"


def globals_of(function: types.FunctionType) -> dict[str, Any]:
    """The global names that a function reads, and their values; builtins are not among them."""
    values = function.__globals__
    names = global_names(function.__code__)
    return {name: plain(values[name]) for name in names if name in values}


@lru_cache(maxsize=1024)
def global_names(code: types.CodeType) -> tuple[str, ...]:
    """The names that a function's bytecode, and that of functions inside it, reads as globals."""
    return tuple(dict.fromkeys(name for op, name in instructions(code) if op == "LOAD_GLOBAL"))


def plain(value: Any) -> Any:
    """The Python function inside one of numba's; any other value as it is.

    Machine code that numba has already made may hold values of globals that have changed since.
    """
    return getattr(value, "py_func", value)


@lru_cache(maxsize=1024)
def instructions(code: types.CodeType) -> tuple[tuple[str, Any], ...]:
    """The operations of a function's bytecode, and of functions inside it, with their arguments."""
    found = [(i.opname, i.argval) for i in dis.get_instructions(code)]
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            found.extend(instructions(part))
    return tuple(found)
