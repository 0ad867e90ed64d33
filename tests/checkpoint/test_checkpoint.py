"""Checkpoints give back what was saved, survive kills and full disks, and trust no file."""

from __future__ import annotations

import math
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, assert_type
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fnn import Batch, State, init, key, start
from fnn._core import files as atomic
from fnn._core.files import replacing
from fnn.activations import tanh
from fnn.checkpoint import load, save
from fnn.optimizers import SgdState, sgd
from fnn.random import Key
from fnn.tree import leaves
from tests.checkpoint.killed_run import FRESH

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STALE = ".fnn-0123456789abcdef.tmp"


class Pair(NamedTuple):
    left: Any
    right: Any = None


class Renamed(NamedTuple):
    left: Any
    right: Any


STATE = start(sgd(0.1), init(key(0), (3, 2, 1)))
TREE = (STATE, Key(2**127 + 5, (3,)), 4)


def identical(a: Any, b: Any) -> bool:
    """True if two trees agree in every class, type and bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return repr(a) == repr(b) if isinstance(a, float) else bool(a == b)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise type(error)(*error.args)

    return fail


def script(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Code, or a file of code, run with `folder` to work in."""
    return subprocess.run(
        [sys.executable, *(["-c", code] if "\n" in code else [HERE / code]), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


# What goes in comes out.


def test_a_training_state_comes_back_frozen_and_typed(tmp_path: Path) -> None:
    save(tmp_path / "run.npz", TREE)
    fresh = start(sgd(0.5), init(key(9), (3, 2, 1))), key(0), len(())
    tree = load(tmp_path / "run.npz", like=fresh)
    assert_type(tree, tuple[State[np.float64, SgdState], Key, int])
    assert identical(tree, TREE)
    for array in leaves(tree[0].params):
        assert not array.flags.writeable
        assert array.flags.owndata


@pytest.mark.parametrize(
    "value",
    [
        None,
        *(True, False),
        *(0, -7, 2**128 - 1, 16**5000),
        *(0.1, -0.0, 5e-324, math.nan, math.inf, -math.inf),
        *("", "a = b\n\0", "\N{SNOWMAN}", "\ud800"),
        *((), ((), ((),)), Pair((), None)),
        *(Key(0), Key(2**128 - 1, tuple(range(16)))),
    ],
    ids=lambda value: "an int of 20,000 bits" if value == 16**5000 else ascii(value),
)
def test_plain_values_come_back_exactly(tmp_path: Path, value: Any) -> None:
    save(tmp_path / "run.npz", value)
    like = type(value)() if isinstance(value, bool | int | float | str) else value
    like = key(3) if isinstance(value, Key) else like
    assert identical(load(tmp_path / "run.npz", like=like), value)


@pytest.mark.parametrize("code", "?bhilqBHILQefdFD")
def test_every_type_of_number_comes_back(tmp_path: Path, code: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(code)
    tree = (array, array[1, 1], array[:0], np.array(array[1, 2]), array[:, ::2])
    save(tmp_path / "run.npz", tree)
    assert identical(load(tmp_path / "run.npz", like=tree), tree)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | arrays(st.sampled_from([np.float64, np.float32, np.int8]), array_shapes(min_dims=0)),
        lambda children: st.lists(children).map(tuple) | st.builds(Pair, children, children),
        max_leaves=8,
    )
)
def test_any_nesting_comes_back_and_is_saved_again_as_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, tree: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    save(path, tree)
    first = path.read_bytes()
    again = load(path, like=tree)
    assert identical(again, tree)
    save(path, again)
    assert path.read_bytes() == first


def test_the_memory_order_of_an_array_comes_back(tmp_path: Path) -> None:
    """A product of the same numbers in another order of memory may round otherwise."""
    c, fortran = np.ones((2, 3)), np.asfortranarray(np.arange(6.0).reshape(2, 3))
    save(tmp_path / "run.npz", (c, fortran, fortran[:, ::2]))
    again = load(tmp_path / "run.npz", like=(fortran, c, fortran[:, ::2]))
    assert identical(again, (c, fortran, fortran[:, ::2]))
    assert again[0].flags.c_contiguous
    assert again[1].flags.f_contiguous


def test_headers_of_every_length_are_read_in_both_orders(tmp_path: Path) -> None:
    for rank in range(25):  # each 3 characters longer, the widths 1 and 2
        for width in (3, 10, 100):
            c = np.ones((2, width, *[1] * rank))
            save(tmp_path / "run.npz", (c, np.asfortranarray(c)))
            again = load(tmp_path / "run.npz", like=(c, c))
            assert identical(again, (c, c))
            assert not again[1].flags.c_contiguous
            with np.load(tmp_path / "run.npz") as file:
                assert identical((file["tree[0]"], file["tree[1]"]), again)


def test_files_are_little_endian_and_results_have_the_byte_order_of_like(tmp_path: Path) -> None:
    little, big = np.arange(3, dtype="<f4"), np.arange(3, dtype=">f4")
    save(tmp_path / "little", little)
    save(tmp_path / "big", big)
    assert (tmp_path / "little").read_bytes() == (tmp_path / "big").read_bytes()
    assert np.load(tmp_path / "big")["tree"].dtype.str == "<f4"
    assert identical(load(tmp_path / "little", like=big), big)
    assert identical(load(tmp_path / "big", like=little), little)


def test_numpy_reads_the_arrays_by_their_places(tmp_path: Path) -> None:
    save(tmp_path / "run.npz", (*TREE, np.asfortranarray(np.eye(2, 5))))
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        layers = [f"tree[0].params[{i}].{part}" for i in (0, 1) for part in "wb"]
        assert file.files == ["structure.json", *layers, "tree[3]"]
        for place, array in zip(layers, leaves(STATE.params), strict=True):
            assert identical(file[place], array)
        assert identical(file["tree[3]"], np.eye(2, 5))


def test_entries_beyond_what_plain_zip_can_count_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 100)  # instead of 2 GiB
    save(tmp_path / "run.npz", TREE)
    assert identical(load(tmp_path / "run.npz", like=TREE), TREE)
    with np.load(tmp_path / "run.npz") as file:
        assert identical(file["tree[0].params[0].w"], STATE.params[0].w)


