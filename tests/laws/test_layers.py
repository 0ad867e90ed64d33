"""The house has floors: a module imports only from its own room or from floors below it."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "fnn"
PATHS = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

FLOORS: tuple[tuple[str, ...], ...] = (
    ("base", "_core"),
    ("tree", "random"),
    ("initializers", "activations", "losses", "schedules"),
    ("network",),
    ("data", "optimizers"),
    ("train", "derivatives", "checkpoint"),
    ("solvers", "testing", "compiled"),
    ("plot",),
)
"""The rooms of fnn, the lowest floor first. Rooms of one floor do not import each other, but
``_core`` and ``base``, of which the types come first."""

COMPILED = ("_plan", "_code", "_build", "_runtime")
"""The rooms of ``fnn.compiled``, the lowest first."""

REQUIRED = {"numpy", "typing_extensions"}
EXTRAS = {"compiled/_code": {"numba", "llvmlite"}, "compiled/_build": {"numba", "llvmlite"}}
"""Whoever imports these has asked for their extra."""

MAX_LINES = 400


def room(path: Path) -> str:
    """The room of a file: "network", "train", "compiled/_plan"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "/".join(parts[:2]) if parts[0] == "compiled" and len(parts) > 2 else parts[0]


def below(name: str) -> set[str]:
    """The rooms that a room may import from, itself included."""
    first, _, second = name.partition("/")
    floor = next((i for i, rooms in enumerate(FLOORS) if first in rooms), None)
    if floor is None:
        return set()
    allowed = {own for rooms in FLOORS[:floor] for own in rooms} | {first}
    if first == "_core":
        allowed.add("base")
    if first == "base":
        allowed.add("_core/reprs")  # which knows of no type of base
    if second:
        inner = COMPILED[: COMPILED.index(second) + 1] if second in COMPILED else ()
        allowed = (allowed - {first}) | {f"{first}/{own}" for own in inner}
    elif first == "compiled":
        allowed |= {f"{first}/{own}" for own in COMPILED}
    return allowed


def at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: no function's body, and nothing for checkers only."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                pass
            case _:
                yield child
                yield from at_import_time(child)


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Dotted names of all that is imported, `from a import b` as "a.b"."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def complaints(name: str, source: str) -> list[str]:
    """The wrong imports of a module that stands in the room `name`."""
    allowed = below(name)
    if not allowed:
        return [f"fnn.{name}: place the room in FLOORS (tests/laws/test_layers.py)"]
    tree = ast.parse(source)
    wrong = []
    for dotted in imported(ast.walk(tree)):
        parts = dotted.split(".")
        if parts[0] in ("fnn", "") and not allowed & {*parts[1:2], "/".join(parts[1:3])}:
            wrong.append(f"fnn.{name}: imports {dotted}, which is not below it")
    roots = {dotted.split(".")[0] for dotted in imported(at_import_time(tree))}
    known = REQUIRED | EXTRAS.get(name, set()) | {"fnn", ""} | sys.stdlib_module_names
    return wrong + [
        f"fnn.{name}: import {extra} in the function that uses it"
        for extra in sorted(roots - known)
    ]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below_it(path: Path) -> None:
    assert complaints(room(path), path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_one_notion_long(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MAX_LINES


def test_every_room_is_on_a_floor() -> None:
    rooms = {room(path) for path in PATHS}
    assert {name.partition("/")[0] for name in rooms} == {own for floor in FLOORS for own in floor}


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {module(path): direct(path) for path in PATHS}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def module(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def direct(path: Path) -> set[str]:
    """The modules of fnn that a file imports."""
    known = {module(other) for other in PATHS}
    names = imported(ast.walk(ast.parse(path.read_text("utf-8"))))
    prefixes = (set(accumulate(name.split("."), "{}.{}".format)) & known for name in names)
    return {max(found, key=len) for found in prefixes if found} - {module(path)}


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("from fnn.train import start", "imports fnn.train.start, which"),
        ("def f():\n    from fnn.train import start", "imports fnn.train.start, which"),
        ("from fnn import train", "imports fnn.train, which"),
        ("from fnn import init", "imports fnn.init, which"),
        ("import fnn", "imports fnn, which"),
        ("import fnn.train as t", "imports fnn.train, which"),
        ("from .train import start", "imports .train.start, which"),
        ("from . import train", "imports ..train, which"),
        ("import scipy.special", "import scipy in the function"),
        ("if True:\n    from numba import njit", "import numba in the function"),
        ("class C:\n    import jax", "import jax in the function"),
    ],
)
def test_imports_that_point_up_or_out_are_told(source: str, complaint: str) -> None:
    (told,) = complaints("network", source)
    assert told.startswith(f"fnn.network: {complaint}")


@pytest.mark.parametrize(
    ("name", "source", "right"),
    [
        (
            "network",
            "import math\nimport numpy.typing\nfrom typing_extensions import TypeVar",
            True,
        ),
        ("network", "from fnn.base import Layer\nfrom fnn import tree\nimport fnn.random", True),
        (
            "network",
            "def f():\n    import scipy.special\n    async def g():\n        import jax",
            True,
        ),
        ("network", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import jax", True),
        ("data", "from fnn.optimizers import sgd", False),
        ("base", "from fnn._core import numbers", False),
        ("base", "from fnn._core import reprs", True),
        ("compiled/_plan", "import numba", False),
        ("compiled/_code", "import numba", True),
        ("compiled/_build", "from llvmlite import ir", True),
        ("compiled/_runtime", "import llvmlite.binding", False),
        ("compiled/_plan", "from fnn.compiled._code import kernels", False),
        ("compiled/_runtime", "from fnn.compiled._build import cache", True),
        ("compiled", "from fnn.compiled._runtime.scan import scan", True),
    ],
)
def test_rooms_know_what_is_below_them(name: str, source: str, right: bool) -> None:
    assert (complaints(name, source) == []) is right


def test_a_room_without_a_floor_is_told_to_be_placed() -> None:
    place = "place the room in FLOORS (tests/laws/test_layers.py)"
    assert complaints("utils", "") == [f"fnn.utils: {place}"]


FACES = sorted(
    module(path)
    for path in PACKAGE.rglob("*.py")
    if not any(part.startswith("_") for part in module(path).split("."))
)


@pytest.mark.parametrize("name", FACES)
def test_a_face_lists_its_own_names_and_no_others(name: str) -> None:
    face = importlib.import_module(name)
    names = face.__all__
    assert sorted(names) == names
    assert len(set(names)) == len(names)
    assert dir(face) == names
    assert all(hasattr(face, own) for own in names)
    assert face.__doc__


def newly_imported(first: str, then: str) -> set[str]:
    """The modules that importing `then` adds to those of `first`, in a fresh process."""
    code = f"import sys, json; import {first}; had = set(sys.modules); import {then};"
    code += "print(json.dumps(sorted(set(sys.modules) - had)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_fnn_imports_nothing_that_it_does_not_require() -> None:
    roots = {name.split(".")[0] for name in newly_imported("sys", "fnn")}
    assert roots - sys.stdlib_module_names <= {"fnn", *REQUIRED}


def test_importing_fnn_wakes_no_lazy_part_of_numpy() -> None:
    names = newly_imported("numpy, numpy.typing", "fnn")
    assert {name for name in names if name.split(".")[0] == "numpy"} == set()
