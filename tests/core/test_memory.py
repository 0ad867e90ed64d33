"""What would not fit in memory is refused: by its size, before anything is computed."""

from __future__ import annotations

import math
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fnn import Batch, derivatives, init, key
from fnn._core import memory
from fnn.activations import identity, tanh
from fnn.derivatives import (
    diagonal_gauss_newton,
    hessian,
    input_hessian,
    input_jacobian,
    jacobian,
    kfac_factors,
    laplacian,
    per_example_gradients,
)
from fnn.losses import squared_error
from tests.laws.test_bad_input import refuses

ACTS, PARAMS = (tanh, identity), init(key(0), (3, 50, 2))  # 302 params
X = np.broadcast_to(np.ones(3), (10**9, 3))  # rows that take no memory themselves
DOUBLE = np.dtype(np.float64)


def test_a_jacobian_beyond_memory_is_refused_with_its_size_and_the_way_out() -> None:
    chunks = "take chunks of rows and add up J^T J, or use gauss_newton_vp"
    shape = "(1000000000, 2, 302)"
    refuses((ValueError, "x", "a Jacobian", shape, "4.83 TB", chunks), jacobian, ACTS, PARAMS, X)
    remedy = "take chunks of rows, or laplacian"
    small = init(key(0), (3, 1000))
    refuses((ValueError, "x", "24 TB", "chunks"), input_jacobian, (tanh,), small, X)
    refuses((ValueError, "x", "72 TB", remedy), input_hessian, (tanh,), small, X)


def test_gradients_and_hessians_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 4e7)
    params = init(key(0), (100, 200, 1))
    acts, batch = (tanh, identity), Batch(np.ones((1000, 100)), np.ones((1000, 1)))
    given = acts, squared_error, params, batch
    each = "a gradient for each row"
    told = ValueError, "batch.x", each, "(1000, 20401)", "163 MB", "got 20 MB, half", "clipped_sum"
    refuses(told, per_example_gradients, *given)
    refuses((ValueError, "params", "(20401, 20401)", "3.33 GB", "use hvp"), hessian, *given)


def test_directions_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 3.8e7)
    params = init(key(0), (20, 200, 30))
    acts, x = (tanh, identity), np.ones((1000, 20))
    batch = Batch(x, np.ones((1000, 30)))
    told = ValueError, "x", "stacks of directions", "(1000, 68, 200)", "109 MB", "chunks of rows"
    refuses(told, laplacian, acts, params, x)
    refuses((*told[:3], "(1000, 88, 200)", "141 MB"), input_jacobian, acts, params, x)
    wide, few = init(key(0), (3, 1000, 1)), x[:, :3]
    refuses((ValueError, "x", "(1000, 21, 1000)", "168 MB"), input_hessian, acts, wide, few)
    stack = "(1000, 188, 200)"
    for f in (diagonal_gauss_newton, kfac_factors):
        refuses((ValueError, "batch.x", stack, "301 MB"), f, acts, squared_error, params, batch)


@pytest.mark.parametrize(
    "sizes", [(20, 50, 50, 50, 30), (3, 100, 100, 100, 2), (50, 200, 1), (90, 20, 5)]
)
@pytest.mark.parametrize(
    "name",
    ["laplacian", "input_jacobian", "input_hessian", "diagonal_gauss_newton", "kfac_factors"],
)
def test_no_more_is_taken_than_was_asked_for(
    sizes: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = init(key(0), sizes)
    acts = (*[tanh] * (len(params) - 1), identity)
    batch = Batch(np.ones((300, sizes[0])), np.ones((300, sizes[-1])))
    f = getattr(derivatives, name)
    of_inputs = name in {"laplacian", "input_jacobian", "input_hessian"}
    given = (acts, params, batch.x) if of_inputs else (acts, squared_error, params, batch)
    asked = 0

    def ask(shape: tuple[int, ...], *_: Any) -> None:
        nonlocal asked
        asked += 8 * math.prod(shape)

    monkeypatch.setattr(memory, "check_room", ask)
    f(*given)
    asked = 0
    tracemalloc.start()
    try:
        f(*given)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Besides, what does not grow with the rows, or as x does; and one output's Hessians twice.
    besides = 2**17 + 3 * batch.x.nbytes + (name == "input_hessian") * 300 * 8 * sizes[0] ** 2
    assert asked / 4 < peak < asked + besides


def test_what_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2.0 * (memory.SMALL + 8))
    assert memory.empty((memory.SMALL // 8 + 1,), DOUBLE, "x", "a", "b").nbytes > memory.SMALL
    with pytest.raises(ValueError, match="x: expected"):
        memory.empty((memory.SMALL // 8 + 2,), DOUBLE, "x", "a", "b")
    monkeypatch.setattr(memory, "available", lambda: 0.0)
    assert memory.empty((memory.SMALL // 8,), DOUBLE, "x", "a", "b").nbytes == memory.SMALL


def test_a_memory_error_of_the_system_becomes_the_same_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As under a limit of the process, or where the system does not tell what is free."""

    def none_left(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(np, "empty", none_left)
    with pytest.raises(ValueError, match=r"x: expected .* 80 bytes, got none from the system; b"):
        memory.empty((10,), DOUBLE, "x", "a", "b")


def test_the_least_of_what_the_system_tells_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free, limit = tmp_path / "meminfo", tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_FREE", free)
    monkeypatch.setattr(memory, "_LIMIT", limit)
    monkeypatch.setattr(memory, "_physical", lambda: 9e9)
    assert memory.available() == 9e9  # neither file is there
    free.write_text("MemTotal:  5000000 kB\nMemAvailable:    2000000 kB\nBuffers: 1 kB\n")
    limit.write_text("max\n")
    assert memory.available() == 2000000 * 1024
    limit.write_text("1000000000\n")
    assert memory.available() == 1e9


def test_a_system_without_sysconf_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < memory._physical() < 2**60 or not hasattr(os, "sysconf")
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert memory._physical() == np.inf
