"""The examples of second-order training and of surrogates keep their promises."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from fnn import Batch, init, key
from fnn.base import Array
from fnn.random import normal
from fnn.tree import leaves, ravel

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(name: str, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize(("name", "lines"), [("levenberg", 100), ("surrogate", 80)])
def test_an_example_is_short(name: str, lines: int) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text("utf-8").splitlines()) < lines


def test_curves_are_fitted_and_noise_is_left_alone(tmp_path: Path) -> None:
    pictures = tmp_path / "fits.png", tmp_path / "bayesian.png"
    out = run("levenberg", *map(str, pictures), "--steps", "100").stdout
    errors = [float(found) for found in re.findall(r"error ([\d.]+)% of", out)]
    assert len(errors) == 6
    steps = [int(found) for found in re.findall(r": (\d+) steps, error", out)]
    assert len(steps) == 6
    assert max(steps) < 70  # each is there long before it would be stopped
    assert max(errors) < 10  # the noise of sinc, the loudest, is a seventh of its deviation
    plain, bayesian = (
        float(found) for found in re.findall(r"squared error ([\d.]+)$", out, re.MULTILINE)
    )
    assert bayesian < 0.75 * plain
    effective, noise = re.findall(
        r"^([\d.]+) effective params of 91, noise ([\d.]+)", out, re.MULTILINE
    )[0]
    assert 6 < float(effective) < 20
    assert 0.15 < float(noise) < 0.25
    for picture in pictures:
        assert len(np.unique(matplotlib.image.imread(picture)[..., 0])) > 20


def test_slopes_make_the_surrogate_better_by_a_factor_of_three() -> None:
    out = run("surrogate", "--steps", "800").stdout
    (f, df), (f_too, df_too) = re.findall(r"error ([\d.]+), of df/dx ([\d.]+)$", out, re.MULTILINE)
    assert float(df) >= 3 * float(df_too)
    assert float(f) >= 3 * float(f_too)


def test_the_surrogate_descends_the_gradient_of_its_loss() -> None:
    example: dict[str, Any] = runpy.run_path(str(EXAMPLES / "surrogate.py"))
    params, x = init(key(0), (2, 5, 4, 1)), normal(key(1), (6, 2))
    y, slopes = normal(key(2), (6, 1)), normal(key(3), (6, 2))

    def loss(vector: Array) -> complex:
        """By hand, for complex params: the slopes go forward with the values."""
        parts = np.split(vector, np.cumsum([leaf.size for leaf in leaves(params)])[:-1])
        arrays = [p.reshape(leaf.shape) for p, leaf in zip(parts, leaves(params), strict=True)]
        a, moved = x, np.broadcast_to(np.eye(2), (6, 2, 2))
        for i in range(0, 6, 2):
            z = a @ arrays[i] + arrays[i + 1]
            a = np.tanh(z) if i < 4 else z
            moved = moved @ arrays[i] * ((1 - a * a)[:, None] if i < 4 else 1)
        errors = ((a - y) ** 2).sum(1) + 0.7 * ((moved[..., 0] - slopes) ** 2).sum(1)
        return complex(errors.mean())

    theta = ravel(params)[0].astype(complex)
    step = 1e-30j * np.eye(len(theta))  # the complex step: exact to rounding
    expected = np.array([loss(theta + row).imag / 1e-30 for row in step])
    grads = example["gradient"](params, Batch(x, y), slopes, 0.7)
    np.testing.assert_allclose(ravel(grads)[0], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "options"),
    [("levenberg", ["a.png", "b.png", "--steps", "0"]), ("levenberg", ["a.png"])],
)
def test_bad_options_are_refused_with_status_2(name: str, options: list[str]) -> None:
    assert "error: " in run(name, *options, status=2).stderr


@pytest.mark.parametrize("name", ["levenberg.png", "bayesian.png"])
def test_the_pictures_are_small(name: str) -> None:
    path = ROOT / "docs" / "images" / name
    assert path.stat().st_size < 80_000
    assert matplotlib.image.imread(path).shape[1] <= 800
