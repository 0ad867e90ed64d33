"""Attributes that NumPy's arrays have and numba's numbers lack, for pairs that use them.

An activation gets an array in NumPy and one number in machine code: ``(z > 0).astype(z.dtype)`` is
then of a number, too. numba asks that a function and what stands for it have the same annotations.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numba.core import types
from numba.core.typing.npydecl import parse_dtype
from numba.extending import intrinsic, overload_attribute, overload_method


def _dtype_of(typing: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_dummy_value()

    return types.DType(types.unliteral(x))(x), generate


dtype_of: Any = intrinsic(_dtype_of)
"""``dtype_of(x)``: the dtype of a number."""


def _dtype(x: Any) -> Any:
    def dtype(x: Any) -> Any:
        return dtype_of(x)

    return dtype


PYTHONS: dict[object, Any] = {float: types.float64, int: types.intp, bool: types.boolean}
"""Dtypes of Python's own types."""


def _astype(x: Any, dtype: Any) -> Any:
    number: Any = PYTHONS.get(getattr(dtype, "typing_key", None)) or parse_dtype(dtype)

    def astype(x: Any, dtype: Any) -> Any:
        return number(x)

    return astype


def _copy(x: Any) -> Any:
    def copy(x: Any) -> Any:
        return x

    return copy


@cache
def extend_numba() -> None:
    """Give numba's numbers a dtype, astype and copy, once in a process."""
    for kind in (types.Float, types.Integer, types.Boolean):
        overload_attribute(kind, "dtype")(_dtype)
        overload_method(kind, "astype")(_astype)
        overload_method(kind, "copy")(_copy)
