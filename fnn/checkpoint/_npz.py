"""Uncompressed ``.npz`` archives of a text and arrays: written alike, read with distrust.

What is read has to be what was expected. No name, type or size that a file declares decides what
is called or allocated, and the checksums of the zip format cover the contents.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from fnn._core.arrays import frozen
from fnn.base import Array

if TYPE_CHECKING:  # it takes a third as long to import as fnn does, which can wait for its use
    from zipfile import ZipFile


def write(file: BinaryIO, title: str, text: str, arrays: Mapping[str, Array]) -> None:
    """Write a text and arrays, little-endian: equal contents make equal bytes.

    Arrays keep their memory order, C or Fortran, because the rounding of products depends on it.
    """
    from zipfile import ZipFile

    with ZipFile(file, "w") as archive:
        _write_entry(archive, title, text.encode())
        for name, array in arrays.items():
            fortran = array.flags.fnc
            flat = np.ascontiguousarray(array.T if fortran else array, _little(array)).reshape(-1)
            data = flat.view(np.uint8).data
            _write_entry(archive, f"{name}.npy", _header(array, fortran), data)


def _write_entry(archive: ZipFile, entry: str, *parts: bytes | memoryview) -> None:
    from zipfile import ZipInfo

    info = ZipInfo(entry, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # Unix, on every machine
    info.external_attr = 0o644 << 16
    info.file_size = sum(map(len, parts))  # the format has to know beforehand what exceeds 2 GiB
    with archive.open(info, "w") as member:
        for part in parts:
            member.write(part)


def opened(file: BinaryIO) -> ZipFile:
    """The archive in a file, if all that it declares is there, as it is.

    Raises `ValueError`, as the readers below do, for what `write` would not have written.
    """
    from zipfile import ZIP_STORED, ZipFile

    with _damage_told("archive"):
        archive = ZipFile(file)
    entries = archive.infolist()
    for info in entries:
        if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
            raise ValueError(
                f"{_shown_name(info.filename)}: expected {info.file_size} bytes that are not"
                f" compressed, got {info.compress_size} of compression type {info.compress_type}"
            )
    size, declared = os.fstat(file.fileno()).st_size, sum(info.file_size for info in entries)
    if declared > size:
        raise ValueError(
            f"archive: expected entries that fit into the file's {size} bytes, got {declared} bytes"
        )
    return archive


def read_text(archive: ZipFile, title: str) -> str:
    """The text of an archive."""
    with _damage_told(title):
        return archive.read(title).decode()


def read_arrays(archive: ZipFile, title: str, like: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of an archive that has those of `like`, by name, shape and dtype; frozen."""
    wanted = {title, *(f"{name}.npy" for name in like)}
    found = Counter(archive.namelist())
    for entry in sorted(wanted | found.keys()):
        if found[entry] != (entry in wanted):
            raise ValueError(
                f"{_shown_name(entry)}: expected {'one' if entry in wanted else 'no'} entry of this"
                f" name in the archive, got {found[entry]}"
            )
    for name, array in like.items():
        size = len(_header(array, fortran=False)) + array.nbytes
        if (got := archive.getinfo(f"{name}.npy").file_size) != size:
            raise ValueError(f"{name}: expected an entry of {size} bytes, got {got}")
    return {name: frozen(_read_array(archive, name, array)) for name, array in like.items()}


def _read_array(archive: ZipFile, name: str, like: Array) -> Array:
    with _damage_told(name):
        data = archive.read(f"{name}.npy")
    for fortran in (False, True):
        header = _header(like, fortran)
        if data.startswith(header):
            flat = np.frombuffer(data, _little(like), offset=len(header))
            array = flat.reshape(like.shape[::-1]).T if fortran else flat.reshape(like.shape)
            return array.astype(like.dtype)  # a copy of its own, in the same memory order
    expected = _header(like, fortran=False)
    raise ValueError(
        f"{name}: expected the header {expected[10:]!r}, got {data[10 : len(expected)]!r}"
    )


def _header(array: Array, fortran: bool) -> bytes:
    """What stands before the data in version 1.0 of the format that `numpy.lib.format` defines.

    It is as long for either memory order, and the whole a multiple of 64 bytes.
    """
    text = (
        f"{{'descr': {_little(array).str!r}, 'fortran_order': {fortran!s:5},"
        f" 'shape': {array.shape}, }}"
    )
    length = (len(text) + 10) // 64 * 64 + 54
    return b"\x93NUMPY\x01\x00%b%b\n" % (
        length.to_bytes(2, "little"),
        text.ljust(length - 1).encode(),
    )


def _little(array: Array) -> np.dtype[Any]:
    return array.dtype.newbyteorder("<")


def shown(text: str) -> str:
    """What a file says, as an error can show it: short, and without a terminal's commands."""
    return text if text.isprintable() and len(text) <= 200 else ascii(text[:200])


def _shown_name(entry: str) -> str:
    return shown(entry.removesuffix(".npy"))


@contextmanager
def _damage_told(what: str) -> Iterator[None]:
    """Make one `ValueError` of the many exceptions that damaged bytes raise."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # not a jump to where the damaged bytes point, but a failing disk
        raise ValueError(
            f"{what}: expected what fnn.save writes, got damaged or foreign bytes"
            f" ({type(error).__name__}: {error})"
        ) from error
