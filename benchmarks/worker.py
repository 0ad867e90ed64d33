"""Measures the cases of some workloads with so many threads: one process for each number.

    python -m benchmarks.worker 1 full online inference

Prints one `Result` a line, as JSON; what it is doing goes to the standard error.
"""

from __future__ import annotations

import sys

from benchmarks.pin import pin

if __name__ == "__main__":
    pin(int(sys.argv[1]))

import json
import logging
import os
import warnings
from dataclasses import asdict

from benchmarks import by_numpy
from benchmarks.contender import Contender, UnfitError, verify
from benchmarks.results import Result
from benchmarks.timing import take_turns
from benchmarks.workloads import CASES, PROCESSES, THREADS, Case

UNITS = {"us": 1e6, "ms": 1e3}


def measure(case: Case, threads: int, quick: bool) -> Result:
    """Make, verify and time every contender of a case."""
    made: dict[str, Contender] = {}
    apart: dict[str, float] = {}
    absent: dict[str, str] = {}
    for name, maker in case.makers.items():
        try:
            made[name] = maker(case.task)
            distance = verify(case.task, made[name], by_numpy.reference)
            if distance is not None:
                apart[name] = distance
        except ModuleNotFoundError as error:
            absent[name] = f"{error.name} is not installed"
        except UnfitError as reason:
            absent[name] = str(reason)
        except AssertionError as error:
            raise SystemExit(f"{name}, {case.table}, {case.column}: {error}") from None
        except Exception as error:  # some version of a peer: the others go on
            absent[name] = f"failed with {type(error).__name__}: {str(error).splitlines()[:1]}"
    for name in absent:
        made.pop(name, None)
    calls = {name: contender.call for name, contender in made.items()}
    turns, seconds = (3, 0.001) if quick else (case.turns, case.seconds)
    times = take_turns(calls, turns, seconds, rest=0.04 if threads > 1 and not quick else 0.0)
    unit = "ms" if case.workload in ("minibatch", "wide", "derivatives") else "us"
    figures = {
        name: [t * UNITS[unit] * (made[name].calls or 1 / case.task.updates) for t in taken]
        for name, taken in times.items()
    }
    notes = {name: contender.note for name, contender in made.items() if contender.note}
    table = case.table
    if case.workload in THREADS:
        table += f", {threads} thread{'s' if threads > 1 else ''}"
    return Result(case.workload, table, case.column, unit, figures, apart, notes, absent)


def main() -> None:
    threads, quick = int(sys.argv[1]), sys.argv[2] == "quick"
    warnings.simplefilter("ignore")  # scikit-learn's of epochs, JAX's of what it would rather have
    logging.disable()
    for name in sys.argv[3:]:
        if name in PROCESSES:
            for result in PROCESSES[name](quick):
                print(json.dumps(asdict(result)), flush=True)
            continue
        cases = list(CASES[name]())
        for case in cases[:1] if quick else cases:
            print(f"{threads} thread(s), {case.table}: {case.column}", file=sys.stderr, flush=True)
            print(json.dumps(asdict(measure(case, threads, quick))), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
