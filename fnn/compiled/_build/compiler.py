"""Compiling with numba: pairs and kernels to LLVM code. Imported only where something is not kept.

Functions are compiled as they are, together with what they call. Two things are put in between, for
pairs: Python's floats are weak, as in NumPy, so that float32 stays float32; and a few of NumPy's
functions are those of `fnn.compiled._code.mathematics`.
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

from fnn.compiled._code import optimizers as descent, kernels, entry_points as loops, mathematics as substitutes, templates, transforms
from fnn.compiled._build.fingerprint import globals_of, instructions
from fnn.compiled._plan.signatures import SIGNATURES
from fnn.compiled._code.templates import jitted
from fnn.losses._logits import below_top

Function = Callable[..., Any]
Modules = dict[str, tuple[str, str]]

RAISED = "llvm.trap"
"""What stands where an exception would leave code that has no Python for it."""


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
            made = {name: Translator(weak)(function) for name, function in instead.items()}
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
        if not isinstance(function, python.FunctionType) or function in substitutes.CHOSEN:
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
            with np.errstate(over="ignore"):  # it is inf, as for NumPy
                return np.float32(value)
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
        expm1=substitutes.expm1,
        log1p=substitutes.log1p,
        tanh=substitutes.tanh,
        where=substitutes.where,
        clip=substitutes.clip,
        minimum=substitutes.minimum,
        maximum=substitutes.maximum,
        zeros_like=lambda x: zero,
        ones_like=lambda x: one,
    )


def _vectors() -> Translator:
    """For functions of vectors. numba takes two seconds for `below_top` as it stands."""
    translator = Translator(partition=substitutes.partition)
    translator.done[id(below_top)] = below_top, jitted(substitutes.below_top)
    return translator


def _entry(
    function: Function, result: Any, *arguments: Any, raises: bool = False
) -> tuple[str, str]:
    """The symbol and the LLVM code of a C function, which is NaN where it `raises` if it may."""
    with warnings.catch_warnings(), global_compiler_lock:
        warnings.simplefilter("ignore", NumbaWarning)  # of speed, and of features that are new
        name, code = _c_function(function, result(*arguments), raises=raises)
    # Constants for Python, as print needs them, come from a list.
    if "PyList_GetItem" in code or RAISED in code:
        raise TypeError("it may raise exceptions, or prints, for which compiled code has no Python")
    return name, code


def _c_function(function: Function, signature: Any, *, raises: bool) -> tuple[str, str]:
    """As `numba.cfunc` has it, but that this does not call the compiled function: it is inlined."""
    made = jitted(function)
    made.compile(signature)
    (compiled,) = made.overloads.values()
    context, about = compiled.target_context, compiled.fndesc
    name = f"fnn.{about.mangled_name}"
    library = context.codegen().create_library(name)
    module = library.create_ir_module(name)
    inner = context.call_conv.get_function_type(about.restype, about.argtypes)
    callee = ir.Function(module, inner, about.llvm_func_name)
    result, *given = map(context.get_value_type, (about.restype, *about.argtypes))
    builder = ir.IRBuilder(
        ir.Function(module, ir.FunctionType(result, given), name).append_basic_block()
    )
    status, value = context.call_conv.call_function(
        builder, callee, about.restype, about.argtypes, builder.function.args
    )
    with builder.if_then(status.is_error, likely=False):
        if raises:
            builder.ret(ir.Constant(result, math.nan))
        else:
            nothing = ir.FunctionType(ir.VoidType(), ())
            builder.call(module.declare_intrinsic(RAISED, (), nothing), ())
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
    return {"loss": _entry(loop, types.float64, types.intp, p, p, p, raises=not terms)}


def kernel(name: str, dtype: np.dtype[Any]) -> Modules:
    """One of the entry points in this package, or an operation that one calls."""
    numbers, floats = types.CPointer(numba.from_dtype(dtype)), types.CPointer(types.float64)
    kinds = {"n": numbers, "b": numbers, "f": types.float64, "F": floats, "v": types.void}
    kinds |= {"i": types.intp, "I": types.CPointer(types.intp)}
    result, arguments = SIGNATURES.get(name, SIGNATURES["operation"])
    modules = kernels, loops, descent, transforms
    function = next(vars(module)[name] for module in modules if name in vars(module))
    signature = kinds[result], *(kinds[letter] for letter in arguments.split())
    return {name: _entry(Translator().copy(function), *signature)}
