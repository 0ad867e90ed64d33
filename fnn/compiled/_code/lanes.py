"""Vectors of as many numbers as a register holds, as numba intrinsics.

LLVM vectorizes a loop over arrays only behind checks that they do not overlap and that the loop is
long, which for 3 or 8 numbers cost more than the arithmetic. Compiled code therefore states each
vector operation. Intrinsics exist in compiled code only.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

BITS = 256
"""Bits of a vector, as many as AVX2 has. LLVM splits it where registers are smaller."""

INDEX = ir.IntType(32)


class Lanes(types.Type):
    """The numba type of a vector of floats."""

    def __init__(self, scalar: Any) -> None:
        super().__init__(name=f"Lanes({scalar})")
        self.scalar = scalar
        self.count = BITS // scalar.bitwidth


class LanesModel(models.PrimitiveModel):
    """A vector is one LLVM value."""

    def __init__(self, manager: Any, kind: Lanes) -> None:
        scalar = manager.lookup(kind.scalar).get_value_type()
        initialize: Any = super().__init__
        initialize(manager, kind, ir.VectorType(scalar, kind.count))


register_model(Lanes)(LanesModel)


def _shuffled(builder: Any, vector: Any, order: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(INDEX, len(order)), order)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _nothing(typing: Any, pointer: Any) -> Any:
    kind = Lanes(pointer.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(kind), None)

    return kind(pointer), generate


def _lanes(typing: Any, pointer: Any) -> Any:
    count = Lanes(pointer.dtype).count

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.intp, count)

    return types.intp(pointer), generate


def _load(typing: Any, pointer: Any, k: Any) -> Any:
    kind = Lanes(pointer.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]])
        place = builder.bitcast(place, context.get_value_type(kind).as_pointer())
        return builder.load(place, align=kind.scalar.bitwidth // 8)

    return kind(pointer, types.intp), generate


def _store(typing: Any, pointer: Any, k: Any, vector: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]])
        place = builder.bitcast(place, args[2].type.as_pointer())
        builder.store(args[2], place, align=pointer.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vector), generate


def _splat(typing: Any, number: Any) -> Any:
    kind = Lanes(number)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        undefined = ir.Constant(context.get_value_type(kind), ir.Undefined)
        one = builder.insert_element(undefined, args[0], ir.Constant(INDEX, 0))
        return _shuffled(builder, one, [0] * kind.count)

    return kind(number), generate


def _total(typing: Any, vector: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (rest,) = args
        for half in (vector.count >> i for i in range(1, vector.count.bit_length())):
            low = _shuffled(builder, rest, list(range(half)))
            high = _shuffled(builder, rest, list(range(half, 2 * half)))
            rest = builder.fadd(low, high)
        return builder.extract_element(rest, ir.Constant(INDEX, 0))

    return vector.scalar(vector), generate


def _put(typing: Any, vector: Any, k: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.insert_element(args[0], args[2], args[1])

    return vector(vector, k, x), generate


def _lanewise(instruction: str) -> Any:
    """An LLVM instruction for two vectors."""

    def typed(typing: Any, u: Any, v: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args)

        return u(u, v), generate

    return intrinsic(typed)


def _plus(typing: Any, u: Any, v: Any, w: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(args[0], builder.fmul(args[1], args[2]))

    return u(u, v, w), generate


def _fused(typing: Any, x: Any, y: Any, z: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        several = ir.FunctionType(kind, [kind] * 3)
        function = builder.module.declare_intrinsic("llvm.fmuladd", [kind], several)
        return builder.call(function, args)

    return x(x, x, x), generate


def _power_of_two(typing: Any, n: Any) -> Any:
    """2 ** n for a float n that is whole: n, plus the bias, becomes the exponent's bits."""
    fraction, bias = (52, 1023) if n.bitwidth == 64 else (23, 127)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        shifter = ir.Constant(args[0].type, 1.5 * 2.0**fraction + bias)  # n + bias in the last bits
        integer = ir.IntType(n.bitwidth)
        bits = builder.bitcast(builder.fadd(args[0], shifter), integer)
        return builder.bitcast(builder.shl(bits, ir.Constant(integer, fraction)), args[0].type)

    return n(n), generate


def _scaled(typing: Any, x: Any) -> Any:
    """The exponent of x / sqrt(1/2), and x without it."""
    fraction, bias = (52, 1023) if x.bitwidth == 64 else (23, 127)
    kinds = types.UniTuple(x, 2)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(x.bitwidth)
        half = builder.bitcast(ir.Constant(args[0].type, math.sqrt(0.5)), integer)
        more = builder.sub(integer(bias << fraction), half)
        bits = builder.add(builder.bitcast(args[0], integer), more)
        k = builder.ashr(bits, integer(fraction))
        k = builder.sub(builder.trunc(k, INDEX) if fraction == 52 else k, INDEX(bias))
        m = builder.add(builder.and_(bits, integer((1 << fraction) - 1)), half)
        parts = builder.sitofp(k, args[0].type), builder.bitcast(m, args[0].type)
        return context.make_tuple(builder, kinds, parts)

    return kinds(x), generate


def _root(typing: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [args[0].type]), args)

    return x(x), generate


nothing: Any = intrinsic(_nothing)
"""``nothing(p)``: a vector of zeros."""

lanes: Any = intrinsic(_lanes)
"""``lanes(p)``: the count of numbers, of the type behind `p`, in a vector."""

load: Any = intrinsic(_load)
"""``load(p, k)``: the vector of ``p[k]`` and the numbers after it."""

store: Any = intrinsic(_store)
"""``store(p, k, v)``: write the vector v to ``p[k]`` and the places after it."""

splat: Any = intrinsic(_splat)
"""``splat(x)``: a vector of one number."""

put: Any = intrinsic(_put)
"""``put(v, k, x)``: v with x in the place k."""

total: Any = intrinsic(_total)
"""``total(v)``: the sum of a vector, by halves."""

power_of_two: Any = intrinsic(_power_of_two)
"""``power_of_two(n)``, exact for whole floats from -1022 / -126 to 1023 / 127."""

fused: Any = intrinsic(_fused)
"""``fused(x, y, z)``: x * y + z for numbers, rounded once where the processor can."""

scaled: Any = intrinsic(_scaled)
"""``scaled(x)``: k and m with x = 2**k m, m from sqrt(1/2) to sqrt(2), for positive normal x."""

root: Any = intrinsic(_root)
"""``root(x)``: the square root, as one instruction."""

add: Any = _lanewise("fadd")
"""``add(u, v)``: u + v."""

times: Any = _lanewise("fmul")
"""``times(u, v)``: u * v."""

plus: Any = intrinsic(_plus)
"""``plus(u, v, w)``: u + v * w, rounded twice as NumPy does."""
