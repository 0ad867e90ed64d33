"""Uncompressed ``.npz`` archives of a text and arrays.

Equal contents are written as equal bytes. A file that is read must hold exactly the expected names,
shapes and dtypes: nothing that it declares decides what is called or allocated. The checksums of
the zip format cover the contents.
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

if TYPE_CHECKING:  # importing it takes a third as long as fnn, so functions do that when they run
    from zipfile import ZipFile


def write(file: BinaryIO, title: str, text: str, arrays: Mapping[str, Array]) -> None:
    """Write the text `title` and arrays, by name, as an archive.

    Numbers are little-endian. Arrays keep their memory order, C or Fortran, because the rounding of
    products depends on it.
    """
    from zipfile import ZipFile

    with ZipFile(file, "w") as archive:
        _write_entry(archive, title, text.encode())
        for name, array in arrays.items():
            fortran = array.flags.fnc
            # A copy: the format reads twice what another thread may write meanwhile.
            flat = np.array(array.T if fortran else array, _little(array), order="C").reshape(-1)
            data = flat.view(np.uint8).data
            _write_entry(archive, f"{name}.npy", _header(array, fortran), data)


def _write_entry(archive: ZipFile, entry: str, *parts: bytes | memoryview) -> None:
    """Add an entry, the same on every machine and at every time."""
    from zipfile import ZipInfo

    info = ZipInfo(entry, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # Unix, on every machine
    info.external_attr = 0o644 << 16
    info.file_size = sum(map(len, parts))  # needed beforehand if above 2 GiB
    with archive.open(info, "w") as member:
        for part in parts:
            member.write(part)


def opened(file: BinaryIO) -> ZipFile:
    """Open the archive in a file; its entries must be uncompressed and fit into the file.

    Raises `ValueError`, as `read_text` and `read_arrays` do, for anything that `write` does not
    write.
    """
    from zipfile import ZIP_STORED, ZipFile

    with _damage_as_value_error("archive"):
        archive = ZipFile(file)
    entries = archive.infolist()
    for info in entries:
        if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
            raise ValueError(
                f"{_printable_name(info.filename)}: expected {info.file_size} bytes that are not"
                f" compressed, got {info.compress_size} of compression type {info.compress_type}"
            )
    size, declared = os.fstat(file.fileno()).st_size, sum(info.file_size for info in entries)
    if declared > size:
        raise ValueError(
            f"archive: expected entries that fit into the file's {size} bytes, got {declared} bytes"
        )
    return archive


def read_text(archive: ZipFile, title: str) -> str:
    """Read the text of an archive."""
    with _damage_as_value_error(title):
        return archive.read(title).decode()


def read_arrays(archive: ZipFile, title: str, like: Mapping[str, Array]) -> dict[str, Array]:
    """Read arrays, frozen; names, shapes and dtypes must be those of `like`, and no other entry."""
    wanted = {title, *(f"{name}.npy" for name in like)}
    found = Counter(archive.namelist())
    for entry in sorted(wanted | found.keys()):
        allowed, word = (1, "one") if entry in wanted else (0, "no")
        if found[entry] != allowed:
            raise ValueError(
                f"{_printable_name(entry)}: expected {word} entry of this name in the archive, got"
                f" {found[entry]}"
            )
    for name, array in like.items():
        size = len(_header(array, fortran=False)) + array.nbytes
        if (got := archive.getinfo(f"{name}.npy").file_size) != size:
            raise ValueError(f"{name}: expected an entry of {size} bytes, got {got}")
    return {name: frozen(_read_array(archive, name, array)) for name, array in like.items()}


def _read_array(archive: ZipFile, name: str, like: Array) -> Array:
    """Read one array of the shape and dtype of `like`."""
    with _damage_as_value_error(name):
        data = archive.read(f"{name}.npy")
    for fortran in (False, True):
        header = _header(like, fortran)
        if data.startswith(header):
            flat = np.frombuffer(data, _little(like), offset=len(header))
            array = flat.reshape(like.shape[::-1]).T if fortran else flat.reshape(like.shape)
            return array.astype(like.dtype)  # copied, in the same memory order
    expected = _header(like, fortran=False)
    raise ValueError(
        f"{name}: expected the header {expected[10:]!r}, got {data[10 : len(expected)]!r}"
    )


def _header(array: Array, fortran: bool) -> bytes:
    """The header of an array's data: version 1.0 of the format that `numpy.lib.format` defines.

    Its length is a multiple of 64 bytes, the same for both memory orders.
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
    """The dtype of an array, in little-endian byte order."""
    return array.dtype.newbyteorder("<")


def printable(text: str) -> str:
    """Text from a file, fit for an error message: shortened, without control characters."""
    return text if text.isprintable() and len(text) <= 200 else ascii(text[:200])


def _printable_name(entry: str) -> str:
    """The name of an entry, fit for an error message."""
    return printable(entry.removesuffix(".npy"))


@contextmanager
def _damage_as_value_error(part: str) -> Iterator[None]:
    """Raise `ValueError` for any of the many exceptions that damaged bytes cause in `zipfile`."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # a failing disk; EINVAL is a seek to a place that damaged bytes name
        raise ValueError(
            f"{part}: expected what fnn.save writes, got damaged or foreign bytes"
            f" ({type(error).__name__}: {error})"
        ) from error
