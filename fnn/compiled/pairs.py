"""The machine code of activation and loss pairs, from the functions that the NumPy path calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from fnn.base import Activation, Loss
from fnn.compiled.fingerprint import fingerprint
from fnn.compiled.library import Modules, addresses
from fnn.losses import summed
from fnn.targets import sum_of_known
from fnn.values import describe

Function = Callable[..., Any]


class ActivationCode(NamedTuple):
    """Addresses: of a = f(z) with d = df(z, a), and of the value alone."""

    both: int
    value: int


def activation(i: int, act: Activation, dtype: np.dtype[Any]) -> ActivationCode:
    """The code of acts[i]; a `TypeError` says why numba cannot compile it."""
    found = _found(f"acts[{i}]", _activation, act.f, act.df, dtype)
    return ActivationCode(found["both"], found["value"])


def loss(pair: Loss, dtype: np.dtype[Any]) -> int:
    """The address of a loss with its slope; a `TypeError` says why numba cannot compile it."""
    return _found("loss", _loss, pair.f, pair.df, dtype)["loss"]


def _found(name: str, find: Function, f: Function, df: Function, dtype: Any) -> Mapping[str, int]:
    try:
        found: Mapping[str, int] = find(f, df, dtype)
    except Exception as error:  # numba's errors, and those of functions that it evaluates
        raise TypeError(
            f"{name}: expected a pair that numba can compile, got {describe(f)} and"
            f" {describe(df)}: {reason(error)}; fnn.scan runs it as it is"
        ) from error
    return found


@lru_cache(maxsize=1024)
def _activation(f: Function, df: Function, dtype: np.dtype[Any]) -> Mapping[str, int]:
    def build() -> Modules:
        from fnn.compiled import build

        return build.activation(f, df, dtype)

    return addresses(identity("activation", f, df, dtype), build)


@lru_cache(maxsize=1024)
def _loss(f: Function, df: Function, dtype: np.dtype[Any]) -> Mapping[str, int]:
    known = _inside(f, sum_of_known)
    term = _inside(known or f, summed)
    terms, masks = term is not None, known is not None
    if terms:
        f, df = term, df.args[0] if masks and isinstance(df, partial) else df

    def build() -> Modules:
        from fnn.compiled import build

        return build.loss(f, df, dtype, terms=terms, known=masks)

    return addresses(identity(f"loss {terms} {masks}", f, df, dtype), build)


def _inside(f: Any, owner: Function) -> Any:
    """What the function is made of, if `owner` made it."""
    return f.args[0] if isinstance(f, partial) and f.func is owner else None


def identity(kind: str, f: Function, df: Function, dtype: np.dtype[Any]) -> str | None:
    """What the code of a pair depends on, where that can be told."""
    told = fingerprint((f, df))
    return None if told is None else f"{kind} {dtype} {told}"


def reason(error: BaseException) -> str:
    """A complaint of numba's in one line: the first that says what is wrong, not where."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Failed in", "Use of"))]
    return (telling or lines or [type(error).__name__])[0].rstrip(".")
