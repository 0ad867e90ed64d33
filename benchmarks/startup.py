"""What a library costs before it computes: seconds to import it, and megabytes on the disk."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

from benchmarks.results import Result
from benchmarks.timing import take_turns

TABLE, SIZES = "Import, over Python's own start", "Installed size"
ROOT = Path(__file__).parent.parent
NEEDED = ("fnn", "numpy", "typing-extensions")
MODULES = {  # what is imported, and the distributions that must be installed for it
    "NumPy": ("numpy", ("numpy",)),
    "fnn (NumPy)": ("fnn", NEEDED),
    "fnn (compiled)": ("fnn.compiled", (*NEEDED, "numba")),
    "JAX": ("jax", ("jax",)),
    "PyTorch": ("torch", ("torch",)),
    "scikit-learn": ("sklearn.neural_network", ("scikit-learn",)),
    "thinc": ("thinc.api", ("thinc",)),
    "onnxruntime": ("onnxruntime", ("onnxruntime",)),
}


def imported(module: str) -> bool:
    """Import it in a process of its own, and tell whether it could be."""
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, check=False, capture_output=True, cwd=ROOT).returncode == 0


def needed(*distributions: str) -> set[str]:
    """They and, down to the last, what they depend on, as far as that is installed."""
    seen = {"fnn"} & set(distributions)  # this clone's may not be installed
    waiting = list(distributions)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        if name not in seen:
            seen.add(name)
            plain = [text for text in requires if "extra ==" not in text]
            waiting += [match[0] for text in plain if (match := re.match(r"[\w.-]+", text))]
    return seen


def megabytes(distributions: set[str]) -> float:
    """What their files take; fnn's are those of this clone."""
    installed = [metadata.files(name) or [] for name in distributions - {"fnn"}]
    files = {Path(str(file.locate())) for found in installed for file in found}
    if "fnn" in distributions:
        files.update((ROOT / "fnn").rglob("*.py"))
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def measure(quick: bool) -> Iterator[Result]:
    """Two columns; imports over what Python alone takes to start and end."""
    asked = ("NumPy", "fnn (NumPy)") if quick else tuple(MODULES)
    there = [name for name in asked if imported(MODULES[name][0])]
    absent = {name: "cannot be imported" for name in asked if name not in there}
    print(f"imports of {', '.join(there)}", file=sys.stderr, flush=True)
    calls = {name: partial(imported, MODULES[name][0]) for name in there}
    times = take_turns({"Python": partial(imported, "sys")} | calls, 3 if quick else 5, 0.0)
    bare = times.pop("Python")
    figures = {
        name: [(t - b) * 1e3 for t, b in zip(taken, bare, strict=True)]
        for name, taken in times.items()
    }
    yield Result("startup", TABLE, "time", "ms", figures, absent=absent)
    sizes = {name: [megabytes(needed(*MODULES[name][1]))] for name in there}
    yield Result("startup", SIZES, "with all that it needs", "MB", sizes)
