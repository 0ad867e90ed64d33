"""What the type checker accepts and what it catches, file by file, from one run of mypy.

``typing/ok_*.py`` must pass, and run: types and dtypes agree. ``typing/bad_*.py`` has one mistake
a line, each marked ``type: ignore[code]``; one no longer caught is reported as an unused ignore.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
OK = sorted((ROOT / "tests/typing").glob("ok_*.py"))
BAD = sorted((ROOT / "tests/typing").glob("bad_*.py"))
MYPY = (sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty")
# Its cache would take one NumPy's types for another's.
CACHE = f"--cache-dir={ROOT / '.mypy_cache' / np.__version__}"
# NumPy's stubs before 2.4 give arithmetic on arrays the type Any; all else of strict holds.
OLD_STUBS = [] if np.lib.NumpyVersion(np.__version__) >= "2.4.0" else ["--no-warn-return-any"]


@pytest.fixture(scope="session")
def reports() -> dict[str, list[str]]:
    """The lines of mypy for each file that it has something to say about."""
    run = subprocess.run(
        [*MYPY, CACHE, *OLD_STUBS, *map(str, OK + BAD)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    lines: dict[str, list[str]] = defaultdict(list)
    for line in run.stdout.splitlines():
        lines[Path(line.partition(":")[0]).name].append(line)
    return lines


@pytest.mark.parametrize("path", OK, ids=lambda path: path.stem)
def test_correct_code_passes_the_type_checker(path: Path, reports: dict[str, list[str]]) -> None:
    assert reports.get(path.name, []) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_marked_mistake_is_caught_by_the_type_checker(
    path: Path, reports: dict[str, list[str]]
) -> None:
    assert reports.get(path.name, []) == []
    assert path.read_text().count("# type: ignore[") > 50


def test_nothing_else_is_reported(reports: dict[str, list[str]]) -> None:
    assert set(reports) <= {path.name for path in OK + BAD}


@pytest.mark.parametrize("path", OK, ids=lambda path: path.stem)
def test_correct_code_has_the_types_at_run_time_too(path: Path) -> None:
    runpy.run_path(str(path))
