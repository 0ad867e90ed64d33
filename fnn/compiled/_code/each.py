"""A loop over arrays that LLVM vectorizes without checking first whether that is safe or pays.

Left to itself LLVM checks that no arrays overlap, and takes four registers a turn: more numbers
than most layers of a small network have. The loop therefore states that its turns are independent
(each reads and writes numbers of its own place only), and that a turn takes one register.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fnn.compiled._code.lanes import BITS, INDEX


def _each(typing: Any, function: Any, n: Any, sources: Any, targets: Any) -> Any:
    called = function.get_call_type(typing, tuple(pointer.dtype for pointer in sources), {})

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, length, packed, places = args
        call = context.get_function(function, called)
        context.add_linking_libs(getattr(call, "libs", ()))
        builder.function.attributes.update([f'"prefer-vector-width"="{BITS}"'])
        group = _node(builder.module)
        group.descr = _distinct
        start, zero, one = builder.block, length.type(0), length.type(1)
        body, end = builder.append_basic_block("each"), builder.append_basic_block("end")
        builder.cbranch(builder.icmp_signed("<", zero, length), body, end)
        builder.position_at_end(body)
        i = builder.phi(length.type)
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
        back = builder.cbranch(builder.icmp_signed("<", after, length), body, end)
        back.set_metadata("llvm.loop", _hints(builder.module, group))
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(function, n, sources, targets), generate


def _node(module: Any) -> Any:
    """New empty metadata, which `add_metadata` would merge with all other empty metadata."""
    return ir.values.MDValue(module, (), name=str(len(module.metadata)))


def _distinct(text: Any) -> None:
    text += ("distinct !{}", "\n")


def _hints(module: Any, group: Any) -> Any:
    """Metadata of a loop whose accesses are a group; it begins with itself, as LLVM asks."""
    loop = _node(module)
    hints = (
        ["llvm.loop.parallel_accesses", group],
        ["llvm.loop.interleave.count", INDEX(1)],
    )
    loop.operands = loop, *map(module.add_metadata, hints)
    return loop


each: Any = intrinsic(_each)
"""``each(f, n, (x, y), (a, d))``: ``a[i], d[i] = f(x[i], y[i])`` for i below n.

An array may be both a source and a target, but arrays do not overlap otherwise. f always returns a
tuple."""
