"""The table of functions that are compiled by their names: entry points and operations.

A function is entered in the table of the module that has it, right below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnn.compiled._code import entry_points, optimizers, sample, transforms

KERNELS: dict[str, Callable[..., Any]] = {
    **sample.KERNELS,
    **entry_points.KERNELS,
    **optimizers.KERNELS,
    **transforms.KERNELS,
}
