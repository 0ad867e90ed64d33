"""Tests mirror the house: each room of fnn has its place, and what is shared is in support/."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "fnn"
FILES = sorted(TESTS.rglob("*.py"))
ROOMS = sorted(
    path.stem
    for path in PACKAGE.iterdir()
    if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").is_file())
)
ABOUT_ALL = {"laws", "project", "support", "typing"}
"""The folders of tests/ that are not about one room of fnn."""


def relative(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def imported_tests(source: str) -> list[str]:
    """The test modules that a source imports, as "tests.test_network.data"."""
    dotted: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            dotted += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dotted += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in dotted if name.startswith("tests.") and ".test_" in name]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_nothing_is_imported_from_a_test_module(path: Path) -> None:
    assert imported_tests(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from tests.test_network import data",
        "from tests.laws.test_purity import World",
        "from tests.laws import test_purity",
        "import tests.test_tree",
        "def f():\n    import tests.laws.test_layers as layers",
    ],
)
def test_an_import_from_a_test_module_is_found(source: str) -> None:
    assert len(imported_tests(source)) == 1


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_fnn_has_one_place_in_tests(room: str) -> None:
    """Tests of fnn/network.py are in test_network.py or network/, those of fnn/_core/ in core/."""
    name = room.removeprefix("_")
    in_folder = any((TESTS / name).glob("test_*.py"))
    in_file = (TESTS / f"test_{name}.py").is_file()
    assert [in_folder, in_file].count(True) == 1


def test_every_folder_and_file_of_tests_is_about_a_room_of_fnn_or_about_all() -> None:
    known = {room.removeprefix("_") for room in ROOMS} | ABOUT_ALL
    folders = {path.name for path in TESTS.iterdir() if any(path.glob("*.py"))}
    files = {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")}
    assert folders | files <= known


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in FILES
        if not path.name.startswith(("test_", "conftest"))
        and path.parent.name not in ("support", "typing")
    ],
    ids=relative,
)
def test_a_script_stands_beside_the_test_that_runs_it_or_reads_what_it_wrote(path: Path) -> None:
    folder = path.parents[1] if path.parent.name == "golden" else path.parent
    assert any(path.stem in test.read_text("utf-8") for test in folder.glob("test_*.py"))
