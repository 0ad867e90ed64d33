"""The examples on real data keep their promises when they are run as a newcomer would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def command(name: str, *options: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *options]


def run(name: str, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(name, *options), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == status, done.stderr
    return done


def figures(pattern: str, text: str) -> list[float]:
    """The numbers in the text's lines that have the form of `pattern`."""
    return [float(found) for found in re.findall(pattern, text, re.MULTILINE)]


@pytest.mark.parametrize("name", ["digits", "diabetes", "streaming", "hidden_codes"])
def test_an_example_is_a_tutorial_of_less_than_a_hundred_lines(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text("utf-8").splitlines()) < 100


def test_the_digits_are_read_with_a_held_out_accuracy_of_097(tmp_path: Path) -> None:
    picture = tmp_path / "confusion.png"
    done = run("digits", "--confusion", str(picture))
    # It is 0.982 here: five digits may go another way where BLAS adds up in another order.
    assert figures(r"accuracy ([\d.]+)$", done.stdout)[0] >= 0.97
    assert done.stderr == ""  # a progress bar is for terminals
    assert len(np.unique(matplotlib.image.imread(picture)[..., 0])) > 20


def test_a_run_that_is_resumed_ends_with_the_same_bytes_as_one_that_was_not_stopped(
    tmp_path: Path,
) -> None:
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    expected = run("digits", "--epochs", "5", "--seed", "3", "--checkpoint", str(whole))
    run("digits", "--epochs", "2", "--seed", "3", "--checkpoint", str(parts))
    assert parts.read_bytes() != whole.read_bytes()
    done = run("digits", "--epochs", "5", "--checkpoint", str(parts), "--resume")
    assert parts.read_bytes() == whole.read_bytes()
    assert done.stdout == expected.stdout


def test_the_diabetes_band_is_measured_and_better_once_calibrated() -> None:
    out = run("diabetes").stdout
    error, guess = map(
        float, re.findall(r"median ([\d.]+); .* all ([\d.]+)$", out, re.MULTILINE)[0]
    )
    assert error < 0.75 * guess
    raw, calibrated = figures(r"covers ([\d.]+)%$", out)
    (chance,) = figures(r"patients: ([\d.]+)%$", out)
    assert raw < 80 < calibrated
    # The rows that calibrate err like those that measure: three times the root of both squares.
    assert abs(calibrated - 80) < 3 * chance * np.hypot(1, np.sqrt(110 / 83))


def test_a_stream_beyond_what_may_be_allocated_is_learned_and_followed(tmp_path: Path) -> None:
    out = run("streaming", "--megabytes", "40", "--allow", "32", "--folder", str(tmp_path)).stdout
    assert out.startswith("all 40 MB at once: more than may be allocated\n")
    losses = figures(r"squared error ([\d.]+)$", out)
    assert len(losses) == 10
    assert losses[4] < losses[0] / 5  # learned
    assert losses[5] > 5 * losses[4]  # the law has changed
    assert losses[9] < losses[5] / 5  # followed
    assert figures(r"^peak memory, Python and all: (\d+) MB$", out)[0] < 150
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("digits", ["--epochs", "0"]),
        ("digits", ["--resume", "--checkpoint", "no such file"]),
        ("diabetes", ["--epochs", "0"]),
        ("streaming", ["--megabytes", "8", "--allow", "16"]),
    ],
)
def test_bad_options_are_refused_with_status_2(name: str, options: list[str]) -> None:
    error = run(name, *options, status=2).stderr
    assert f"error: {options[0]}" in error or f"and {options[0]}: expected" in error


def test_the_hidden_codes_are_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "codes.png"
    run("hidden_codes", str(picture), "300")
    assert len(np.unique(matplotlib.image.imread(picture)[..., 0])) > 100


@pytest.mark.parametrize("name", ["hidden-codes.png", "digits.png"])
def test_the_pictures_of_the_readme_are_small(name: str) -> None:
    path = ROOT / "docs" / "images" / name
    assert path.stat().st_size < 80_000
    assert matplotlib.image.imread(path).shape[1] <= 800
