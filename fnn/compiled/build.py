"""Compiling with numba: pairs and kernels to LLVM code. Imported only where something is not kept.

Functions are compiled as they are, together with what they call. Two things are put in between, for
pairs: Python's floats are weak, as in NumPy, so that float32 stays float32; and a few of NumPy's
functions are those of `fnn.compiled.substitutes`.
"""

from __future__ import annotations

import math
import types as python
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaWarning

from fnn.compiled import descent, kernels, loops, substitutes, templates, transforms
from fnn.compiled.fingerprint import globals_of, instructions
from fnn.compiled.templates import jitted

Function = Callable[..., Any]
Modules = dict[str, tuple[str, str]]

RAISED = "llvm.trap"
"""What stands where an exception would leave code that has no Python for it."""

COPIED = 10**6
"""Bytes of an array that numba makes a part of the code; of others it takes the address."""

INTEGERS = types.CPointer(types.intp)


class Translator:
    """Functions in the form of numba, made once each, whose numpy is another where that pays."""

    def __init__(
        self, weak: type[np.floating[Any]] | None = None, **instead: Callable[..., Any]
    ) -> None:
        """`weak` is what Python's floats become; `instead` are functions for NumPy's."""
        self.weak = weak
        self.numpy: Any = np
        self.done: dict[int, tuple[Any, Any]] = {}  # the function is kept alive with its id
        if instead:
            made = {name: Translator()(function) for name, function in instead.items()}
            self.numpy = python.ModuleType("numpy")
            vars(self.numpy).update(vars(np), **made)

    def __call__(self, function: Any) -> Any:
        """A function of numba's, from one of Python's or NumPy's, or one of numba's itself."""
        if id(function) not in self.done:
            self.done[id(function)] = function, self._made(function)
        return self.done[id(function)][1]

    def _made(self, function: Any) -> Any:
        if isinstance(function, partial) and not function.keywords:
            inner, first = self(function.func), tuple(map(self.value, function.args))
            return jitted(lambda *rest: inner(*(first + rest)))
        if isinstance(function, np.ufunc):
            ufunc = getattr(self.numpy, function.__name__, function)
            return jitted(templates.calling(ufunc))
        if not isinstance(function, python.FunctionType) or function is substitutes.overloaded:
            return function
        return jitted(self.copy(function))

    def copy(self, function: python.FunctionType) -> python.FunctionType:
        """The function with compiled code's values in the place of its globals and constants."""
        code = function.__code__
        if any(operation == "RAISE_VARARGS" for operation, _ in instructions(code)):
            raise TypeError(f"{function.__name__} raises exceptions, which compiled code cannot")
        if self.weak is not None:
            code = code.replace(co_consts=tuple(map(self.value, code.co_consts)))
        names = {name: self.value(value) for name, value in globals_of(function).items()}
        cells = (self.value(cell.cell_contents) for cell in function.__closure__ or ())
        copy = python.FunctionType(
            code,
            {**names, "__name__": function.__module__, "__builtins__": __builtins__},
            function.__name__,
            function.__defaults__,
            tuple(map(python.CellType, cells)),
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        return copy

    def value(self, value: Any) -> Any:
        """What compiled code has for a value."""
        if value is np:
            return self.numpy
        if self.weak is np.float32 and type(value) is float:
            return np.float32(value)
        if isinstance(value, np.ndarray):
            if value.nbytes > COPIED:
                raise TypeError(f"it reads an array of more than {COPIED:,} bytes")
            return np.array(value, order="C")
        if type(value) is tuple:
            return tuple(map(self.value, value))
        if isinstance(value, python.FunctionType | partial):
            return self(value)
        return value


def _numbers(dtype: np.dtype[Any]) -> Translator:
    """For functions of numbers."""
    zero, one = dtype.type(0), dtype.type(1)
    return Translator(
        dtype.type,
        exp=substitutes.exp,
        where=substitutes.where,
        clip=substitutes.clip,
        minimum=substitutes.minimum,
        maximum=substitutes.maximum,
        zeros_like=lambda x: zero,
        ones_like=lambda x: one,
    )


def _vectors() -> Translator:
    """For functions of vectors."""
    return Translator(partition=substitutes.partition)


def _entry(
    function: Function, result: Any, *arguments: Any, inline: bool = True
) -> tuple[str, str]:
    """The symbol and the LLVM code of a C function; if not `inline`, what it raises makes NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaWarning)  # of speed, and of features that are new
        with global_compiler_lock:
            name, code = _c_function(function, result(*arguments), inline)
    # Constants for Python, as print needs them, come from a list; arrays may fail to be allocated.
    if "PyList_GetItem" in code or RAISED in code:
        raise TypeError("it may raise exceptions, or prints, for which compiled code has no Python")
    return name, code


def _c_function(function: Function, signature: Any, inline: bool) -> tuple[str, str]:
    """As `numba.cfunc` has it, but that the C function does not call the compiled one: it is it."""
    made = numba.njit(signature, forceinline=True, error_model="numpy")(function)
    (compiled,) = made.overloads.values()
    context, about = compiled.target_context, compiled.fndesc
    name = f"fnn.{about.mangled_name}"
    library = context.codegen().create_library(name)
    module = library.create_ir_module(name)
    kind = context.call_conv.get_function_type(about.restype, about.argtypes)
    callee = ir.Function(module, kind, about.llvm_func_name)
    given = [context.get_value_type(argument) for argument in about.argtypes]
    outer = ir.Function(module, ir.FunctionType(context.get_value_type(about.restype), given), name)
    builder = ir.IRBuilder(outer.append_basic_block())
    status, value = context.call_conv.call_function(
        builder, callee, about.restype, about.argtypes, outer.args
    )
    with builder.if_then(status.is_error, likely=False):
        if inline:
            stop = ir.FunctionType(ir.VoidType(), [])
            builder.call(module.declare_intrinsic(RAISED, (), stop), [])
        else:
            builder.ret(ir.Constant(value.type, math.nan))
    builder.ret(value)
    library.add_ir_module(module)
    library.add_linking_library(compiled.library)
    library.finalize()
    return name, library.get_llvm_str()


def activation(f: Function, df: Function, dtype: np.dtype[Any]) -> Modules:
    """The loops of an activation pair."""
    translator = _numbers(dtype)
    p = types.CPointer(numba.from_dtype(dtype))
    one, two = translator(f), translator(df)
    both = templates.value_and_slope(one, two, dtype.type)
    return {
        "both": _entry(both, types.void, types.intp, p, p, p),
        "value": _entry(templates.value(one, dtype.type), types.void, types.intp, p, p),
    }


def loss(f: Function, df: Function, dtype: np.dtype[Any], *, terms: bool, known: bool) -> Modules:
    """The loop of a loss pair, of its terms or of the whole; terms may be of `known` targets."""
    translator = _numbers(dtype) if terms else _vectors()
    value, slope = translator(f), translator(df)
    if terms and known:
        value, slope = jitted(templates.known(value)), jitted(templates.known(slope))
    template = templates.sum_and_slope if terms else templates.loss_and_slope
    p = types.CPointer(numba.from_dtype(dtype))
    loop = template(value, slope, dtype.type)
    return {"loss": _entry(loop, types.float64, types.intp, p, p, p, inline=terms)}


def kernel(name: str, dtype: np.dtype[Any]) -> Modules:
    """One of the entry points in this package."""
    number, integer = types.CPointer(numba.from_dtype(dtype)), types.intp
    float64, floats = types.float64, types.CPointer(types.float64)
    module, signature = {
        "sample": (
            kernels,
            float64(
                INTEGERS, *[number] * 4, float64, integer, number, integer, integer, *[number] * 3
            ),
        ),
        "train": (
            loops,
            types.void(number, floats, INTEGERS, *[integer] * 6, INTEGERS, integer),
        ),
        "gradient": (loops, float64(*[number] * 6, INTEGERS, *[integer] * 3)),
        "activate": (loops, types.void(*[number] * 4, *[integer] * 3)),
        "lose": (loops, float64(*[number] * 6, *[integer] * 3)),
        "pull_back": (loops, types.void(*[number] * 3, *[integer] * 2)),
        "predict": (loops, types.void(number, INTEGERS)),
        "descend": (
            transforms,
            integer(INTEGERS, integer, floats, floats, integer, *[number] * 4, integer, floats),
        ),
    }.get(name) or (
        descent if hasattr(descent, name) else transforms,
        integer(*[number] * 4, integer, float64, floats, integer, integer, floats),
    )
    function = Translator().copy(getattr(module, name))
    return {name: _entry(function, signature.return_type, *signature.args)}
