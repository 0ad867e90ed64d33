"""The project's main job, the 8-3-8 autoencoder, by each engine: a process from start to finish."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import Result

ROOT = Path(__file__).parent.parent


class Run(NamedTuple):
    """Seconds that the process took, and those of them that it says were training."""

    whole: float
    training: float


def run(engine: str, *options: str) -> Run:
    """Raises `CalledProcessError` where the engine is not there."""
    command = [sys.executable, "examples/autoencoder.py", "--engine", engine, *options]
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    whole = time.perf_counter() - begun
    (training,) = re.findall(r"\((\d+\.?\d*) s\)$", done.stdout, re.MULTILINE)
    return Run(whole, float(training))


def measure(quick: bool) -> Iterator[Result]:
    """The compiled engine five times, after once to fill its cache; NumPy, which is slow, once."""
    turns, options = (2, ("--target", "6.9")) if quick else (5, ())
    print("the main job by each engine", file=sys.stderr, flush=True)
    figures: dict[str, list[float]] = {}
    absent: dict[str, str] = {}
    try:
        slow = run("numpy", *options)
        figures["fnn (NumPy)"] = [slow.whole] * turns
        figures["fnn (NumPy), training alone"] = [slow.training] * turns
        run("compiled", *options)
        figures["fnn (compiled)"] = [run("compiled", *options).whole for _ in range(turns)]
    except subprocess.CalledProcessError as error:
        absent["fnn (compiled)"] = error.stderr.strip().splitlines()[-1]
    table = "The main job: an 8-3-8 autoencoder, process start to finish"
    yield Result("job", table, "to 0.002", "s", figures, absent=absent)
