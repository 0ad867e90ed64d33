"""The form that an error about an argument has, and the check that a call raises one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

Expected = tuple[Any, ...]


RAW = re.compile(
    r"zip\(|matmul|broadcast|inhomogeneous|unpack|subscript|iterable|attribute|callable|operand"
    r"|shapes \(|positional|must be real|0x[0-9a-f]{6}|\n"
)


def refuses(expected: Expected, f: Callable[..., Any], *args: Any) -> None:
    """`f` raises exactly error, "name: expected ..., got ...", with all parts of it.

    `expected` is (error, name, *parts).
    """
    error, name, *parts = expected
    with pytest.raises(error) as caught:
        f(*args)
    message = str(caught.value)
    assert type(caught.value) is error
    assert message.startswith(f"{name}: expected ")
    assert ", got " in message
    assert RAW.search(message) is None
    assert len(message) < 300
    for part in parts:
        assert part in message
