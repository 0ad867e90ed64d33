"""Machine code of activation and loss pairs, made from the functions that the NumPy path calls."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from fnn._core.numbers import describe
from fnn.base import Activation, Acts, Loss
from fnn.compiled._build.cache import Modules, SettingsError, addresses
from fnn.compiled._build.fingerprint import fingerprint, plain
from fnn.compiled._build.watch import Watch, own, watching
from fnn.compiled._code.labels import label_loss, label_slope
from fnn.compiled._plan.targets import Form, form_of
from fnn.compiled._runtime.comparison import DifferenceError, compare_activation, compare_loss
from fnn.losses._classification import softmax_cross_entropy_with_integer_labels as of_labels
from fnn.losses._targets import sum_of_known, where_known
from fnn.losses._terms import summed

Function = Callable[..., Any]


class ActivationCode(NamedTuple):
    """The addresses of two loops: of f and f' together, and of f alone."""

    both: int
    value: int


def activation(i: int, act: Activation, dtype: np.dtype[Any]) -> ActivationCode:
    """The machine code of acts[i]; a `TypeError` says why it cannot be compiled."""
    found = _found(f"acts[{i}]", _activation, act.f, act.df, dtype)
    return ActivationCode(found["both"], found["value"])


def loss(pair: Loss, dtype: np.dtype[Any], width: int, *, by_target: bool = False) -> int:
    """The address of a loss with its slopes, for outputs of this width; `TypeError` as above.

    `by_target` says that weights of the targets follow these in memory.
    """
    form = form_of(pair, by_target=by_target)
    return _found("loss", _loss, pair.f, pair.df, dtype, width, form)["loss"]


def watch(acts: Acts, loss: Loss | None = None) -> Watch:
    """All that the pairs of a network read, to be made before they are compiled."""
    losses = () if loss is None else (loss.f, loss.df)
    return watching(*(f for act in acts for f in (act.f, act.df)), *losses)


def _found(name: str, find: Function, f: Function, df: Function, *rest: Any) -> Mapping[str, int]:
    f, df = plain(f), plain(df)
    try:
        found: Mapping[str, int] = find(f, df, *rest, "" if own(f, df) else fingerprint((f, df)))
    except SettingsError:
        raise
    except DifferenceError as error:
        raise TypeError(
            f"{name}: expected a pair {error}, got {described(f)} and {described(df)};"
            " fnn.scan runs it as it is"
        ) from error
    except Exception as error:  # numba's errors, and those of functions that it evaluates
        why = reason(error) + place(error, f, df)
        raise TypeError(
            f"{name}: expected a pair that numba can compile, got {described(f)} and"
            f" {described(df)}: {why}; fnn.scan runs it as it is"
        ) from error
    return found


@lru_cache(maxsize=1024)
def _activation(f: Function, df: Function, dtype: np.dtype[Any], text: str) -> Mapping[str, int]:
    """Machine code of a pair; its fingerprint is part of the cache key, and empty for fnn's own."""

    def build() -> Modules:
        from fnn.compiled._build import compiler

        return compiler.activation(f, df, dtype)

    found = addresses(identity("activation", f, df, dtype), build)
    if text != "":
        compare_activation(f, df, dtype, found["both"])
    return found


@lru_cache(maxsize=1024)
def _loss(
    f: Function, df: Function, dtype: np.dtype[Any], width: int, form: Form, text: str
) -> Mapping[str, int]:
    """Machine code of a pair; its fingerprint is part of the cache key, and empty for fnn's own."""
    value, slope, terms, known = _parts(f, df)

    def build() -> Modules:
        from fnn.compiled._build import compiler

        return compiler.loss(value, slope, dtype, form, terms=terms, known=known)

    found = addresses(identity(f"loss {form} {terms} {known}", value, slope, dtype), build)
    if text != "":
        compare_loss(f, df, dtype, width, found["loss"], form)
    return found


def _parts(f: Function, df: Function) -> tuple[Function, Function, bool, bool]:
    """The functions to compile for a loss, and two flags.

    The first flag says that they are those of one output, the loss being the sum of such terms; the
    second that outputs whose target is NaN are left out of that sum.
    """
    if (f, df) == (of_labels.f, of_labels.df):
        return label_loss, label_slope, False, False
    value, slope = _inside(f, sum_of_known), _inside(df, where_known)
    known = value is not None and slope is not None
    if value is None or slope is None:
        value, slope = f, df
    term = _inside(value, summed)
    if term is not None and own(slope):
        return term, slope, True, known
    return f, df, False, False


def _inside(f: Function, owner: Function) -> Function | None:
    """The function that `owner` was given to make f, or None if it did not make it."""
    return f.args[0] if isinstance(f, partial) and f.func is owner else None


def identity(kind: str, f: Function, df: Function, dtype: np.dtype[Any]) -> str:
    """A text of all that the machine code of a pair depends on."""
    return f"{kind} {dtype} {fingerprint((f, df))}"


def described(function: Function) -> str:
    """A function in words, with the place of its source, as many are named <lambda>."""
    code = getattr(function, "__code__", None)
    if code is None or own(function):
        return describe(function)
    return f"{describe(function)} ({Path(code.co_filename).name}, line {code.co_firstlineno})"


def reason(error: BaseException) -> str:
    """The first line of a complaint of numba's that says why, and not merely where."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Failed in", "Use of", "-"))]
    return (telling or lines or [type(error).__name__])[0].rstrip(".:")


def place(error: BaseException, *functions: Function) -> str:
    """The line of source that a complaint of numba's is of, if it is in a file of the functions."""
    codes = [function.__code__ for function in functions if isinstance(function, FunctionType)]
    files = {Path(code.co_filename).name: code.co_filename for code in codes}
    for name, number in reversed(re.findall(r'File "([^"]*)", line (\d+)', str(error))):
        text = linecache.getline(files.get(Path(name).name, ""), int(number)).strip()
        if text:
            return f', in "{text}" (line {number})'
    return ""