def test_a_named_tuple_is_known_by_its_fields(tmp_path: Path) -> None:
    save(tmp_path / "run.npz", Pair(1, 2.0))
    assert identical(load(tmp_path / "run.npz", like=Renamed(0, 0.0)), Renamed(1, 2.0))


def test_a_memory_map_is_saved_as_the_array_that_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.arange(3.0))
    mapped = np.load(tmp_path / "map.npy", mmap_mode="r")
    save(tmp_path / "run.npz", mapped)
    assert identical(np.asarray(load(tmp_path / "run.npz", like=mapped)), np.arange(3.0))


def test_names_are_used_as_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run", "run.pt", "über run.npz", "n" * 255):
        save(name, 1)
        assert load(Path(name), like=0) == 1
    save(Path("run"), 2)
    assert load("run", like=0) == 2
    assert names(tmp_path) == {"run", "run.pt", "über run.npz", "n" * 255}


def test_a_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(tmp_path / "run.npz", 1)
    finally:
        os.umask(before)
    assert (tmp_path / "run.npz").stat().st_mode & 0o777 == 0o640


# An error for a tree that cannot be saved comes before a file is touched.


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"w": 1}, r"^tree: expected a tuple, .* got a dict of 1; convert it"),
        ((1, [2.0]), r"^tree\[1\]: .* got a list of 1"),
        ((1, State(STATE.params, {1, 2})), r"^tree\[1\]\.opt: .* got a set of 2"),
        (State(STATE.params, Pair(tanh)), r"^tree\.opt\.left\.f: .* got the function"),
        (Batch(np.array(["a"]), np.ones(1)), r"^tree\.x: .* got an array \(1,\) of <U1"),
        ((np.array([None]),), r"^tree\[0\]: .* got an array \(1,\) of object"),
        ((np.ones(2, np.longdouble),), r"^tree\[0\]: .* of float128"),
        ((np.str_("a"),), r"^tree\[0\]: "),
        ((np.ma.masked_array([1.0], [True]),), r"^tree\[0\]: .* got a MaskedArray"),
        ((b"bytes",), r"^tree\[0\]: .* got bytes"),
        ((1j,), r"^tree\[0\]: .* got complex"),
        ((signal.SIGINT,), r"^tree\[0\]: .* got Signals"),
        ((os.stat_result(range(10)),), r"^tree\[0\]: .* got stat_result|os\.stat_result"),
    ],
)
def test_what_cannot_be_saved_is_named_before_a_file_is_touched(
    tmp_path: Path, tree: Any, message: str
) -> None:
    (tmp_path / STALE).touch()
    with pytest.raises(TypeError, match=message):
        save(tmp_path / "run.npz", tree)
    with pytest.raises(TypeError, match=message):
        load(tmp_path / "run.npz", like=tree)
    assert names(tmp_path) == {STALE}


