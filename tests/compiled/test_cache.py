"""Machine code is compiled once, kept whole or not at all, and its absence harms nothing."""

from __future__ import annotations

import ctypes
import os
import py_compile
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fnn.compiled._build import cache as library

ROOT = Path(__file__).parents[2]

TRAIN = """
import sys
import numpy as np
from itertools import repeat
from fnn import Batch, init, key, samples, start, train_step
from fnn import compiled
from fnn.activations import sigmoid
from fnn.losses import squared_error
from fnn.optimizers import sgd

data = Batch(np.eye(8), np.eye(8))
update = train_step((sigmoid, sigmoid), squared_error, sgd(0.5))
state = start(update.optimizer, init(key(0), (8, 3, 8)))
state, losses = compiled.train(update, state, repeat(samples(data), 10))
print(repr(losses[-1]), "numba" in sys.modules)
"""


def started(code: str, cache: Path | str, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.strip(), err


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder that two processes filled at once, and the loss that both came to."""
    cache = tmp_path_factory.mktemp("kept")
    both = [finished(process) for process in [started(TRAIN, cache), started(TRAIN, cache)]]
    loss, woke_numba = both[0][0].split()
    assert both[1][0] == both[0][0]
    assert woke_numba == "True"
    for _, err in both:
        assert err == "" or err.startswith("fnn.compiled: compiling")
        assert len(err.splitlines()) <= 1
    return cache, loss


def test_a_later_process_loads_what_is_kept_without_numba(kept: tuple[Path, str]) -> None:
    cache, loss = kept
    assert finished(started(TRAIN, cache)) == (f"{loss} False", "")
    assert {path.suffix for path in cache.iterdir()} == {".o"}


def test_files_that_are_not_whole_are_compiled_anew(kept: tuple[Path, str], tmp_path: Path) -> None:
    cache, loss = kept
    for i, path in enumerate(sorted(cache.iterdir())):
        code = bytearray(path.read_bytes())
        code[-100] ^= 255
        (tmp_path / path.name).write_bytes(code[: (len(code), len(code) // 2, 0)[i % 3]])
    assert finished(started(TRAIN, tmp_path))[0] == f"{loss} True"
    assert finished(started(TRAIN, tmp_path))[0] == f"{loss} False"


def test_without_a_folder_to_write_code_is_compiled_in_memory(
    kept: tuple[Path, str], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder can be made here")
    assert finished(started(TRAIN, file / "cache"))[0] == f"{kept[1]} True"


OWN = """
import sys
from typing import NamedTuple
import numpy as np
from numpy import float64
from fnn import Activation, Layer, compiled

class Bend(NamedTuple):
    at: float
    slope: float

table, bend = np.array([0.5, 2.0]), Bend(0.0, float(sys.argv[1]))

def closing_over(gains):
    def f(z):
        return float64(gains[1]) * np.where(z > bend.at, z, bend.slope * z)
    def df(z, a):
        return gains[1] * np.where(z > bend.at, 1.0, bend.slope)
    return Activation(f, df)

layer = Layer(np.ones((1, 2)), np.array([1.0, -5.0]))
found = compiled.forward((closing_over(table),), (layer,), np.ones(1))
print(*found, "numba" in sys.modules)
"""


def test_processes_share_the_code_of_a_pair_with_arrays_and_tuples(tmp_path: Path) -> None:
    for bend, woke_numba in (("0.25", True), ("0.25", False), ("0.5", True), ("0.25", False)):
        out, _ = finished(started(OWN, tmp_path, bend))
        assert out == f"4.0 {-8.0 * float(bend)} {woke_numba}"


WITHOUT_NUMBA = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
try:
    import fnn.compiled
except ImportError as error:
    print(error)
"""


def test_without_numba_the_import_names_the_extra(tmp_path: Path) -> None:
    out, _ = finished(started(WITHOUT_NUMBA, tmp_path))
    assert out == (
        "fnn.compiled: expected numba to be installed, found none; pip install 'fnn[compiled]'"
    )


def test_the_import_fails_before_anything_else_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"fnn\[compiled\]"):
        runpy.run_path(str(ROOT / "fnn" / "compiled" / "__init__.py"))


def test_code_is_kept_by_what_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    made = {"double": ("double", "define i64 @double(i64 %x) { %y = add i64 %x, %x ret i64 %y }")}
    place = library.addresses("doubling", lambda: made)["double"]
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(place)(21) == 42
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(library, "_loaded", {})  # as in another process
    place = library.addresses("doubling", dict)["double"]
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(place)(4) == 8


