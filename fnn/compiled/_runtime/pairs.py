"""The machine code of activation and loss pairs, from the functions that the NumPy path calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from fnn._core.numbers import describe
from fnn.base import Activation, Loss
from fnn.compiled._build.cache import Modules, addresses
from fnn.compiled._build.fingerprint import fingerprint, plain
from fnn.compiled._runtime.comparison import DifferenceError, compare_activation, compare_loss
from fnn.losses._targets import sum_of_known, where_known
from fnn.losses._terms import summed

Function = Callable[..., Any]


class ActivationCode(NamedTuple):
    """Addresses: of a = f(z) with d = df(z, a), and of the value alone."""

    both: int
    value: int


def activation(i: int, act: Activation, dtype: np.dtype[Any]) -> ActivationCode:
    """The code of acts[i]; a `TypeError` says why it cannot be compiled."""
    found = _found(f"acts[{i}]", _activation, act.f, act.df, dtype)
    return ActivationCode(found["both"], found["value"])


def loss(pair: Loss, dtype: np.dtype[Any], width: int) -> int:
    """The address of a loss with its slope, for outputs of this width; `TypeError` as above."""
    return _found("loss", _loss, pair.f, pair.df, dtype, width)["loss"]


def _found(name: str, find: Function, f: Function, df: Function, *rest: Any) -> Mapping[str, int]:
    f, df = plain(f), plain(df)
    try:
        found: Mapping[str, int] = find(f, df, *rest, "" if own(f, df) else fingerprint((f, df)))
    except DifferenceError as error:
        raise TypeError(
            f"{name}: expected a pair {error}, got {describe(f)} and {describe(df)};"
            " fnn.scan runs it as it is"
        ) from error
    except Exception as error:  # numba's errors, and those of functions that it evaluates
        raise TypeError(
            f"{name}: expected a pair that numba can compile, got {describe(f)} and"
            f" {describe(df)}: {reason(error)}; fnn.scan runs it as it is"
        ) from error
    return found


@lru_cache(maxsize=1024)
def _own(function: Any) -> bool:
    if isinstance(function, partial):
        return own(function.func, *function.args, *function.keywords.values())
    if isinstance(function, float):
        return True
    return str(getattr(function, "__module__", "")).startswith("fnn.")


def own(*functions: Any) -> bool:
    """Whether functions, or numbers that they are partials of, are those of fnn."""
    return all(map(_own, functions))


@lru_cache(maxsize=1024)
def _activation(f: Function, df: Function, dtype: np.dtype[Any], told: str) -> Mapping[str, int]:
    """The code of a pair that is `told` so: another text for the same function is other code."""

    def build() -> Modules:
        from fnn.compiled._build import compiler as build

        return build.activation(f, df, dtype)

    found = addresses(identity("activation", f, df, dtype), build)
    if told != "":
        compare_activation(f, df, dtype, found["both"])
    return found


@lru_cache(maxsize=1024)
def _loss(
    f: Function, df: Function, dtype: np.dtype[Any], width: int, told: str
) -> Mapping[str, int]:
    one, slope, known = _inside(f, sum_of_known), _inside(df, where_known), True
    if one is None or slope is None:
        one, slope, known = f, df, False
    term = _inside(one, summed)
    terms = term is not None and own(slope)
    value: Any = term
    if not terms:
        value, slope, known = f, df, False

    def build() -> Modules:
        from fnn.compiled._build import compiler as build

        return build.loss(value, slope, dtype, terms=terms, known=known)

    found = addresses(identity(f"loss {terms} {known}", value, slope, dtype), build)
    if told != "":
        compare_loss(f, df, dtype, width, found["loss"])
    return found


def _inside(f: Any, owner: Function) -> Any:
    """What the function is made of, if `owner` made it."""
    return f.args[0] if isinstance(f, partial) and f.func is owner else None


def identity(kind: str, f: Function, df: Function, dtype: np.dtype[Any]) -> str:
    """What the code of a pair depends on."""
    return f"{kind} {dtype} {fingerprint((f, df))}"


def reason(error: BaseException) -> str:
    """A complaint of numba's in one line: the first that says what is wrong, not where."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Failed in", "Use of"))]
    return (telling or lines or [type(error).__name__])[0].rstrip(".")