# Nothing is half done.


def test_runs_killed_at_any_moment_reach_the_bits_of_a_run_that_was_not(tmp_path: Path) -> None:
    draw = random.Random(0)
    path, epochs = tmp_path / "killed" / "run.npz", []
    path.parent.mkdir()
    program = [sys.executable, str(HERE / "killed_run.py"), str(path), str(10**9)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(20):
        with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            for _ in range(draw.randrange(40)):
                assert run.stdout.readline()
            run.kill()
        assert run.returncode == -signal.SIGKILL
        epochs.append(load(path, like=FRESH)[-1] if path.exists() else 0)
    assert sorted(epochs) == epochs
    assert len(set(epochs)) > 10
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir(exist_ok=True)
        done = script("killed_run.py", tmp_path / name, "run.npz", str(epochs[-1] + 3))
        assert done.returncode == 0, done.stderr
        assert names(tmp_path / name) == {"run.npz"}
    whole = load(tmp_path / "whole/run.npz", like=FRESH)
    assert identical(load(path, like=FRESH), whole)
    assert path.read_bytes() == (tmp_path / "whole/run.npz").read_bytes()
    assert not identical(whole[0], FRESH[0])


def test_a_save_killed_anywhere_leaves_the_file_before_or_after(tmp_path: Path) -> None:
    done = script("killed_save.py", tmp_path, ".")
    assert done.returncode == 0, done.stderr
    kills, temporaries = (int(word) for word in done.stdout.split() if word.isdigit())
    assert kills > temporaries > 50


def test_readers_always_find_the_whole_file_of_one_of_two_writers(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    trees = [(np.full(5000, n), n) for n in (1, 2)]
    save(path, trees[0])

    def write(tree: Any) -> None:
        for _ in range(50):
            save(path, tree)

    seen = []
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write, tree) for tree in trees]
        while not all(writer.done() for writer in writers):
            seen.append(load(path, like=trees[0]))
    for writer in writers:
        writer.result()
    assert all(identical(tree, trees[tree[1] - 1]) for tree in seen)
    assert {n for _, n in seen} == {1, 2}
    assert names(tmp_path) == {"run.npz"}


def test_temporaries_of_the_dead_are_removed_and_all_else_is_left(tmp_path: Path) -> None:
    others = {".fnn-notes.tmp", STALE + ".bak", "x" + STALE, ".fnn-00000000000000AA.tmp"}
    for name in (STALE, *others):
        (tmp_path / name).write_text("dead or not ours")
    (tmp_path / ".fnn-1111111111111111.tmp").mkdir()
    (tmp_path / ".fnn-2222222222222222.tmp").symlink_to("x" + STALE)
    kept = names(tmp_path) - {STALE}
    save(tmp_path / "run.npz", 1)
    assert names(tmp_path) == kept | {"run.npz"}


def test_the_temporary_of_a_live_writer_is_left_to_it(tmp_path: Path) -> None:
    with replacing(tmp_path / "slow") as file:
        file.write(b"first half, ")
        save(tmp_path / "run.npz", 1)
        assert len(names(tmp_path)) == 2
        file.write(b"second half")
    assert (tmp_path / "slow").read_bytes() == b"first half, second half"
    assert names(tmp_path) == {"run.npz", "slow"}


def test_a_temporary_taken_for_stale_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = atomic._lock
    taken: list[Path] = []

    def late(file: BinaryIO, *, wait: bool) -> None:
        if not taken:
            taken.extend(tmp_path.glob(".fnn-*"))
            taken[0].unlink()
        lock(file, wait=wait)

    monkeypatch.setattr(atomic, "_lock", late)
    save(tmp_path / "run.npz", 1)
    assert len(taken) == 1
    assert load(tmp_path / "run.npz", like=0) == 1


