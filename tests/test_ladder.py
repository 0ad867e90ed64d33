"""Imports point one way: a module imports only from those above it in LADDER."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fnn"
PATHS = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

LADDER = (
    "base",
    "values",
    "memory",
    "tree",
    "checks",
    "shapes",
    "folds",
    "random",
    "erfc",
    "activation_curvature",
    "gelu",
    "activations",
    "dropout",
    "logits",
    "loss_curvature",
    "losses",
    "initializers",
    "updates",
    "network",
    "rows",
    "data",
    "splits",
    "scaling",
    "targets",
    "sources",
    "tables",
    "schedules",
    "rules",
    "masks",
    "combine",
    "transforms",
    "adaptive",
    "moments",
    "optimizers",
    "steps",
    "epochs",
    "train",
    "atomic",
    "npz",
    "checkpoint",
    "compiled",
    "plot",
    "differences",
    "promises",
    "testing",
    "derivatives",
    "solvers",
)
REQUIRED = {"numpy", "typing_extensions"}
MAX_LINES = 250
OPTED_IN = {"compiled": {"numba", "llvmlite"}}  # importing it is asking for its extra


def rung(path: Path) -> str:
    """The ladder's name for a file: its module's, or its sub-package's."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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
    """What is wrong with the imports of the module that stands at `name`."""
    if name not in LADDER:
        return [f"fnn.{name}: place it in LADDER (tests/test_ladder.py)"]
    allowed = {*LADDER[: LADDER.index(name)], name}
    tree = ast.parse(source)
    names = (dotted.split(".") for dotted in imported(ast.walk(tree)))
    wrong = [
        f"fnn.{name}: imports {'.'.join(parts)}, which is not above it"
        for parts in names
        if parts[0] in ("fnn", "") and not allowed.intersection(parts[1:2])
    ]
    roots = {dotted.split(".")[0] for dotted in imported(at_import_time(tree))}
    extras = sorted(
        roots - REQUIRED - OPTED_IN.get(name, set()) - {"fnn", ""} - sys.stdlib_module_names
    )
    return wrong + [f"fnn.{name}: import {extra} in the function that uses it" for extra in extras]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_above_it(path: Path) -> None:
    assert complaints(rung(path), path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_one_concept_long(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MAX_LINES


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
    "source",
    [
        "import math\nimport numpy.typing\nfrom typing_extensions import TypeVar",
        "from fnn.base import Layer\nfrom fnn import tree, checks\nimport fnn.random",
        "def f():\n    import scipy.special\n    async def g():\n        import jax",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from matplotlib.axes import Axes",
    ],
)
def test_imports_from_above_and_extras_where_they_are_used_are_right(source: str) -> None:
    assert complaints("network", source) == []


def test_a_module_that_is_not_on_the_ladder_is_told_to_be_placed() -> None:
    assert complaints("utils", "") == ["fnn.utils: place it in LADDER (tests/test_ladder.py)"]


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
