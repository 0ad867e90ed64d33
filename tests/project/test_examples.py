"""The README's code and the examples run, and say what they promise."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules

import pytest

import fnn
from fnn import derivatives

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


def blocks(page: str) -> list[str]:
    """The Python of a page, block by block."""
    text = (ROOT / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


README = blocks("README.md")


@pytest.mark.parametrize("block", README, ids=range(1, len(README) + 1))
def test_a_block_of_the_readme_runs_when_pasted_into_a_fresh_interpreter(
    block: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-q", "-i", "-W", "error"],  # reads a line at a time, as from a terminal
        input=block + "\n",
        cwd=tmp_path,  # a block may save a file, and runs in any folder
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "Error" not in done.stderr
    figures = [float(line) for line in done.stdout.splitlines()]
    assert len(figures) == len(re.findall(r"^print\(", block, re.MULTILINE))
    assert all(figure < (0.1 if block == README[0] else 0.2) for figure in figures)


def test_the_readme_begins_with_a_network_that_learns_in_15_lines() -> None:
    assert len(README) >= 6
    assert len(README[0].splitlines()) == 15
    assert sum("print(" in block for block in README) == 2


def test_the_readme_lists_every_module_with_names_that_it_has() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(fnn[.\w]*)` \| (.*) \|$", text, re.MULTILINE))
    public = {f"fnn.{info.name}" for info in iter_modules(fnn.__path__) if info.name[0] != "_"}
    assert set(rows) == public | {"fnn"}
    for module, row in rows.items():
        names = re.findall(r"\w+", re.sub(r"\([^)]*\)", "", " ".join(re.findall("`(.*?)`", row))))
        missing = [name for name in names if not hasattr(importlib.import_module(module), name)]
        assert missing == [], f"{module}: {missing}"


def test_the_page_on_calculus_prints_what_its_functions_compute() -> None:
    code = "\n".join(blocks("docs/calculus.md"))
    page = doctest.DocTestParser().get_doctest(code, {}, "calculus.md", None, 0)
    failures: list[str] = []
    results = doctest.DocTestRunner().run(page, out=failures.append)
    assert results.failed == 0, "".join(failures)
    assert results.attempted > 30


def test_the_page_on_calculus_names_every_derivative() -> None:
    text = (ROOT / "docs/calculus.md").read_text()
    for name in derivatives.__all__:
        if inspect.isfunction(getattr(derivatives, name)):
            assert f"`{name}`" in text


def test_the_readme_names_exactly_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^(python3 run\.py \w+)", text, re.MULTILINE)
    assert commands == ["python3 run.py autoencoder", "python3 run.py tests"]


def test_the_autoencoder_reaches_its_target_and_prints_its_codes() -> None:
    done = run("examples/autoencoder.py", "--target", "1.5", "--seed", "3", "--engine", "numpy")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "10000000" in done.stdout
    assert re.search(r"^\d of 8 rounded codes are distinct$", done.stdout, re.MULTILINE)
    assert re.search(r"^summed squared distance \d\.\d+ in epoch [\d,]+", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("batch", [(), ("--batch", "4")], ids=["online", "minibatches"])
def test_both_engines_print_the_same_codes_in_the_same_epoch(batch: tuple[str, ...]) -> None:
    command = ("examples/autoencoder.py", "--target", "1.5", "--seed", "3", *batch, "--engine")
    by_numpy, compiled = (run(*command, engine).stdout for engine in ("numpy", "compiled"))
    assert by_numpy.partition(" (")[0] == compiled.partition(" (")[0] != ""


def test_the_autoencoder_says_when_it_does_not_reach_its_target() -> None:
    done = run("examples/autoencoder.py", "--max-epochs", "3", "--engine", "numpy")
    assert done.returncode == 1
    assert done.stderr.startswith("target 0.002 not reached in 3 epochs; try")


@pytest.mark.parametrize(
    "options",
    [
        ["--batch", "3"],
        ["--hidden", "tanh", "--output", "softplus", "--max-epochs", "2000"],
        ["--hidden", "elu", "--batch", "8"],
    ],
)
def test_the_exercises_are_options(options: list[str]) -> None:
    done = run("examples/autoencoder.py", "--target", "6.9", *options)
    assert done.returncode == 0, done.stderr


def test_the_autoencoder_says_when_it_diverges() -> None:
    linear = "--hidden", "identity", "--output", "identity"
    done = run("examples/autoencoder.py", *linear, "--engine", "numpy")
    assert done.returncode == 1
    assert done.stderr.startswith("loss: expected finite numbers, got")


@pytest.mark.parametrize(
    "options", [["--hidden", "softmax"], ["--seed", "-1"], ["--batch", "0"], ["--max-epochs", "0"]]
)
def test_bad_options_are_refused_with_status_2(options: list[str]) -> None:
    done = run("examples/autoencoder.py", *options)
    assert done.returncode == 2
    assert options[0] in done.stderr


def test_the_hand_composed_loop_is_short_and_stops_early(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = EXAMPLES / "compose.py"
    assert len(path.read_text().splitlines()) < 40
    runpy.run_path(str(path), run_name="__main__")
    assert "after" in capsys.readouterr().out
