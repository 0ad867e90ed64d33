"""Losses that are a sum of one term for each output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fnn._core.reprs import documented
from fnn.base import Array


def summed(term: Callable[[Array, Array], Array], output: Array, target: Array) -> Array:
    """The sum over the outputs of ``term(output, target)``."""
    total: Array = term(output, target).sum(-1)
    return total


def sum_of(term: Callable[[Array, Array], Array], doc: str | None = None) -> partial[Array]:
    """The loss with this term for each output, and with its docstring or `doc`."""
    return documented(partial(summed, term), doc or term.__doc__)


def zero_curvature(output: Array, target: Array, v: Array) -> Array:
    """Hessian times v of piecewise linear terms: 0, also at their kinks."""
    nothing: Array = 0.0 * v
    return nothing
