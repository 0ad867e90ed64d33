"""The same examples in every run and on every machine, and no verdict by the clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

collect_ignore = ["typing"]  # what test_typing.py feeds to the type checker

settings.register_profile(
    "fnn", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fnn")


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What fnn.compiled compiles is compiled in every session, once, and kept for its processes."""
    os.environ["NUMBA_CACHE_DIR"] = str(tmp_path_factory.mktemp("machine-code"))
