"""Threads are pinned before anything that has threads is imported: import this module first.

from benchmarks.pin import pin
pin(1)
"""

from __future__ import annotations

import os

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def pin(threads: int) -> None:
    """Hold this process, and those that it starts, to so many threads on as many cores.

    On Linux the operating system sees to it, whatever a library's own flags do: XLA sizes its
    pools by the cores that it may use, and has no flag that limits them all.
    """
    for name in VARIABLES:
        os.environ[name] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < threads:
            raise SystemExit(f"threads: expected at most {len(cores)}, the cores, got {threads}")
        os.sched_setaffinity(0, cores[-threads:])
