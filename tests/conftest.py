"""Every run sees the same examples on every machine, and no test is judged by the clock."""

from __future__ import annotations

import os

# Before NumPy is imported: two test processes of two threads each would wait for each other.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

collect_ignore_glob = ["typing/ok_*", "typing/bad_*"]  # test_typing.py has them checked by mypy

settings.register_profile(
    "fnn", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fnn")

LONGEST_FIRST = ("typing/", "project/", "compiled/", "solvers/")
"""Folders of long tests: begun last, one of them would keep a single core busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders of long tests first."""

    def place(item: pytest.Item) -> int:
        starts = [item.nodeid.startswith(f"tests/{folder}") for folder in LONGEST_FIRST]
        return starts.index(True) if True in starts else len(starts)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile everything anew in each session, once for all of its processes."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # a worker has a folder of its own in that of the session
    os.environ["NUMBA_CACHE_DIR"] = str(folder / "machine-code")
