"""What pip, type checkers and newcomers rely on. What was built is checked by .ci/run."""

from __future__ import annotations

import ast
import configparser
import io
import os
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fnn

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SOURCES = sorted(
    path
    for folder in ("fnn", "examples", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if not path.match("tests/typing/bad_*.py")  # its mistakes are marked on purpose
)


def test_fnn_needs_numpy_and_typing_extensions_and_nothing_else() -> None:
    assert PROJECT["project"]["dependencies"] == ["numpy>=2.2", "typing-extensions>=4.12"]
    assert PROJECT["project"]["requires-python"] == ">=3.11"


def test_the_version_is_written_once() -> None:
    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"] == {"path": "fnn/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", fnn.__version__)


def test_the_page_on_stability_says_what_is_needed() -> None:
    text = (ROOT / "docs" / "stability.md").read_text("utf-8")
    extras = PROJECT["project"]["optional-dependencies"]
    needed = [PROJECT["project"]["requires-python"], *PROJECT["project"]["dependencies"]]
    needed += [r for name in ("compiled", "plot", "scipy", "examples") for r in extras[name]]
    assert [r for r in needed if f"`{r}`" not in text] == ["fnn[plot]"]


def test_the_workflow_runs_every_check_on_every_python_that_is_supported() -> None:
    text = (ROOT / ".github" / "workflows" / "checks.yml").read_text("utf-8")
    (listed,) = re.findall(r"^ +python: \[(.*)\]$", text, re.MULTILINE)
    prefix = "Programming Language :: Python :: "
    named = [c.removeprefix(prefix) for c in PROJECT["project"]["classifiers"] if prefix in c]
    assert re.findall(r"3\.\d+", listed) == [name for name in named if "." in name]
    assert re.search(r"^ +- run: \.ci/run$", text, re.MULTILINE)
    actions = re.findall(r"uses: (.*)", text)
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v[\d.]+", a) for a in actions)


def test_fnn_is_marked_as_typed() -> None:
    assert (ROOT / "fnn" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]


def test_what_is_distributed_is_named_and_there() -> None:
    build = PROJECT["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"] == {"packages": ["fnn"]}
    assert set(build["sdist"]) == {"only-include"}
    assert all((ROOT / name).exists() for name in build["sdist"]["only-include"])
    assert (ROOT / PROJECT["project"]["readme"]).is_file()
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License\n")


def test_the_checks_are_strict() -> None:
    assert PROJECT["tool"]["pytest"]["strict"] is True
    assert PROJECT["tool"]["pytest"]["filterwarnings"] == ["error"]
    assert PROJECT["tool"]["coverage"]["report"]["fail_under"] >= 99
    parser = configparser.ConfigParser()
    parser.read(ROOT / "mypy.ini")
    mypy = parser["mypy"]
    assert mypy.getboolean("strict")
    assert mypy.getboolean("warn_unreachable")
    codes = {code.strip() for code in mypy["enable_error_code"].split(",")}
    assert codes >= {
        "deprecated",
        "ignore-without-code",
        "possibly-undefined",
        "redundant-expr",
        "truthy-bool",
    }
    exceptions = [dict(parser[name]) for name in parser.sections() if name != "mypy"]
    assert exceptions == [{"ignore_missing_imports": "True"}]  # one package without types


def test_coverage_leaves_out_files_of_machine_code_and_no_others() -> None:
    for name in PROJECT["tool"]["coverage"]["run"]["omit"]:
        assert (ROOT / name).is_file(), name
        assert name.startswith("fnn/compiled/_code/")


def silencers(source: str) -> Iterator[str]:
    """The comments and casts that make a checker look away."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and re.search(
            r"type:\s*ignore|pyright:|mypy:|noqa|pragma|fmt:\s*(off|skip)", token.string
        ):
            yield f"line {token.start[0]}: {token.string}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in ("typing", "typing_extensions"):
            yield from (f"line {node.lineno}: cast" for a in node.names if a.name == "cast")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_checker_is_silenced(path: Path) -> None:
    assert list(silencers(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "x = y  # type: ignore",
        "x = y  # type:ignore[misc]",
        "x = y  # pyright: ignore",
        "import os  # noqa: F401",
        "x = 1  # pragma: no cover",
        "x = 1  # fmt: skip",
        "from typing import Any, cast",
    ],
)
def test_a_silenced_checker_is_found(line: str) -> None:
    assert len(list(silencers(line))) == 1


def test_ci_is_ready_to_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)


def test_the_changelog_knows_the_version() -> None:
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.findall(r"^## \[(.+?)\]", log, re.MULTILINE)[0]
    assert newest in ("Unreleased", fnn.__version__)