def test_the_file_reaches_the_disk_before_its_name_and_its_name_before_save_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, rename = os.fsync, Path.replace
    events: list[object] = []

    def synced(descriptor: int) -> None:
        events.append((os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size > 300))
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        events.append("renamed")
        return rename(path, target)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr("pathlib.Path.replace", renamed)
    save(tmp_path / "run.npz", "x" * 300)
    file, folder = (tmp_path / "run.npz").stat(), tmp_path.stat()
    assert events == [(file.st_ino, True), "renamed", (folder.st_ino, folder.st_size > 300)]


def test_a_temporary_is_never_written_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / f".fnn-{'00' * 8}.tmp").symlink_to("victim")
    monkeypatch.setattr("os.urandom", bytes)
    with pytest.raises(FileExistsError):
        save(tmp_path / "run.npz", 1)
    assert (tmp_path / "victim").read_text() == "precious"


def test_where_files_cannot_be_locked_saving_works_and_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / STALE).touch()
    monkeypatch.setattr("fcntl.flock", failing(OSError("no locks here")))
    save(tmp_path / "run.npz", 1)
    assert names(tmp_path) == {"run.npz", STALE}


def test_on_windows_no_open_file_is_renamed_and_no_folder_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, rename, created = atomic._create, Path.replace, []

    def recorded(folder: Path) -> tuple[Path, BinaryIO]:
        created.append(create(folder))
        return created[-1]

    def strict(path: Path, target: Path) -> Path:
        assert created[-1][1].closed
        return rename(path, target)

    save(tmp_path / "run.npz", 1)
    (tmp_path / STALE).touch()
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(atomic, "_create", recorded)
    monkeypatch.setattr("pathlib.Path.replace", strict)
    monkeypatch.setattr("os.open", failing(PermissionError("a folder")))
    save(tmp_path / "run.npz", 2)
    assert load(tmp_path / "run.npz", like=0) == 2
    assert names(tmp_path) == {"run.npz", STALE}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("function", ["zipfile.ZipFile.open", "os.fsync", "pathlib.Path.replace"])
def test_an_error_in_any_stage_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: BaseException
) -> None:
    save(tmp_path / "run.npz", 1)
    with monkeypatch.context() as patch:
        patch.setattr(function, failing(error))
        with pytest.raises(type(error)):
            save(tmp_path / "run.npz", 2)
    assert load(tmp_path / "run.npz", like=0) == 1
    assert names(tmp_path) == {"run.npz"}


def test_a_full_disk_leaves_the_checkpoint_before_and_no_temporary(tmp_path: Path) -> None:
    code = """if True:
        import os, resource
        import numpy as np
        from fnn.checkpoint import load, save
        save("run.npz", np.ones(10000))
        size = os.stat("run.npz").st_size
        save("run.npz", np.zeros(3))
        for limit in (0, 1, 100, 600, 8000, 80000, size - 80, size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                save("run.npz", np.ones(10000))
            except OSError as error:
                print(error.errno, os.listdir(), load("run.npz", like=np.ones(3)))
        """
    done = script(code, tmp_path)
    assert done.stdout.splitlines() == ["27 ['run.npz'] [0. 0. 0.]"] * 8, done.stderr
    assert done.stderr == ""


def test_missing_permissions_leave_the_checkpoint_before_and_no_temporary(tmp_path: Path) -> None:
    code = """if True:
        import os
        from fnn.checkpoint import load, save
        save("run.npz", 1)
        save("secret.npz", 1)
        load("run.npz", like=0)
        os.chmod("secret.npz", 0)
        os.chmod(".", 0o555)
        if os.geteuid() == 0:  # whom permissions do not bind
            os.seteuid(65534)
        for attempt in (lambda: save("run.npz", 2), lambda: load("secret.npz", like=0)):
            try:
                attempt()
            except PermissionError:
                print(sorted(os.listdir()), load("run.npz", like=0))
        """
    done = script(code, tmp_path)
    tmp_path.chmod(0o755)
    assert done.stdout.splitlines() == ["['run.npz', 'secret.npz'] 1"] * 2, done.stderr
    assert done.stderr == ""


