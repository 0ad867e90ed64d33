"""Compiling with numba: pairs and kernels to LLVM code. Imported only if no file has the code."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaWarning

from fnn.compiled._build.allowed import check_allowed
from fnn.compiled._build.cache import SettingsError
from fnn.compiled._build.translator import Translator, for_numbers, for_vectors
from fnn.compiled._code import pair_loops
from fnn.compiled._code.jit import jitted
from fnn.compiled._code.kernels import KERNELS
from fnn.compiled._code.pointers import signature
from fnn.compiled._code.scalars import extend_numba
from fnn.compiled._plan.signatures import SIGNATURES
from fnn.compiled._plan.targets import Form

Function = Callable[..., Any]
Modules = dict[str, tuple[str, str]]

TRAP = "llvm.trap"
"""Intrinsic emitted where an exception would escape: native code cannot raise."""


def check_settings() -> None:
    """Refuse settings of numba's that machine code cannot be made with, or that make it unsafe."""
    for name, value in (("DISABLE_JIT", 1), ("OPT", 0), ("BOUNDSCHECK", 0)):
        found = getattr(config, name)
        if found is not None and int(found) == value:
            raise SettingsError(
                f"NUMBA_{name}: expected numba's default, got {value}, with which fnn.compiled has"
                f" no machine code that is safe; unset it in the environment, or use fnn.scan,"
                " fnn.forward and fnn.backprop"
            )


def _entry(function: Function, signed: Any, *, raises: bool = False) -> tuple[str, str]:
    """The symbol and the LLVM code of a C function with a numba signature.

    If it may raise exceptions, it returns NaN then if `raises` is set, and is refused otherwise.
    """
    with warnings.catch_warnings(), global_compiler_lock:
        warnings.simplefilter("ignore", NumbaWarning)  # of speed, and of features that are new
        name, code = _c_function(function, signed, raises=raises)
    # Constants for Python, as print needs them, come from a list.
    if "PyList_GetItem" in code or TRAP in code:
        raise TypeError("it may raise exceptions, or prints, for which compiled code has no Python")
    return name, code


def _c_function(function: Function, signed: Any, *, raises: bool) -> tuple[str, str]:
    """A C function as `numba.cfunc` makes it, except that it inlines what numba's calls."""
    made = jitted(function)
    made.compile(signed)
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
    status, returned = context.call_conv.call_function(
        builder, callee, about.restype, about.argtypes, builder.function.args
    )
    with builder.if_then(status.is_error, likely=False):
        if raises:
            builder.ret(ir.Constant(result, math.nan))
        else:
            nothing = ir.FunctionType(ir.VoidType(), ())
            builder.call(module.declare_intrinsic(TRAP, (), nothing), ())
    builder.ret(returned)
    library.add_ir_module(module)
    library.add_linking_library(compiled.library)
    library.finalize()
    return name, library.get_llvm_str()


def activation(f: Function, df: Function, dtype: np.dtype[Any]) -> Modules:
    """The two loops of an activation pair: of f and f' together, and of f alone."""
    check_settings()
    check_allowed(f, df, vectors=False)
    extend_numba()
    translator = for_numbers(dtype)
    value, slope = translator(f), translator(df)
    both = pair_loops.value_and_slope(value, slope, dtype.type)
    alone = pair_loops.value(value, dtype.type)
    return {
        "both": _entry(both, signature("activation", dtype)),
        "value": _entry(alone, signature("value", dtype)),
    }


def loss(
    f: Function, df: Function, dtype: np.dtype[Any], form: Form, *, terms: bool, known: bool
) -> Modules:
    """The loop of a loss pair, for targets of this form.

    `terms` says that f and df are those of one output, the loss being their sum, and `known` that
    outputs whose target is NaN are left out of that sum.
    """
    check_settings()
    check_allowed(f, df, vectors=not terms)
    translator = for_numbers(dtype) if terms else for_vectors()
    value, slope = translator(f), translator(df)
    if terms and known:
        value, slope = (jitted(pair_loops.of_known_targets(of)) for of in (value, slope))
    loop = pair_loops.LOSSES[form, terms](value, slope, dtype.type)
    return {"loss": _entry(loop, signature("loss", dtype), raises=not terms)}


def kernel(name: str, dtype: np.dtype[Any]) -> Modules:
    """The function that `KERNELS` has under this name, with its signature or an operation's."""
    check_settings()
    signed = signature(name if name in SIGNATURES else "operation", dtype)
    function: Any = KERNELS[name]
    return {name: _entry(Translator().copy(function), signed)}
