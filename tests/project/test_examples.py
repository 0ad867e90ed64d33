"""The README's code and the examples run, and say what they promise."""

from __future__ import annotations

import doctest
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from fnn import derivatives

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_the_readme_code_runs_and_its_networks_learn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the code saves a file
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    assert len(blocks[0].splitlines()) == 15
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    worst, held_out = map(float, capsys.readouterr().out.split())
    assert worst < 0.1
    assert held_out < 0.2


def test_the_page_on_calculus_prints_what_its_functions_compute() -> None:
    text = (ROOT / "docs/calculus.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    page = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "calculus.md", None, 0)
    told: list[str] = []
    results = doctest.DocTestRunner().run(page, out=told.append)
    assert results.failed == 0, "".join(told)
    assert results.attempted > 30


def test_the_page_on_calculus_names_every_derivative() -> None:
    text = (ROOT / "docs/calculus.md").read_text()
    for name in (name for name, value in vars(derivatives).items() if callable(value)):
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