DOUBLE = """
from fnn.compiled._build import cache

code = "define i64 @double(i64 %x) { %y = add i64 %x, %x ret i64 %y }"
calls = []
def build():
    calls.append(1)
    return {"double": ("double", code)}
cache.addresses("doubling", build)
cache._loaded.clear()  # as in another process
cache.addresses("doubling", build)
print(cache.__file__, len(calls))
"""


def copied(folder: Path) -> Path:
    """A copy of the package, without bytecode."""
    copy = folder / "fnn"
    shutil.copytree(ROOT / "fnn", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def built(path: Path, cache: Path) -> int:
    """How many times a process builds code that it needs twice, with the package from `path`."""
    cache.mkdir(exist_ok=True)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(path)}
    command = [sys.executable, "-c", DOUBLE]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cache, env=environment, check=True
    )
    file, calls = done.stdout.split()
    assert file.startswith(str(path))
    return int(calls)


def test_code_of_a_package_with_its_source_is_kept(tmp_path: Path) -> None:
    copied(tmp_path)
    cache = tmp_path / "cache"
    assert [built(tmp_path, cache), built(tmp_path, cache)] == [1, 0]
    assert len(list(cache.iterdir())) == 1


def test_nothing_is_kept_or_read_where_the_package_is_in_a_zip_file(tmp_path: Path) -> None:
    copy, archive, cache = copied(tmp_path), tmp_path / "fnn.zip", tmp_path / "cache"
    with zipfile.ZipFile(archive, "w") as file:
        for path in copy.rglob("*.py"):
            file.write(path, path.relative_to(tmp_path))
    shutil.rmtree(copy)
    assert built(archive, cache) == 2
    assert list(cache.iterdir()) == []


def test_nothing_is_kept_or_read_where_the_package_is_bytecode_alone(tmp_path: Path) -> None:
    copy, cache = copied(tmp_path), tmp_path / "cache"
    for path in copy.rglob("*.py"):
        py_compile.compile(str(path), str(path.with_suffix(".pyc")), doraise=True)
        path.unlink()
    assert built(tmp_path, cache) == 2
    assert list(cache.iterdir()) == []


def test_every_source_file_of_the_package_is_in_the_key(tmp_path: Path) -> None:
    package = copied(tmp_path) / "compiled"
    found = [library.source_digest(package)]
    assert found[0] == library.source_digest(library.PACKAGE)
    paths = sorted(package.rglob("*.py"))
    assert {path.parent.name for path in paths} > {"_plan", "_code", "_build", "_runtime"}
    for path in paths:
        with path.open("a") as file:
            file.write("# another\n")
        found.append(library.source_digest(package))
    paths[0].rename(paths[0].with_name("renamed.py"))
    found.append(library.source_digest(package))
    assert None not in found
    assert len(set(found)) == len(found)


def test_one_module_without_its_source_is_enough_to_keep_nothing(tmp_path: Path) -> None:
    package = copied(tmp_path) / "compiled"
    lanes = package / "_code" / "lanes.py"
    py_compile.compile(str(lanes), str(lanes.with_suffix(".pyc")), doraise=True)
    assert library.source_digest(package) == library.source_digest(library.PACKAGE)
    lanes.unlink()
    assert library.source_digest(package) is None
    assert library.source_digest(tmp_path / "nowhere") is None


def test_all_that_becomes_machine_code_is_in_the_package_or_has_a_fingerprint() -> None:
    """Kernels are compiled with what their modules import; a pair's functions are written down."""
    for path in (library.PACKAGE / "_code").glob("*.py"):
        if path.name == "labels.py":
            continue  # the functions of a pair
        names = re.findall(r"^ *(?:from|import) (fnn[.\w]*)", path.read_text("utf-8"), re.MULTILINE)
        assert all(name.startswith("fnn.compiled.") for name in names)


INTERRUPTED = (
    TRAIN
    + """
import signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT)).start()
try:
    compiled.train(update, state, repeat(samples(data)))
except KeyboardInterrupt:
    print("interrupted", len(losses))
"""
)


def test_ctrl_c_ends_training_that_would_go_on_for_ever(kept: tuple[Path, str]) -> None:
    out, _ = finished(started(INTERRUPTED, kept[0]))
    assert out.splitlines()[-1] == "interrupted 10"
