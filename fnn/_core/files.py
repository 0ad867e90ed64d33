"""Files that are replaced whole or not at all, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = re.compile(r"\.fnn-[0-9a-f]{16}\.tmp")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends without an error.

    Whoever opens `path` finds the old file or the new one, each complete; after a power failure
    too, since the file reaches the disk before its name does. Until then it is a temporary file in
    the same folder, with the permissions of the umask. An error leaves `path` as it was and removes
    the temporary file; those of killed processes are removed by the next call for their folder
    (except on Windows). A link is replaced, not followed. Raises `OSError`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "note")) as file:
    ...         file.write(b"all or nothing")
    ...     Path(folder, "note").read_bytes()
    14
    b'all or nothing'
    """
    target = Path(path)
    if target.exists() and not target.is_file():  # root could rename over /dev/null
        number = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(number, "expected a regular file or a new name", os.fspath(path))
    _remove_stale(target.parent)
    temporary, file = _create(target.parent)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there
            temporary.replace(target)  # still locked: another call would remove it if it were not
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync(target.parent)


def _create(folder: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file and lock it for as long as this process keeps it open."""
    while True:
        path = folder / f".fnn-{os.urandom(8).hex()}.tmp"
        file = path.open("xb")
        with suppress(OSError):  # a system without locks: left behind, it is never removed
            _lock(file, wait=True)
        if path.exists():  # another call may have removed it before it was locked
            return path, file
        file.close()


def _remove_stale(folder: Path) -> None:
    """Remove temporary files that nobody has locked: the processes that wrote them are dead."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                path = Path(entry.path)
                with suppress(OSError), path.open("r+b") as file:
                    _lock(file, wait=False)
                    path.unlink()


def _lock(file: BinaryIO, *, wait: bool) -> None:
    """Lock a file until it is closed or the process dies; raise `OSError` if that fails."""
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, "no such locks on Windows")
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync(folder: Path) -> None:
    """Write the names in a folder to disk; Windows cannot open folders, and need not."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
