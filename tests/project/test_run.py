"""run.py sets .venv up once, again when it is out of date, and never by halves."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).parents[2] / "run.py"
VENV, PIP = "venv", "pip"


class Clone:
    """A clone in which making an environment and installing are only noted down."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[str] = []
        self.status = {VENV: 0, PIP: 0}
        self.without_numba = False
        shutil.copy(RUN, root)
        (root / "pyproject.toml").write_text("[project]")

    def run(self, command: tuple[str, ...], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["cwd"] == self.root
        self.calls.append(command[2])
        if command[2] == VENV:
            assert command[3:] == ("--clear", str(self.root / ".venv"))
            shutil.rmtree(self.root / ".venv", ignore_errors=True)
            (self.root / ".venv").mkdir()
        else:
            self.calls[-1] += " " + command[-1]
        status = self.status[command[2]]
        if self.without_numba and command[-1] == ".[compiled]":
            assert "--only-binary=numba,llvmlite" in command  # or pip compiles LLVM for an hour
            status = 1
        return subprocess.CompletedProcess(command, status, "", "noise\n ERROR: why\nnote: noise\n")

    def fresh(self) -> Any:
        """Import run.py as a process does that has just begun."""
        spec = importlib.util.spec_from_file_location("run_copy", self.root / "run.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def set_up(self, extra: str) -> list[str]:
        """List the commands of set_up, in a process that has just begun."""
        set_up: Callable[[str], None] = self.fresh().set_up
        self.calls = []
        set_up(extra)
        return self.calls


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    clone = Clone(tmp_path)
    monkeypatch.setattr("subprocess.run", clone.run)
    return clone


def test_the_first_use_sets_up_and_the_second_finds_it_done(clone: Clone) -> None:
    assert clone.set_up("[compiled]") == ["venv", "pip .[compiled]"]
    assert clone.set_up("[compiled]") == []


def test_the_tests_add_to_what_the_main_job_installed_and_not_the_other_way(clone: Clone) -> None:
    clone.set_up("[compiled]")
    assert clone.set_up("[test]") == ["pip .[test]"]
    assert clone.set_up("[compiled]") == []
    assert clone.set_up("[test]") == []


@pytest.mark.parametrize("extra", ["[compiled]", "[test]"])
def test_changed_dependencies_are_installed_from_the_start(clone: Clone, extra: str) -> None:
    clone.set_up("[test]")
    (clone.root / "pyproject.toml").write_text("[project]\n")
    assert clone.set_up(extra) == ["venv", f"pip .{extra}"]


def test_another_python_gets_an_environment_of_its_own(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.set_up("[compiled]")
    monkeypatch.setattr("sys.version", "3.99.0")
    assert clone.set_up("[compiled]") == ["venv", "pip .[compiled]"]


@pytest.mark.parametrize("before", ["nothing", "main job"])
def test_an_interrupted_set_up_is_done_again(clone: Clone, before: str) -> None:
    if before == "main job":
        clone.set_up("[compiled]")
    clone.status[PIP] = 1
    with pytest.raises(SystemExit, match=r"ERROR: why$"):
        clone.set_up("[test]")
    clone.status[PIP] = 0
    assert clone.set_up("[compiled]") == ["venv", "pip .[compiled]"]


def test_the_main_job_does_without_numba_where_it_has_no_wheel(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.without_numba = True
    assert clone.set_up("[compiled]") == ["venv", "pip .[compiled]", "pip ."]
    assert "slower without numba, which did not install: ERROR: why" in capsys.readouterr().err
    assert clone.set_up("[compiled]") == []
    assert clone.set_up("[test]") == ["pip .[test]"]


def test_an_environment_that_cannot_be_made_ends_with_one_line(clone: Clone) -> None:
    clone.status[VENV] = 1
    with pytest.raises(SystemExit, match=r"^run\.py: could not set up .*: ERROR: why$"):
        clone.set_up("[compiled]")
    assert clone.calls == ["venv"]


def test_a_python_without_venv_ends_with_one_line(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "ensurepip" else find(name)
    )
    with pytest.raises(SystemExit, match=r"^run\.py: this Python lacks venv"):
        clone.set_up("[compiled]")
    assert clone.calls == []


def test_a_virtual_environment_of_the_users_own_is_left_alone(clone: Clone) -> None:
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "precious").touch()
    for _ in range(2):
        with pytest.raises(SystemExit, match="made by someone else"):
            clone.set_up("[compiled]")
    assert (clone.root / ".venv" / "precious").exists()


@pytest.mark.parametrize("options", [[], ["tests/test_network.py", "-x"]], ids=" ".join)
def test_the_whole_suite_is_run_or_what_the_options_say(
    options: list[str], clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone.root)  # where run.py goes as well
    ran: list[list[str]] = []
    module = clone.fresh()
    monkeypatch.setattr(module, "run", ran.append)
    module.main(["tests", *options])
    assert clone.calls == ["venv", "pip .[test]"]
    whole = ["--cov", "--numprocesses=auto", "--maxprocesses=8", "--dist=worksteal"]
    assert ran == [["-m", "pytest", *(options or whole)]]


def run_py(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


def test_an_old_python_can_read_run_py() -> None:
    ast.parse(RUN.read_text("utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_what_is_needed() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 10, 9); runpy.run_path(sys.argv[1])"
    done = run_py("-c", pretend, str(RUN))
    assert done.returncode == 1
    assert re.fullmatch(r"run\.py: fnn needs Python 3\.11 or newer, this is .*\n", done.stderr)


@pytest.mark.parametrize("arguments", [(), ("test",), ("--help",)], ids=" ".join)
def test_the_two_commands_are_shown_when_neither_is_given(arguments: tuple[str, ...]) -> None:
    done = run_py(str(RUN), *arguments)
    assert done.returncode == 2
    shown = re.findall(r"^    python3 run\.py (\w+)", done.stderr, re.MULTILINE)
    assert shown == ["autoencoder", "tests"]