def test_folders_pipes_and_missing_files_are_os_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "run.npz", like=0)
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "missing" / "run.npz", 0)
    with pytest.raises(IsADirectoryError):
        load(tmp_path, like=0)
    with pytest.raises(IsADirectoryError):
        save(tmp_path, 0)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"expected a regular file or a new name: '.*pipe'"):
        save(tmp_path / "pipe", 0)
    assert names(tmp_path) == {"pipe"}


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError()])
def test_a_failing_machine_is_not_reported_as_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    save(tmp_path / "run.npz", 0)
    monkeypatch.setattr("zipfile.ZipFile.read", failing(error))
    with pytest.raises(type(error)):
        load(tmp_path / "run.npz", like=0)


# No file is trusted.


@pytest.mark.parametrize(
    ("saved", "like", "message"),
    [
        (
            STATE.params,
            init(key(0), (3, 2)),
            "tree: expected tuple of 1 as in `like`, got tuple of 2",
        ),
        (
            STATE.params,
            init(key(0), (2, 2, 1)),
            r"tree\[0\]\.w: expected float64 array \(2, 2\) as .*, got float64 array \(3, 2\);",
        ),
        (
            STATE,
            start(sgd(0.1), init(key(0), (3, 2, 1), dtype=np.float32)),
            r"tree\.params\[0\]\.w: expected float32 array .*, got float64 array \(3, 2\);",
        ),
        (STATE, State(STATE.params, 0), r"tree\.opt: expected int .*, got NamedTuple \(steps\)"),
        (STATE, STATE.params, r"tree: expected tuple of 2 .*, got NamedTuple \(params, opt\)"),
        (Pair(1, 2), (1, 2), r"tree: expected tuple of 2 .*, got NamedTuple \(left, right\)"),
        ((1,), (1.0,), r"tree\[0\]: expected float .*, got int;"),
        ((True,), (1,), r"tree\[0\]: expected int .*, got bool;"),
        ((1,), (True,), r"tree\[0\]: expected bool .*, got int;"),
        ((None,), ("",), r"tree\[0\]: expected str .*, got None;"),
        (("None",), (None,), r"tree\[0\]: expected None .*, got str;"),
        ((np.ones(()),), (np.float64(1),), r"\[0\]: expected float64 scalar .* float64 array \(\)"),
        ((np.float64(1),), (1.0,), r"tree\[0\]: expected float .*, got float64 scalar"),
        ((np.ones(2, "i8"),), (np.ones(2),), r"\[0\]: expected float64 .*, got int64 array \(2,\)"),
        ((), 0, r"tree: expected int as in `like`, got tuple of 0"),
    ],
)
def test_the_first_place_that_differs_is_named(
    tmp_path: Path, saved: Any, like: Any, message: str
) -> None:
    save(tmp_path / "run.npz", saved)
    with pytest.raises(ValueError, match=rf"run\.npz: {message}" if "tree" in message else message):
        load(tmp_path / "run.npz", like=like)


Entries = list[tuple[str, bytes]]
SMALL = (np.arange(3.0), 4)


def archive(path: Path, entries: Entries, compression: int = ZIP_STORED) -> Path:
    with ZipFile(path, "w", compression) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def entries_of(path: Path, tree: Any) -> Entries:
    save(path, tree)
    with ZipFile(path) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def structure(text: bytes) -> Callable[[Entries], Entries]:
    return lambda entries: [(entries[0][0], text), *entries[1:]]


def substitute(i: int, old: bytes, new: bytes) -> Callable[[Entries], Entries]:
    def change(entries: Entries) -> Entries:
        name, data = entries[i]
        assert old in data
        return [*entries[:i], (name, data.replace(old, new)), *entries[i + 1 :]]

    return change


