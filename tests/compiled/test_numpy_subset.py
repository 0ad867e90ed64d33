"""What of NumPy pairs may use in machine code, and how what they may not use is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import delete as without

import fnn
from fnn import Activation, Array, Batch, Loss, compiled, init, key
from fnn.activations import identity
from fnn.losses import squared_error

RNG = np.random.default_rng(3)
NP: Any = np  # which type checkers let pass what pairs had better not call


def chosen(z: Array, a: Array) -> Array:
    one = z.dtype.type(1.0)
    slope: Array = np.where(z > 0, one, z.dtype.type(0.1))
    return slope


TABLE = np.array([0.5, 1.5, 2.0])

SLOPES: dict[str, Any] = {
    "a comparison": lambda z, a: z > 0,
    "astype its dtype": lambda z, a: (z > 0).astype(z.dtype),
    "astype a type of NumPy's": lambda z, a: (z > 0).astype(np.float64),
    "astype float": lambda z, a: (z > 0).astype(float) * 0.5,
    "astype int": lambda z, a: (2.0 * z).astype(int) + 0.25,
    "a number of its type": lambda z, a: z.dtype.type(0.1) * z,
    "numbers of its type": chosen,
    "full_like": lambda z, a: np.full_like(z, 0.1),
    "full_like of a whole number": lambda z, a: np.full_like(z, 2) / 4,
    "heaviside": lambda z, a: np.heaviside(z, 0.5),
    "ones_like times a comparison": lambda z, a: np.ones_like(z) * (z > 0),
    "a copy": lambda z, a: z.copy(),
    "a sum of its own array": lambda z, a: TABLE.sum() * z / TABLE.size,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_as_people_write_them_compile(name: str, dtype: type[np.floating[Any]]) -> None:
    acts = (Activation(lambda z: 1.0 * z, SLOPES[name]),)
    params = init(key(0), (3, 4), dtype=dtype)
    params = (params[0]._replace(b=np.array([0.0, 1.0, -1.0, 0.5], dtype)),)
    x = np.concatenate([RNG.standard_normal((5, 3)), np.zeros((1, 3))]).astype(dtype)
    batch = Batch(x, np.ones((6, 4)))
    value, grads = compiled.backprop(acts, squared_error, params, batch)
    expected, exact = fnn.backprop(acts, squared_error, params, batch)
    eps = 20 * float(np.finfo(dtype).eps)  # sums of six products in another order
    assert value == pytest.approx(expected, rel=eps)
    np.testing.assert_allclose(grads[0].w, exact[0].w, eps, eps)
    np.testing.assert_allclose(grads[0].b, exact[0].b, eps, eps)


def test_heaviside_is_numpys_everywhere() -> None:
    z = np.array([-np.inf, -1.0, -0.0, 0.0, 2.0, np.inf, np.nan])
    acts = (Activation(lambda z: np.heaviside(z, 0.25), lambda z, a: a),)
    for zi in z:
        params = (fnn.Layer(np.zeros((1, 1)), np.array([zi])),)
        np.testing.assert_array_equal(
            compiled.forward(acts, params, np.ones(1)), np.heaviside([zi], 0.25)
        )


def ints(y: Array) -> Array:
    return y.astype(np.int64)


def through_getattr(output: Array, target: Array) -> Any:
    name = "take"
    return getattr(np, name)(output, ints(target)).sum()


def through_a_name(output: Array, target: Array) -> Any:
    numpy = np
    return numpy.delete(output, 9).sum()


LOSSES: dict[str, tuple[Any, str]] = {
    "take_along_axis": (lambda o, y: NP.take_along_axis(o, ints(y), -1).sum(-1), "take_along_axis"),
    "take": (lambda o, y: NP.take(o, ints(y)).sum(-1), "take"),
    "take as a method": (lambda o, y: o.take(ints(y)).sum(-1), "take"),
    "delete": (lambda o, y: NP.delete(o, ints(y)).sum(-1), "delete"),
    "delete by another name": (lambda o, y: without(o, ints(y)).sum(-1), "delete"),
    "delete of a local name": (through_a_name, "delete"),
    "bincount": (lambda o, y: NP.bincount(ints(y), o)[0], "bincount"),
    "searchsorted": (lambda o, y: NP.searchsorted(o, y)[0] + o[0], "searchsorted"),
    "put": (lambda o, y: NP.put(o, 7, 1.0) or o[0], "put"),
    "choose": (lambda o, y: NP.choose(ints(y), o).sum(), "choose"),
    "argpartition": (lambda o, y: o[NP.argpartition(o, 0)[0]], "argpartition"),
    "partition": (lambda o, y: NP.partition(o, 0)[0], "partition"),
    "median": (lambda o, y: NP.median(o), "median"),
    "histogram": (lambda o, y: NP.histogram(o, 3)[0][0] + o[0], "histogram"),
    "interp": (lambda o, y: NP.interp(o, y, y).sum(), "interp"),
    "random numbers": (lambda o, y: NP.random.default_rng(0).normal() + o[0], "random"),
    "strides": (lambda o, y: NP.lib.stride_tricks.as_strided(o, (9,))[8], "lib"),
    "a view": (lambda o, y: o.view(NP.float32)[0], "view"),
    "at": (lambda o, y: NP.add.at(o, 9, 1.0) or o[0], "at"),
    "getattr": (through_getattr, "getattr"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_functions_that_nobody_checks_in_machine_code_are_refused_by_name(name: str) -> None:
    f, word = LOSSES[name]
    loss = Loss(f, lambda o, y: o - y)
    with pytest.raises(
        TypeError, match=rf"^loss: .*: it uses \S*\b{word}, which .* fnn\.scan runs"
    ):
        compiled.backprop((identity,), loss, init(key(0), (3, 2)), Batch(np.ones(3), np.ones(2)))


def assigning(z: Array, a: Array) -> Array:
    out = np.ones_like(z)
    out[z > 0] = 0.5
    return out


def selecting(z: Array, a: Array) -> Array:
    out = np.ones_like(z)
    return out[z > 0]


def of_the_batch(z: Array) -> Array:
    scaled: Array = z / np.maximum(np.max(np.abs(z)), 50.0)
    return scaled


NAMED: dict[str, tuple[Activation, str]] = {
    "an assignment": (Activation(lambda z: z, assigning), r'"out\[z > 0\] = 0.5" assigns into'),
    "a selection": (Activation(lambda z: z, selecting), r'in "return out\[z > 0\]" \(line \d+\)'),
    "a maximum": (Activation(of_the_batch, lambda z, a: z), r"it uses \.max, which needs whole"),
    "a sum": (Activation(lambda z: z / z.sum(), lambda z, a: z), r"it uses \.sum, which needs who"),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_needs_whole_arrays_is_named_as_it_is_written(name: str) -> None:
    act, words = NAMED[name]
    with pytest.raises(TypeError, match=rf"^acts\[0\]: .*{words}"):
        compiled.forward((act,), init(key(0), (3, 2)), np.ones(3))


def test_two_lambdas_are_told_apart_by_their_lines() -> None:
    pair: Any = Activation(
        lambda z: z.sum(),
        lambda z, a: z,
    )
    lines = pair.f.__code__.co_firstlineno, pair.df.__code__.co_firstlineno
    assert lines[0] < lines[1]
    words = [rf"<lambda> \(test_numpy_subset\.py, line {line}\)" for line in lines]
    with pytest.raises(TypeError, match=".*".join(words)):
        compiled.forward((pair,), init(key(0), (3, 2)), np.ones(3))


PROGRAM = """
import numpy as np
from fnn import compiled, init, key
from fnn.activations import tanh
compiled.forward((tanh,), init(key(0), (3, 2)), np.ones(3))
"""


@pytest.mark.parametrize("setting", ["NUMBA_DISABLE_JIT=1", "NUMBA_OPT=0", "NUMBA_BOUNDSCHECK=0"])
def test_a_setting_without_machine_code_is_named_as_the_cause(setting: str, tmp_path: Path) -> None:
    name, value = setting.split("=")
    environment = {**os.environ, name: value, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert f"{name}: expected numba's default, got {value}" in last
    assert "tanh" not in last
