"""Compare every public function with what it computed before, to the last bit, on both engines.

    python -m benchmarks.same_results record FILE.npz       benchmarks/results.npz is such a file
    python -m benchmarks.same_results compare FILE.npz      exit status 1 where anything differs

A case is a call. Its result is a tree of arrays, numbers and texts, and its warnings are a part of
it; wrong calls are recorded by what they raise. Where the machine or a library is another than at
recording, results are compared within a tolerance, and texts but for their numbers.
"""

from __future__ import annotations

import os
import sys

from benchmarks.pin import pin

if __name__ == "__main__":
    pin(1)
    os.environ["MPLBACKEND"] = "Agg"

import hashlib
import json
import platform
import re
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.machine import processor
from benchmarks.recorded_cases import CASES, OLD, files, fits, functions, networks, train, training

LIMIT = 160
"""Of arrays of more bytes a digest is kept, and a few numbers: `SAMPLES`."""

SAMPLES = 8
SETTINGS = "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"
LIBRARIES = "numpy", "numba", "llvmlite", "scipy"


class Raised(NamedTuple):
    """An error: its class and text, its cause's text, its notes, and what a divergence tells."""

    kind: str
    text: str
    cause: str
    notes: Any
    told: Any


class Leaf(NamedTuple):
    """A part of a result: its class, a dtype or none, and a text or the bytes in hex."""

    kind: str
    dtype: str
    text: str

    def numbers(self) -> Any:
        return np.frombuffer(bytes.fromhex(self.text.partition(" ")[0]), self.dtype)

    def shown(self) -> str:
        if not self.dtype:
            return f"{self.kind} {self.text}"
        return f"{self.kind} {self.numbers().tolist()}{self.text[-10:]:.>13}"


def placed(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of a tree, each with its place and the classes on the way."""
    if isinstance(value, tuple | list) and value:
        names = getattr(value, "_fields", range(len(value)))
        for name, child in zip(names, value, strict=True):
            yield from placed(f"{place}/{type(value).__name__}.{name}", child)
    else:
        yield place, value


def leaf(value: Any) -> Leaf:
    kind = type(value).__name__
    if isinstance(value, bytes):
        return Leaf(kind, "", f"{len(value)} {hashlib.sha256(value).hexdigest()}")
    if not isinstance(value, float | np.ndarray | np.generic):
        text = f"{value}"
        for new, old in OLD.items():
            text = re.sub(rf"\bfnn\.({'|'.join(old)})\b", f"fnn.{new}", text)
        return Leaf(kind, "", text)
    array: Any = np.asarray(value)
    kind += f" {array.shape}" + " writable" * (kind == "ndarray" and array.flags.writeable)
    if array.nbytes <= LIMIT:
        return Leaf(kind, array.dtype.str, array.tobytes().hex())
    some = array.ravel()[np.linspace(0, array.size - 1, SAMPLES).astype(int)]
    digest = hashlib.sha256(array.tobytes()).hexdigest()[:32]
    return Leaf(kind, array.dtype.str, f"{some.tobytes().hex()} {digest}")


def outcome(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The result or the error of a call, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            diverged = isinstance(error, train.DivergenceError)
            cause, told = (str(error.__cause__), error.args) if diverged else ("", ())
            notes = getattr(error, "__notes__", ())
            result = Raised(type(error).__name__, str(error), cause, notes, told)
    return result, sorted({f"{each.category.__name__}: {each.message}" for each in caught})


def results() -> dict[str, dict[str, Leaf]]:
    """The leaves of every case."""
    for add in (functions, networks, files, training, fits):
        add()
    found = {}
    for name, call in CASES.items():
        result = outcome(call)
        if isinstance(result[0], Raised) != name.startswith("wrong "):
            print(f"{name}: expected {name[:5]!r} to say whether it raises, got {result[0]!s:.200}")
        found[name] = {place: leaf(value) for place, value in placed("", result)}
    return found


def environment() -> dict[str, str]:
    """Versions and settings that bits depend on, besides the code."""
    config: Any = np.show_config(mode="dicts")
    found = {name: metadata.version(name) for name in LIBRARIES}
    found |= {name: os.environ.get(name, "") for name in SETTINGS}
    found |= {"python": platform.python_version(), "system": platform.system()}
    features = " ".join(config["SIMD Extensions"].get("found", []))
    return found | {"processor": processor(), "features": features}


def record(path: Path) -> int:
    """Write all results to a file."""
    found = results()
    text = json.dumps([environment(), found], separators=(",", ":")).encode()
    with path.open("wb") as file:
        np.savez_compressed(file, results=np.frombuffer(text, np.uint8))
    total = sum(map(len, found.values()))
    print(f"{len(found)} cases, {total} leaves, {path.stat().st_size / 1000:.0f} kB")
    return 0


def close(old: Leaf, new: Leaf, tolerance: float) -> bool:
    """Tell whether leaves of two machines agree; bytes of files and digests are passed over."""
    if not (old.dtype and old[:2] == new[:2]):
        masks = [re.sub(r"-?\d[\d.]*(e[-+]\d+)?", "#", one.text) for one in (old, new)]
        return old[:2] == new[:2] and (old.kind == "bytes" or masks[0] == masks[1])
    a, b = old.numbers(), new.numbers()
    tolerance = {"<f8": tolerance, "<f4": 1e-4}.get(old.dtype, 0.0)
    size = np.abs(a[np.isfinite(a)]).max(initial=0.0)
    return bool(np.allclose(a, b, tolerance, tolerance * size, equal_nan=True))


def compare(path: Path) -> int:
    """Print every difference from a file."""
    with np.load(path) as file:
        there, recorded = json.loads(file["results"].tobytes())
    here, new, nothing = environment(), results(), Leaf("nothing", "", "")
    apart = [f"{name} {there[name]!r}, now {here[name]!r}" for name in here]
    apart = [each for name, each in zip(here, apart, strict=True) if there[name] != here[name]]
    total = differ = 0
    for name in recorded | new:
        old = {place: Leaf(*one) for place, one in recorded.get(name, {}).items()}
        now, tolerance = new.get(name, {}), 1e-4 if "float32" in name else 1e-9
        for place in old | now:
            total += 1
            before, after = old.get(place, nothing), now.get(place, nothing)
            if before != after and not (apart and close(before, after, tolerance)):
                differ += 1
                print(f"{name}: {place}\n  before: {before.shown()}\n  now:    {after.shown()}")
    how = f"within a tolerance, as there was {'; '.join(apart)}" if apart else "bit by bit"
    print(f"{len(recorded | new)} cases, {total} leaves, {differ} differ, compared {how}")
    return int(differ > 0)


def main(arguments: list[str]) -> int:
    began = time.perf_counter()
    if len(arguments) != 2 or arguments[0] not in ("record", "compare"):
        print(__doc__, file=sys.stderr)
        return 2
    status = (record if arguments[0] == "record" else compare)(Path(arguments[1]))
    print(f"{time.perf_counter() - began:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
