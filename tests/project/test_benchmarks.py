"""The benchmarks compare like with like, take turns, and say truly what they found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import by_numpy, by_sgemm
from benchmarks.bars import BARS, reached
from benchmarks.contender import Contender, verify
from benchmarks.report import report
from benchmarks.results import Result
from benchmarks.tasks import Network, Training
from benchmarks.timing import ratios, take_turns

ROOT = Path(__file__).parents[2]
NET = Network((4, 3, 2), "sigmoid", "sigmoid", "float64")
TASK = Training(NET, rows=5, rate=0.1)


def test_a_quick_run_writes_a_table_and_a_picture(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "online", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "| us | 8-3-8 |" in page
    assert re.search(r"^\| fnn \(NumPy\) \| [\d.]+ \[[\d.]+, [\d.]+\] \|$", page, re.MULTILINE)
    assert "GENANN_LIBRARY" in page
    assert (tmp_path / "images" / "benchmarks.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_workload_is_refused_by_name() -> None:
    command = [sys.executable, "-m", "benchmarks", "onlin"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "got onlin" in done.stderr


@pytest.mark.parametrize(
    "other",
    [
        TASK._replace(rate=0.101),
        TASK._replace(optimizer="adam"),
        TASK._replace(passes=2),
        TASK._replace(net=NET._replace(output="identity")),
        TASK._replace(net=NET._replace(dtype="float32")),
    ],
)
def test_a_contender_that_does_something_else_is_refused(other: Training) -> None:
    with pytest.raises(AssertionError, match="apart"):
        verify(TASK, by_numpy.training(other), by_numpy.reference)


def test_a_contender_that_says_what_else_it_does_is_compared_with_that() -> None:
    other = TASK._replace(net=NET._replace(output="identity"))
    contender = by_numpy.training(other)._replace(like=other)
    assert verify(TASK, contender, by_numpy.reference) == 0.0


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    times = take_turns(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, turns=3, seconds=0.0
    )
    assert "".join(calls) == "aabb" + "ab" * 3  # two calls of each say how long they take
    assert {name: len(taken) for name, taken in times.items()} == {"a": 3, "b": 3}


def test_ratios_are_taken_turn_by_turn() -> None:
    assert ratios({"a": [1.0, 20.0], "b": [2.0, 10.0]}, "a", "b") == [0.5, 2.0]


def test_the_products_of_a_net_are_counted_in_those_of_its_widest_layer() -> None:
    task = Training(Network((2, 4, 4, 2), "relu", "identity", "float32"), 8, 8)
    # forward 8 + 16 + 8, the gradient as many, back 16 + 8, in products of 16
    assert by_sgemm.training(task).calls == (32 + 32 + 24) / 16


def result(ours: list[float], jax: list[float], torch: list[float]) -> Result:
    figures = {"fnn (NumPy)": ours, "JAX": jax, "PyTorch": torch}
    return Result("minibatch", "A table, float32", "a column", "ms", figures, {"JAX": 2e-7})


def test_a_bar_is_held_against_the_best_of_the_peers() -> None:
    (row,) = reached([result([2.0, 4.0, 6.0], [2.0, 2.0, 4.0], [9.0, 9.0, 9.0])])
    assert row.bar in BARS
    assert (row.ours, row.theirs, row.held) == ("fnn (NumPy)", "JAX", False)
    assert row.ratios == [1.0, 2.0, 1.5]
    (row,) = reached([result([2.0, 4.0, 6.0], [9.0, 9.0, 9.0], [4.0, 4.0, 4.0])])
    assert (row.theirs, row.held) == ("PyTorch", True)


def test_a_bar_without_peers_is_not_claimed() -> None:
    alone = Result("minibatch", "A table, float32", "a column", "ms", {"fnn (NumPy)": [1.0, 1.0]})
    assert reached([alone]) == []
    assert "## Bars" not in report([alone], ["a machine"])


def test_the_page_has_each_figure_and_what_it_is_worth() -> None:
    page = report([result([2.0] * 4, [1.0] * 4, [1234.5] * 4)], ["a machine"])
    assert "- a machine" in page
    assert "| PyTorch | 1,234 [1,234, 1,234] |" in page
    assert "| *fnn (NumPy) / best peer* | 2 [2, 2] JAX |" in page
    assert "| 1 | 2 [2, 2] | **no** |" in page
    assert "at most: JAX 2e-07." in page


def test_reading_a_contender_gives_the_way_that_its_params_went() -> None:
    contender: Contender = by_numpy.training(TASK)
    assert contender.read is not None
    assert not contender.read().any()
    contender.call()
    assert contender.read().shape == (4 * 3 + 3 + 3 * 2 + 2,)
    assert np.all(contender.read() != 0.0)
