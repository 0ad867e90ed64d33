"""NumPy's functions that pairs may call in machine code: those known to compute there what they do.

Machine code checks an index in brackets, but numba's own functions are compiled without such
checks: `np.take_along_axis`, `np.delete` or `np.bincount` read and write wherever they are told to,
and `np.argpartition` never ends if it meets NaN. Random numbers are others than NumPy's. So a pair
may use nothing else of NumPy than what is listed here.
"""

from __future__ import annotations

import builtins
import dis
import linecache
import math
import types
from functools import partial
from typing import Any

import numpy as np

from fnn.compiled._build.fingerprint import globals_of, instructions, name_in_library, plain
from fnn.compiled._build.watch import own


def _named(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTWISE = frozenset(
    {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)} - {"matmul", "vecdot"}
) | _named(
    "where clip real imag isclose full_like ones_like zeros_like asarray linalg"
    " pi e inf nan euler_gamma finfo iinfo eps tiny dtype type astype copy"
    " bool_ bool int8 int16 int32 int64 intp uint8 uint16 uint32 uint64 float32 float64"
)
"""Names that act on each number alone, and constants, types and modules."""

VECTORS = ELEMENTWISE | _named(
    "sum prod mean std var max min amax amin argmax argmin all any cumsum cumprod ptp nansum nanprod"
    " nanmean nanmax nanmin nanstd nanvar count_nonzero norm dot vdot outer trace"
    " array ascontiguousarray empty empty_like zeros ones full arange linspace eye identity"
    " concatenate stack hstack vstack column_stack expand_dims squeeze reshape ravel flatten"
    " atleast_1d atleast_2d transpose T flip diff sort item shape size ndim newaxis"
)
"""Names that take vectors as well, and read no place but those of their arguments."""

BUILTINS = _named(
    "abs all any bool complex divmod enumerate float int len list max min pow print range reversed"
    " round str sum tuple zip True False None"
)
"""Python's own; of the others `getattr` would reach all that is not listed."""

OF_ARRAYS = frozenset(
    name
    for owner in (np, np.ndarray, np.linalg, np.random, np.lib, np.fft, np.ma)
    for name in dir(owner)
)
"""Names of NumPy's functions and of what arrays have."""

KNOWN = OF_ARRAYS.union(dir(np.ufunc))
"""Names that mean something of NumPy's. Others are fields of a pair's own tuples."""


class UnsafeError(TypeError):
    """Raised for a pair that uses what machine code cannot do as NumPy does."""


def check_allowed(*functions: Any, vectors: bool) -> None:
    """Refuse functions that use what is not listed, they themselves or one that they call.

    `vectors` says that they get vectors, as the functions of losses do, and not single numbers.
    """
    names = VECTORS if vectors else ELEMENTWISE
    _check(functions, names | _fields(functions, set()), set(), vectors=vectors)


def _fields(value: Any, seen: set[int]) -> frozenset[str]:
    """The fields of all NamedTuples that functions reach, but those named like NumPy's functions.

    ``at``, which is only a method of ufuncs, and numba compiles none, is such a field.
    """
    value = plain(value)
    found: frozenset[str] = frozenset()
    if id(value) in seen:
        return found
    seen.add(id(value))
    if isinstance(value, tuple):
        found = frozenset(getattr(value, "_fields", ())) - OF_ARRAYS
    return found.union(*(_fields(part, seen) for part in _inside(value)))


def _inside(value: Any) -> tuple[Any, ...]:
    """All that a tuple, a partial or a function of a user's refers to."""
    if isinstance(value, tuple | frozenset):
        return tuple(value)
    if isinstance(value, partial):
        return (value.func, *value.args)
    if isinstance(value, types.FunctionType) and name_in_library(value) is None and not own(value):
        cells = (cell.cell_contents for cell in value.__closure__ or ())
        return (*globals_of(value).values(), *cells, *(value.__defaults__ or ()))
    return ()


def _check(value: Any, names: frozenset[str], seen: set[int], *, vectors: bool) -> None:
    value = plain(value)
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, types.FunctionType) and name_in_library(value) is None:
        if not own(value):
            _check_code(value, names, vectors=vectors)
    elif name_in_library(value) is not None:
        _check_library(value, names, vectors=vectors)
    for part in _inside(value):
        _check(part, names, seen, vectors=vectors)


def _check_library(value: Any, names: frozenset[str], *, vectors: bool) -> None:
    """Refuse a module, a type or a function that is not listed."""
    if value in (np, math, np.linalg) or isinstance(value, np.ufunc):
        return
    name = str(getattr(value, "__name__", value))
    root = (getattr(value, "__module__", None) or name).split(".")[0]
    if root == "math" or (root == "builtins" and name in BUILTINS):
        return
    if root == "builtins" or name not in names:
        raise UnsafeError(_refusal(f"{root}.{name}", name, vectors=vectors))


def _check_code(function: types.FunctionType, names: frozenset[str], *, vectors: bool) -> None:
    code = function.__code__
    known = _constants(function)
    before = ""
    for operation, name in instructions(code):
        owner, before = known.get(before), name if isinstance(name, str) else ""
        if operation in ("LOAD_ATTR", "LOAD_METHOD"):
            listed = VECTORS if isinstance(owner, np.ndarray) else names
            if name in KNOWN and name not in listed:
                raise UnsafeError(_refusal(f".{name}", name, vectors=vectors))
        elif operation == "LOAD_GLOBAL" and name not in function.__globals__:
            found = getattr(builtins, name, BaseException)  # errors are refused where they are raised
            if name not in BUILTINS and not _is_error(found):
                raise UnsafeError(_refusal(name, name, vectors=vectors))
        elif operation == "STORE_SUBSCR" and not vectors:
            line = source_line(code, operation)
            raise UnsafeError(
                f"{line} assigns into an array, and in machine code an activation gets one number"
                " at a time; np.where(condition, a, b) chooses between values"
            )


def _constants(function: types.FunctionType) -> dict[str, Any]:
    """The values that a function finds by name outside itself, where no local name hides them."""
    found = dict(globals_of(function))
    cells = function.__closure__ or ()
    found |= {
        name: cell.cell_contents
        for name, cell in zip(function.__code__.co_freevars, cells, strict=True)
    }
    return {name: found[name] for name in found if name not in function.__code__.co_varnames}


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _refusal(shown: str, name: str, *, vectors: bool) -> str:
    if not vectors and name in VECTORS:
        return (
            f"it uses {shown}, which needs whole arrays, and in machine code an activation gets one"
            " number at a time"
        )
    return f"it uses {shown}, which machine code does not check or compute as NumPy does"


def source_line(code: types.CodeType, operation: str) -> str:
    """The line of source of the first such operation in a function, or in one inside it."""
    line = code.co_firstlineno
    for found in dis.get_instructions(code):
        line = found.starts_line or line
        if found.opname == operation:
            text = linecache.getline(code.co_filename, line).strip()
            return f'"{text}"' if text else f"line {line}"
    for part in code.co_consts:
        if isinstance(part, types.CodeType) and (operation in {op for op, _ in instructions(part)}):
            return source_line(part, operation)
    return f"line {line}"
