"""Tables of numbers from CSV files, some rows at a time."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator
from itertools import islice
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fnn._core.numbers import whole


def csv_tables(
    path: str | PathLike[str], rows: int, *, skip: int = 0, delimiter: str = ","
) -> Iterator[NDArray[np.float64]]:
    r"""Read a CSV file of numbers piece by piece: float64 tables (rows, columns).

    The first `skip` lines and blank ones are left out, an empty field is NaN, and the last table
    may have fewer rows. `batches_from` takes chunks made of such tables. Raises `OSError`, and
    `ValueError` for a line with a word, or with more or fewer fields than the first. For files
    with words use the csv module, or pandas with a chunksize. Parsing takes most of an epoch's
    time: to train for many epochs, write the tables to a .npy file once.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "data.csv")
    ...     _ = path.write_text("a,b\n1,2\n3,4\n5,\n")
    ...     [table.tolist() for table in csv_tables(path, 2, skip=1)]
    [[[1.0, 2.0], [3.0, 4.0]], [[5.0, nan]]]
    """
    rows, skip = whole("rows", rows, 1), whole("skip", skip, 0)
    columns, values = 0, array("d")
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(islice(file, skip, None), delimiter=delimiter, skipinitialspace=True)
        for fields in filter(None, lines):
            columns = columns or len(fields)
            try:
                numbers = [float(field or "nan") for field in fields]
            except ValueError:
                numbers = []
            if len(numbers) != columns:
                raise ValueError(
                    f"{path}, line {skip + lines.line_num}: expected numbers in {columns} columns,"
                    f" got {delimiter.join(fields)[:60]!r}; skip headings, and leave out words"
                )
            values.extend(numbers)
            if len(values) == rows * columns:
                yield np.frombuffer(values).reshape(rows, columns)
                values = array("d")
    if values:
        yield np.frombuffer(values).reshape(-1, columns)
