"""Words that kernels are written in: pointers, and calls of machine code by its address.

These are numba intrinsics: they exist in compiled code only.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic


def _offset(context: Any, pointer: Any, k: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), generate


def _at(context: Any, pointer: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], args[0].type)

    return pointer(pointer, types.intp), generate


def _readonly(context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return impl_ret_borrowed(context, builder, signature.return_type, args[0])

    return array.copy(readonly=True)(array), generate


def _number(context: Any, pointer: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[1], types.float64, pointer.dtype)

    return pointer.dtype(pointer, types.float64), generate


def _calling(result: Any) -> Any:
    """A call of machine code: ``call(address, *arguments)``."""

    def typed(context: Any, address: Any, *arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            address, packed = args
            rest = [builder.extract_value(packed, i) for i in range(len(arguments))]
            value = context.get_value_type(result)
            kind = ir.FunctionType(
                ir.VoidType() if result == types.void else value, [arg.type for arg in rest]
            )
            done = builder.call(builder.inttoptr(address, kind.as_pointer()), rest)
            return context.get_dummy_value() if result == types.void else done

        return result(address, types.StarArgTuple.from_types(arguments)), generate

    return intrinsic(typed)


offset: Any = intrinsic(_offset)
"""``offset(p, k)``: the pointer to ``p[k]``."""

at: Any = intrinsic(_at)
"""``at(p, address)``: a pointer like `p` to an address."""

readonly: Any = intrinsic(_readonly)
"""``readonly(a)``: the array, which no code that writes into it compiles for."""

number: Any = intrinsic(_number)
"""``number(p, x)``: the float x in the type of what is behind `p`."""

run: Any = _calling(types.void)
"""``run(address, ...)``: a call of machine code that returns nothing."""

real: Any = _calling(types.float64)
"""``real(address, ...)``: one that returns a float."""

whole: Any = _calling(types.intp)
"""``whole(address, ...)``: one that returns an integer."""
