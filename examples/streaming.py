"""Streaming: learn online from a file that is larger than what the process may allocate.

A sensor writes rows of 255 numbers and one to predict. The file is mapped into memory, read chunk
by chunk, and learned from row by row, each predicted before it is learned: the loss is an honest
test all the way. Halfway through, the law behind the numbers changes, and the network follows.

    python examples/streaming.py --megabytes 128 --allow 32
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from fnn import init, key, samples, scan, start, train_step
from fnn.activations import identity, tanh
from fnn.data import Chunk, batches_from
from fnn.losses import squared_error
from fnn.optimizers import sgd
from fnn.random import Key, fold_in, normal

COLUMNS, CHUNK, NOISE = 256, 4096, 0.1


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder, "stream.npy")
        rows = options.megabytes * 2**20 // (4 * COLUMNS)
        allow(options.allow * 2**20)
        record(path, rows, key(options.seed))
        try:
            np.load(path)
        except MemoryError:
            print(f"all {options.megabytes} MB at once: more than may be allocated")
        learn(path, rows, key(options.seed))
    status = Path("/proc/self/status").read_text()  # getrusage would count what started us
    peak = int(status.partition("VmHWM:")[2].split()[0])
    print(f"peak memory, Python and all: {peak / 2**10:.0f} MB")
    return 0


def learn(path: Path, rows: int, root: Key) -> None:
    def chunks() -> Iterator[Chunk]:
        for begin in range(0, rows, CHUNK):
            table = np.load(path, mmap_mode="r")[begin : begin + CHUNK]  # a map for each chunk,
            yield table[:, :-1], table[:, -1:]  # which is let go with the pages that were read

    update = train_step((tanh, identity), squared_error, sgd(0.002))
    params = init(fold_in(root, 0), (COLUMNS - 1, 16, 1), dtype=np.float32)
    state, begin = start(update.optimizer, params), 0
    for batch in batches_from(chunks, CHUNK):
        state, losses = scan(update, state, samples(batch))
        print(f"rows from {begin:7,}: mean squared error {np.mean(losses):.4f}")
        begin += len(losses)
    print(f"of which noise, that nobody can predict: {NOISE**2:.4f}")


def record(path: Path, rows: int, root: Key) -> None:
    """Write the file, chunk by chunk as well."""
    open_memmap(path, "w+", np.float32, (rows, COLUMNS))
    for begin in range(0, rows, CHUNK):
        law = normal(fold_in(root, 1 if begin < rows / 2 else 2), COLUMNS - 1) / 16
        part = np.load(path, mmap_mode="r+")[begin : begin + CHUNK]
        part[:] = normal(fold_in(fold_in(root, 3), begin), part.shape)
        part[:, -1] = np.tanh(part[:, :-1] @ law) + NOISE * part[:, -1]


def allow(more: int) -> None:
    """Let the process allocate so many bytes more. Linux counts what is not backed by a file."""
    np.eye(256).dot(np.eye(256))  # BLAS takes its own buffers now
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + more
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Learn online from a file beyond memory (Linux).")
    parser.add_argument("--seed", type=int, default=0, help="of data and weights (default 0)")
    parser.add_argument("--megabytes", type=int, default=128, metavar="N", help="default 128")
    parser.add_argument("--allow", type=int, default=32, metavar="N", help="more MB (default 32)")
    parser.add_argument("--folder", type=Path, help="for the file, removed at the end")
    options = parser.parse_args(arguments)
    if options.seed < 0 or options.megabytes <= options.allow:
        parser.error("--megabytes: expected more than --allow")
    return options


if __name__ == "__main__":
    sys.exit(main())
