"""A loop that LLVM takes a register at a time, without asking first whether that is safe or pays.

Left to itself it checks that no arrays overlap, and takes four registers a turn: more numbers than
most layers of a small network have. So the loop says that its turns are independent (what a place
gets depends on numbers of that place only), and how many of them make one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fnn.compiled._code.lanes import BITS, INDEX


def _each(context: Any, function: Any, n: Any, sources: Any, targets: Any) -> Any:
    called = function.get_call_type(context, tuple(pointer.dtype for pointer in sources), {})

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, n, packed, places = args
        call = context.get_function(function, called)
        context.add_linking_libs(getattr(call, "libs", ()))
        builder.function.attributes.update([f'"prefer-vector-width"="{BITS}"'])
        group = _node(builder.module)
        group.descr = _distinct
        start, zero, one = builder.block, n.type(0), n.type(1)
        body, end = builder.append_basic_block("each"), builder.append_basic_block("end")
        builder.cbranch(builder.icmp_signed("<", zero, n), body, end)
        builder.position_at_end(body)
        i = builder.phi(n.type)
        i.add_incoming(zero, start)
        numbers = []
        for k in range(len(sources)):
            place = builder.gep(builder.extract_value(packed, k), [i])
            numbers.append(builder.load(place))
            numbers[-1].set_metadata("llvm.access.group", group)
        found = call(builder, numbers)
        for k in range(len(targets)):
            place = builder.gep(builder.extract_value(places, k), [i])
            stored = builder.store(builder.extract_value(found, k), place)
            stored.set_metadata("llvm.access.group", group)
        after = builder.add(i, one)
        i.add_incoming(after, builder.block)  # the call may have ended the first block
        back = builder.cbranch(builder.icmp_signed("<", after, n), body, end)
        back.set_metadata("llvm.loop", _hints(builder.module, group))
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(function, n, sources, targets), generate


def _node(module: Any) -> Any:
    """New metadata, which `add_metadata` would make one with others of no content."""
    return ir.values.MDValue(module, (), name=str(len(module.metadata)))


def _distinct(text: Any) -> None:
    text += ("distinct !{}", "\n")


def _hints(module: Any, group: Any) -> Any:
    loop = _node(module)
    hints = (
        ["llvm.loop.parallel_accesses", group],
        ["llvm.loop.interleave.count", INDEX(1)],
    )
    loop.operands = loop, *map(module.add_metadata, hints)  # it begins with itself, as LLVM asks
    return loop


each: Any = intrinsic(_each)
"""``each(f, n, (x, y), (a, d))``: ``a[i], d[i] = f(x[i], y[i])`` for i below n.

An array may be a source and a target, but else arrays do not overlap. f always returns a tuple."""
