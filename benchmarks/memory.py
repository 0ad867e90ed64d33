"""Memory over a million online updates: resident bytes and tracked objects must not grow.

    python -m benchmarks.memory

8-3-8 in float64, one sample at a time, by `fnn.train.epochs`. After a tenth as a warm-up, nothing
may be left behind by the rest: bar 1 MB and 100 objects. Linux.
"""

from __future__ import annotations

import gc
import os
import sys
from itertools import islice, repeat
from pathlib import Path

from benchmarks.pin import pin

pin(1)

import numpy as np  # after the threads are pinned

from fnn import Batch, Optimizer, init, key, samples, start, train_step
from fnn.activations import sigmoid
from fnn.losses import squared_error
from fnn.optimizers import adam, sgd
from fnn.train import epochs

UPDATES, ROWS = 1_000_000, 1000


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measured() -> tuple[int, int]:
    gc.collect()
    return resident(), len(gc.get_objects())


def grown(name: str, optimizer: Optimizer) -> bool:
    """Whether a million updates left something behind."""
    data = Batch(np.eye(8)[np.arange(ROWS) % 8], np.eye(8)[np.arange(ROWS) % 8])
    update = train_step((sigmoid, sigmoid), squared_error, optimizer)
    state = start(update.optimizer, init(key(0), (8, 3, 8)))
    trained = epochs(update, state, repeat(samples(data), UPDATES // ROWS))
    for _ in islice(trained, UPDATES // ROWS // 10):
        pass
    bytes_before, objects_before = measured()
    for _ in trained:
        pass
    bytes_after, objects_after = measured()
    more, objects = bytes_after - bytes_before, objects_after - objects_before
    print(
        f"{name}: {bytes_before / 2**20:.1f} MB, after {UPDATES:,} updates {more / 2**10:+.0f} KB"
        f" and {objects:+d} objects",
        flush=True,
    )
    return more > 2**20 or objects > 100


if __name__ == "__main__":
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}")
    sys.exit(any([grown("sgd", sgd(0.5)), grown("adam", adam(1e-3))]))
