"""Pointers, and calls of machine code by its address, as numba intrinsics.

Intrinsics exist in compiled code only.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic

from fnn.compiled._plan.signatures import SIGNATURES

P: TypeAlias = Any
"""A pointer to numbers, or to integers."""


def signature(name: str, dtype: np.dtype[Any]) -> Any:
    """The numba signature of machine code for networks of this dtype."""
    result, *arguments = _types(name, numba.from_dtype(dtype))
    return result(*arguments)


def _types(name: str, kind: Any) -> list[Any]:
    """The types of a result and of the arguments, for networks with numbers of this kind."""
    kinds = {
        "n": types.CPointer(kind),
        "b": types.CPointer(kind),
        "f": types.float64,
        "F": types.CPointer(types.float64),
        "i": types.intp,
        "I": types.CPointer(types.intp),
        "v": types.void,
    }
    signed = SIGNATURES[name]
    return [kinds[letter] for letter in (signed.result, *signed.letters)]


def _offset(typing: Any, pointer: Any, k: Any) -> Any:
    def generate(context: Any, builder: Any, signed: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), generate


def _at(typing: Any, pointer: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signed: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], args[0].type)

    return pointer(pointer, types.intp), generate


def _readonly(typing: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signed: Any, args: Any) -> Any:
        return impl_ret_borrowed(context, builder, signed.return_type, args[0])

    return array.copy(readonly=True)(array), generate


def _number(typing: Any, pointer: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signed: Any, args: Any) -> Any:
        return context.cast(builder, args[1], types.float64, pointer.dtype)

    return pointer.dtype(pointer, types.float64), generate


def calling(name: str) -> Any:
    """A word ``call(address, *arguments)`` for machine code that has the signature of this name.

    Arguments that do not match `SIGNATURES` are a `TypingError` when the caller is compiled: the
    machine code would otherwise read whatever lies in their places.
    """

    def call(typing: Any, address: Any, *arguments: Any) -> Any:
        result = _checked(name, arguments)

        def generate(context: Any, builder: Any, signed: Any, args: Any) -> Any:
            place, packed = args
            rest = [builder.extract_value(packed, i) for i in range(len(arguments))]
            value = context.get_value_type(result)
            kind = ir.FunctionType(
                ir.VoidType() if result == types.void else value, [arg.type for arg in rest]
            )
            done = builder.call(builder.inttoptr(place, kind.as_pointer()), rest)
            return context.get_dummy_value() if result == types.void else done

        return result(address, types.StarArgTuple.from_types(arguments)), generate

    return intrinsic(call)


def _checked(name: str, arguments: tuple[Any, ...]) -> Any:
    """The type of the result, if the types of the arguments are those of the signature."""
    letters = SIGNATURES[name].letters
    if len(arguments) != len(letters):
        raise TypingError(f"{name}: expected {len(letters)} arguments, got {len(arguments)}")
    got = [types.unliteral(argument) for argument in arguments]
    kind = getattr(got[letters.index("n")], "dtype", types.float64)
    if kind != types.float32:
        kind = types.float64
    result, *expected = _types(name, kind)
    for i, (right, other) in enumerate(zip(expected, got, strict=True), 1):
        if right != other:
            raise TypingError(f"{name}: expected {right} as argument {i}, got {other}")
    return result


offset: Any = intrinsic(_offset)
"""``offset(p, k)``: the pointer to ``p[k]``."""

at: Any = intrinsic(_at)
"""``at(p, address)``: a pointer to an address, of the type of `p`."""

readonly: Any = intrinsic(_readonly)
"""``readonly(a)``: the array, for code that does not compile if it writes into it."""

number: Any = intrinsic(_number)
"""``number(p, x)``: the float x in the type of the numbers behind `p`."""
