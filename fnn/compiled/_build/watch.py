"""Changes of what pairs read, noticed in a fraction of a microsecond.

A fingerprint says all that a function computes, but takes 20 us to write. Between two calls of a
pair it is enough to see that the very same objects are still where they were: every global, cell,
default and code that its functions reach. Arrays can change in place, so their content is compared.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from fnn.compiled._build.fingerprint import global_names, plain


@lru_cache(maxsize=1024)
def _own(function: Any) -> bool:
    if isinstance(function, partial):
        return own(function.func, *function.args, *function.keywords.values())
    if isinstance(function, float):
        return True
    module, name = (str(getattr(function, key, "")) for key in ("__module__", "__name__"))
    defined = getattr(sys.modules.get(module), name, None)
    return module.startswith("fnn.") and defined is function and isinstance(function, types.FunctionType)


def own(*functions: Any) -> bool:
    """Tell whether all are functions that fnn's modules define, or partials of these and numbers.

    A function that only says it is of such a module, as `functools.wraps` makes it say, is not.
    """
    return all(map(_own, functions))


class Watch:
    """All that functions read, as it is now; fnn's own functions read nothing that changes."""

    def __init__(self, functions: tuple[Any, ...]) -> None:
        self.tests: list[str] = []  # expressions that are true while nothing has changed
        self.names: dict[str, Any] = {}  # what they refer to
        self.read: set[tuple[int, str]] = set()  # names, with the ids of their dictionaries
        self.seen: dict[int, Any] = {}  # kept alive with their ids
        for function in functions:
            self._add(function)
        self.unchanged: Callable[[], bool] | None = None if not self.tests else self._made()

    def changed(self) -> bool:
        """Tell whether anything is not what it was."""
        return self.unchanged is not None and not self.unchanged()

    def _made(self) -> Callable[[], bool]:
        """One function of all tests: a loop over them would take four times as long."""
        lines = ["def unchanged():", " try:", f"  return {' and '.join(self.tests)}"]
        lines += [" except (KeyError, ValueError):", "  return False"]  # a name or content is gone
        names = dict(self.names)
        exec("\n".join(lines), names)
        made: Callable[[], bool] = names["unchanged"]
        return made

    def _test(self, text: str, *values: Any) -> None:
        """Add a test, in whose text each {} stands for a value."""
        first = len(self.names)
        numbered = [f"v{first + i}" for i in range(len(values))]
        self.names.update(zip(numbered, values, strict=True))
        self.tests.append(text.format(*numbered))

    def _add(self, value: Any) -> None:
        if id(value) in self.seen:
            return
        self.seen[id(value)] = value
        if isinstance(value, tuple | frozenset):
            for part in value:
                self._add(part)
        elif isinstance(value, np.ndarray):
            self._test("{}.dtype is {}", value, value.dtype)
            self._test("{}.shape == {}", value, value.shape)
            self._test("{}.tobytes() == {}", value, value.tobytes())
        elif isinstance(value, partial):
            if not own(value):
                self._test("{} == {{}}", value.keywords)  # no others compile
                self._add((value.func, value.args))
        elif isinstance(value, types.FunctionType):
            if not own(value):
                self._function(value)
        elif plain(value) is not value:
            self._test("{}({}) is {}", plain, value, plain(value))
            self._add(plain(value))

    def _function(self, function: types.FunctionType) -> None:
        self._test("{}.__code__ is {}", function, function.__code__)
        values = function.__globals__
        for name in global_names(function.__code__):
            if (id(values), name) in self.read:
                continue
            self.read.add((id(values), name))
            if name in values:
                self._entry(values, name)
            else:  # of Python's own, unless someone defines it
                self._test("{} not in {}", name, values)
        for cell in function.__closure__ or ():
            self._test("{}.cell_contents is {}", cell, cell.cell_contents)
            self._add(cell.cell_contents)
        # Without defaults all arguments are given, and defaults set later are not used. Those of
        # keywords alone are unknown to numba.
        if function.__defaults__ is not None:
            self._test("{}.__defaults__ is {}", function, function.__defaults__)
            self._add(function.__defaults__)

    def _entry(self, values: dict[str, Any], name: str) -> None:
        self._test("{}[{}] is {}", values, name, values[name])
        self._add(values[name])


MOST = 64
"""Watches that are kept: one for the functions of each network lately used."""

_kept: dict[tuple[int, ...], Watch] = {}


def watching(*functions: Any) -> Watch:
    """The watch of these functions, to be made before they are compiled."""
    key = tuple(map(id, functions))
    found = _kept.pop(key, None)
    if found is None or found.changed():
        found = Watch(functions)
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[key] = found
    return found
