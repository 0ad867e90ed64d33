"""Python functions in a form that numba compiles to what they compute in NumPy.

Functions are compiled as they are, together with all that they call. Two things are replaced in
pairs: Python's floats take the dtype of the params, as weak numbers do in NumPy, so that float32
stays float32; and a few of NumPy's functions give way to `fnn.compiled._code.mathematics`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fnn.compiled._build.fingerprint import globals_of, instructions
from fnn.compiled._code import mathematics, pair_loops
from fnn.compiled._code.jit import jitted
from fnn.losses._logits import below_top, logits


class Translator:
    """A memory of translated functions, so that each is translated once."""

    def __init__(
        self, weak: type[np.floating[Any]] | None = None, **instead: Callable[..., Any]
    ) -> None:
        """Take the type that Python's floats become, and functions to use instead of NumPy's."""
        self.weak = weak
        self.numpy: Any = np
        self.done: dict[int, tuple[Any, Any]] = {}  # the function is kept alive with its id
        if instead:
            made = {name: Translator(weak)(function) for name, function in instead.items()}
            self.numpy = types.ModuleType("numpy")
            vars(self.numpy).update(vars(np), **made)

    def __call__(self, function: Any) -> Any:
        """Translate a function of Python's, NumPy's or numba's to one of numba's."""
        if id(function) not in self.done:
            self.done[id(function)] = function, self._made(function)
        return self.done[id(function)][1]

    def _made(self, function: Any) -> Any:
        if isinstance(function, partial) and not function.keywords:
            inner, first = self(function.func), tuple(map(self.value, function.args))
            return jitted(lambda *rest: inner(*(first + rest)))
        if isinstance(function, np.ufunc):
            ufunc = getattr(self.numpy, function.__name__, function)
            return jitted(pair_loops.as_function(ufunc))
        if not isinstance(function, types.FunctionType) or function in mathematics.OVERLOADED:
            return function
        return jitted(self.copy(function))

    def copy(self, function: types.FunctionType) -> types.FunctionType:
        """Copy a function, with translated values in the place of its globals and constants."""
        code = function.__code__
        if any(operation == "RAISE_VARARGS" for operation, _ in instructions(code)):
            raise TypeError(f"{function.__name__} raises exceptions, which compiled code cannot")
        if self.weak is not None:
            code = code.replace(co_consts=tuple(map(self.value, code.co_consts)))
        names = {name: self.value(value) for name, value in globals_of(function).items()}
        cells = (self.value(cell.cell_contents) for cell in function.__closure__ or ())
        copy = types.FunctionType(
            code,
            {**names, "__name__": function.__module__, "__builtins__": __builtins__},
            function.__name__,
            function.__defaults__,
            tuple(map(types.CellType, cells)),
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        return copy

    def value(self, value: Any) -> Any:
        """Translate a value that a function refers to; most stay what they are."""
        if value is np:
            return self.numpy
        if self.weak is np.float32 and type(value) is float:
            with np.errstate(over="ignore"):  # it is inf, as for NumPy
                return np.float32(value)
        if type(value) is tuple:
            return tuple(map(self.value, value))
        if isinstance(value, types.FunctionType | partial):
            return self(value)
        return value


def for_numbers(dtype: np.dtype[Any]) -> Translator:
    """A translator of functions that are called with numbers."""
    number = dtype.type
    zero, one = number(0), number(1)
    return Translator(
        dtype.type,
        exp=mathematics.exp,
        expm1=mathematics.expm1,
        log1p=mathematics.log1p,
        tanh=mathematics.tanh,
        where=mathematics.where,
        clip=mathematics.clip,
        minimum=mathematics.minimum,
        maximum=mathematics.maximum,
        zeros_like=lambda x: zero,
        ones_like=lambda x: one,
        full_like=lambda x, value: number(value),
        heaviside=mathematics.heaviside,
    )


def for_vectors() -> Translator:
    """A translator of functions that are called with vectors.

    numba takes two seconds to compile `below_top` as it stands, so that another takes its place.
    """
    translator = Translator(partition=mathematics.partition)
    translator.done[id(logits)] = logits, jitted(lambda z: z)
    translator.done[id(below_top)] = below_top, jitted(mathematics.below_top)
    return translator