CHANGES: dict[str, tuple[Callable[[Entries], Entries], str]] = {
    "no array": (lambda e: e[:1], r"tree\[0\]: expected one entry of this name .*, got 0"),
    "no structure": (
        lambda e: e[1:],
        r"structure\.json: expected what fnn\.save writes, .* no item",
    ),
    "an array more": (
        lambda e: [*e, ("tree[1].npy", b"")],
        r"tree\[1\]: expected no entry .*, got 1",
    ),
    "a path": (
        lambda e: [*e, ("../evil\x1b", b"")],
        r"'\.\./evil\\x1b': expected no entry of this",
    ),
    "a longer array": (
        lambda e: [e[0], (e[1][0], e[1][1] + b"\0")],
        r"tree\[0\]: expected an entry of 152 bytes, got 153",
    ),
    "an empty array": (
        lambda e: [e[0], (e[1][0], b"")],
        r"tree\[0\]: expected .* 152 bytes, got 0",
    ),
    "another type": (
        substitute(1, b"<f8", b"<i8"),
        r"tree\[0\]: expected the header .*<f8.* got .*<i8",
    ),
    "objects": (substitute(1, b"<f8", b"|O8"), r"tree\[0\]: expected the header"),
    "another shape": (
        substitute(1, b"(3,)", b"(9,)"),
        r"tree\[0\]: expected the header .*3,.* got .*9,",
    ),
    "another version": (substitute(1, b"\x01\x00", b"\x02\x00"), r"tree\[0\]: expected the header"),
    "not JSON": (
        structure(b"{,}"),
        r"structure\.json: expected JSON, got a text with JSONDecodeError",
    ),
    "deep JSON": (
        structure(b"[" * 10**5),
        r"structure\.json: expected JSON, got a text with Recurs",
    ),
    "a long number": (
        structure(b"1" * 10**5),
        r"structure\.json: expected JSON, got a text with Value",
    ),
    "not text": (structure(b"\xff"), r"structure\.json: expected what .*UnicodeDecodeError"),
    "a list": (structure(b"[]"), r"structure\.json: expected places and texts, got other JSON"),
    "no texts": (structure(b'{"tree": 1}'), r"structure\.json: expected places and texts"),
    "no format": (structure(b"{}"), r"structure\.json: expected format 'fnn .* 1', got no format"),
    "a later format": (substitute(0, b"nt 1", b"nt 2"), r"expected format 'fnn.* 1', got fnn.* 2"),
    "no value": (
        substitute(0, b" = 0x4", b""),
        r"tree\[1\]: expected int as fnn.save writes it, got ''",
    ),
    "a decimal": (
        substitute(0, b"0x4", b"4"),
        r"tree\[1\]: expected int as fnn.save writes it, got '4'",
    ),
    "a word": (
        substitute(0, b"0x4", b"four"),
        r"tree\[1\]: expected int as fnn.save .*, got 'four'",
    ),
    "a missing place": (substitute(0, b"[1]", b"[2]"), r"tree\[1\]: expected int .*, got nothing"),
    "a place more": (substitute(0, b"{", b'{"x": "",'), r"x: expected nothing .*, got an entry"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_archives_are_refused(tmp_path: Path, name: str) -> None:
    change, message = CHANGES[name]
    entries = entries_of(tmp_path / "run.npz", SMALL)
    assert identical(load(archive(tmp_path / "same.npz", entries), like=SMALL), SMALL)
    with pytest.raises(ValueError, match=message):
        load(archive(tmp_path / "run.npz", change(entries)), like=SMALL)


def test_an_entry_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    entries = entries_of(tmp_path / "run.npz", SMALL)
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(tmp_path / "run.npz", [*entries, entries[1]])
    with pytest.raises(ValueError, match=r"tree\[0\]: expected one entry of this name .*, got 2"):
        load(tmp_path / "run.npz", like=SMALL)


def write(path: Path, writer: Callable[..., None], *arrays: Any, **named: Any) -> None:
    with path.open("wb") as file:
        writer(file, *arrays, **named)


def foreign_files() -> dict[str, Callable[[Path], object]]:
    return {
        "empty": lambda path: path.write_bytes(b""),
        "text": lambda path: path.write_text("loss 0.5\n" * 100),
        "pickle": lambda path: path.write_bytes(pickle.dumps(SMALL)),
        "npy": lambda path: write(path, np.save, np.ones(3)),
        "npz": lambda path: write(path, np.savez, tree=np.ones(3)),
        "compressed npz": lambda path: write(path, np.savez_compressed, tree=np.ones(3)),
        "pickled npz": lambda path: write(path, np.savez, tree=np.array([None])),
        "empty zip": lambda path: archive(path, []),
        "zip": lambda path: archive(path, [("notes.txt", b"hello")]),
    }


@pytest.mark.parametrize("kind", foreign_files())
def test_foreign_files_are_refused_without_advice_to_unpickle(tmp_path: Path, kind: str) -> None:
    foreign_files()[kind](tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"run\.npz: .*: expected ") as error:
        load(tmp_path / "run.npz", like=SMALL)
    assert "allow_pickle" not in str(error.value)


def declare(path: Path, at: int, *numbers: int) -> None:
    """Change what the directory of an archive declares of every entry, from a place in it on."""
    data = bytearray(path.read_bytes())
    found = data.find(b"PK\1\2")
    while found >= 0:
        for i, number in enumerate(numbers):
            data[found + at + 4 * i : found + at + 4 * (i + 1)] = number.to_bytes(4, "little")
        found = data.find(b"PK\1\2", found + 1)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("at", "number", "message"),
    [
        (8, 8 << 16, r"expected (\d+) bytes that are not compressed, got \1 of compression type 8"),
        (20, 7, r"expected [^7]+ bytes that are not compressed, got 7 of compression type 0"),
        (24, 7, r"expected 7 bytes that are not compressed, got [^7]+ of compression type 0"),
    ],
)
def test_entries_that_claim_to_be_compressed_are_refused(
    tmp_path: Path, at: int, number: int, message: str
) -> None:
    save(tmp_path / "run.npz", SMALL)
    declare(tmp_path / "run.npz", at, number)
    with pytest.raises(ValueError, match=f"structure.json: {message}"):
        load(tmp_path / "run.npz", like=SMALL)


@pytest.mark.parametrize("entry", [0, 1])
def test_bombs_are_refused_before_anything_large_is_made(tmp_path: Path, entry: int) -> None:
    path = tmp_path / "run.npz"
    entries = entries_of(path, SMALL)
    declare(path, 20, 2**31, 2**31)
    zeros = [(n, d + bytes(2**24) if i == entry else d) for i, (n, d) in enumerate(entries)]
    compressed = archive(tmp_path / "deflated.npz", zeros, ZIP_DEFLATED)
    assert compressed.stat().st_size < 2**17
    shape = archive(tmp_path / "shape.npz", substitute(1, b"(3,), }    ", b"(9**9,), }")(entries))
    for bomb, message in (
        (path, f"archive: expected entries that fit into the file's .* bytes, got {2**32} bytes"),
        (compressed, "structure.json: expected .* bytes that are not compressed, got .* type 8"),
        (shape, "tree.0.: expected "),
    ):
        tracemalloc.start()
        with pytest.raises(ValueError, match=message):
            load(bomb, like=SMALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**20


def survives(path: Path, data: bytes) -> bool:
    """True if a file of these bytes loads as the right tree; an assertion if as any other."""
    with path.open("r+b") as file:  # many times faster than to empty it first
        file.write(data)
        file.truncate()
    try:
        tree = load(path, like=SMALL)
    except ValueError:
        return False
    assert identical(tree, SMALL)
    return True


def test_no_truncated_file_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "run.npz", SMALL)
    data = (tmp_path / "run.npz").read_bytes()
    assert not any(survives(tmp_path / "run.npz", data[:n]) for n in range(len(data)))


def test_damaged_files_are_refused_or_loaded_right(tmp_path: Path) -> None:
    save(tmp_path / "run.npz", SMALL)
    data = (tmp_path / "run.npz").read_bytes()
    draw, outcomes = random.Random(0), []
    for i in range(3000):
        damaged = bytearray(data)
        for _ in range(1 + i % 3):
            damaged[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        outcomes.append(survives(tmp_path / "run.npz", bytes(damaged)))
    assert 0 < sum(outcomes) < 600  # what is neither data nor structure may change: dates, modes


def test_an_array_that_another_thread_writes_makes_a_file_that_loads(tmp_path: Path) -> None:
    """With torn values at worst: the checksum and the bytes are of one copy."""
    array, path, ended = np.zeros(200_000), tmp_path / "shared.npz", threading.Event()

    def write() -> None:
        value = 0.0
        while not ended.is_set():
            value += 1.0
            array.fill(value)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(20):
            save(path, (array,))
            load(path, (array,))
    finally:
        ended.set()
        thread.join()
