"""On what the figures were taken: processor, system, and every library's version."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import fnn

LIBRARIES = (
    "numba",
    "jax",
    "torch",
    "scikit-learn",
    "thinc",
    "onnxruntime",
)


def processor() -> str:
    """The name that Linux knows it by, else what Python does."""
    path = Path("/proc/cpuinfo")
    fields: dict[str, str] = {}
    if path.is_file():
        lines = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, value in lines}
    name = fields.get("model name", platform.processor() or platform.machine())
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return name


def versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def description() -> list[str]:
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    wide = config["SIMD Extensions"].get("found", [])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return [
        f"{processor()}, {cores} cores, {', '.join(wide[-1:])}; {platform.system()}",
        f"load average in the minute before: {busy}; above 0.5, something else was running",
        f"Python {platform.python_version()}",
        f"NumPy {np.__version__} with {blas['name']} {blas['version']}",
        ", ".join([f"fnn {fnn.__version__}", *versions()]),
    ]
