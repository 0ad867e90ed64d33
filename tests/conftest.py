"""The same examples in every run and on every machine, and no verdict by the clock."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

collect_ignore = ["typing"]  # what test_typing.py feeds to the type checker

settings.register_profile(
    "fnn", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fnn")
