"""fnn against its peers, as far as they are installed: a page of tables and a picture.

    python -m benchmarks                       # all, into docs/: about ten minutes on two cores
    python -m benchmarks online wide           # some of it, printed
    python -m benchmarks --quick               # the first cases, hastily: that it works, no more

`pip install jax torch scikit-learn thinc onnxruntime onnx` brings the peers, Debian's libfann-dev
FANN; of genann, `benchmarks/by_genann.py` tells.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import description
from benchmarks.picture import draw
from benchmarks.report import report
from benchmarks.results import Result
from benchmarks.workloads import CASES, PROCESSES, THREADS

ROOT = Path(__file__).parent.parent


def measured(threads: int, quick: bool, names: list[str]) -> list[Result]:
    """The results of a process of its own: threads are pinned before libraries are imported."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.worker",
        str(threads),
        "quick" if quick else "full",
    ]
    done = subprocess.run(command + names, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(done.returncode)  # it has said why
    return [Result(**json.loads(line)) for line in done.stdout.splitlines()]


def main() -> None:
    every = [*CASES, *PROCESSES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="See the README.")
    parser.add_argument("workloads", nargs="*", metavar="workload", help=", ".join(every))
    parser.add_argument("--quick", action="store_true", help="the first case, hastily, one thread")
    parser.add_argument("--out", type=Path, help="folder to write to; of the whole suite: docs")
    options = parser.parse_args()
    names = options.workloads or [name for name in every if name != "wide" or not options.quick]
    if unknown := set(names) - set(every):
        parser.error(f"workload: expected any of {', '.join(every)}, got {', '.join(unknown)}")
    out = options.out or (None if options.workloads or options.quick else ROOT / "docs")
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    machine = description()
    results = measured(1, options.quick, names)
    both = [name for name in names if 2 in THREADS.get(name, ())]
    if both and cores >= 2 and not options.quick:
        results += measured(2, options.quick, both)
    page = report(results, machine)
    if out is None:
        print(page)
        return
    out.mkdir(parents=True, exist_ok=True)
    if draw(results, machine[0], out / "images" / "benchmarks.png"):
        page += "\n![A part of it as a picture](images/benchmarks.png)\n"
    (out / "benchmarks.md").write_text(page, "utf-8")
    print(f"written to {out / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
