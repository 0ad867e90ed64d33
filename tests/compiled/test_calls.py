"""Calls of machine code by its address match the signatures, or nothing is compiled."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from numba.core import types
from numba.core.errors import TypingError

from fnn.compiled._build.translator import Translator
from fnn.compiled._code import entry_points, optimizers, sample, transforms
from fnn.compiled._code.jit import jitted
from fnn.compiled._code.kernels import KERNELS
from fnn.compiled._code.pointers import calling, signature
from fnn.compiled._plan.signatures import SIGNATURES
from fnn.compiled._runtime.calls import kernel

DTYPE = np.dtype(np.float32)  # in float64 numbers of the network and others have one type
CALLED = [name for name in SIGNATURES if name not in entry_points.KERNELS]


def compiled_call(name: str, arguments: list[Any]) -> None:
    """Compile a call of an address with arguments of these types."""
    call = calling(name)
    jitted(lambda address, rest: call(address, *rest)).compile((types.intp, types.Tuple(arguments)))


def right(name: str) -> list[Any]:
    return list(signature(name, DTYPE).args)


@pytest.mark.parametrize("name", CALLED)
def test_a_call_that_matches_its_signature_compiles(name: str) -> None:
    compiled_call(name, right(name))


@pytest.mark.parametrize("name", CALLED)
def test_a_call_without_one_of_its_arguments_does_not_compile(name: str) -> None:
    for i in range(len(right(name))):
        arguments = right(name)
        del arguments[i]
        count = len(right(name))
        message = f"{name}: expected {count} arguments, got {count - 1}"
        with pytest.raises(TypingError, match=message):
            compiled_call(name, arguments)


@pytest.mark.parametrize("name", CALLED)
def test_a_call_with_two_arguments_swapped_does_not_compile(name: str) -> None:
    arguments = right(name)
    different = [i for i in range(1, len(arguments)) if arguments[i] != arguments[i - 1]]
    assert different
    for i in different:
        swapped = right(name)
        swapped[i - 1 : i + 1] = swapped[i], swapped[i - 1]
        with pytest.raises(TypingError, match=rf"{name}: expected .* as argument \d+, got"):
            compiled_call(name, swapped)


def test_a_call_of_another_float_does_not_compile() -> None:
    arguments = right("operation")
    arguments[5] = types.float32
    with pytest.raises(TypingError, match="operation: expected float64 as argument 6, got float32"):
        compiled_call("operation", arguments)
    arguments = right("operation")
    arguments[0] = types.CPointer(types.float64)
    with pytest.raises(TypingError, match="operation: expected float64\\* as argument 2, got flo"):
        compiled_call("operation", arguments)


def calls(tree: ast.AST) -> list[ast.Call]:
    """The calls of addresses in a source text."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [c for c in found if isinstance(c.func, ast.Name) and c.func.id.startswith("call_")]


SITES = [
    (module, name, i)
    for module in (sample, entry_points, optimizers, transforms)
    for name, own in vars(module).items()
    if isinstance(own, FunctionType) and own.__module__ == module.__name__
    for i in range(len(calls(ast.parse(inspect.getsource(own)))))
]


def test_there_are_calls_in_entry_points_samples_and_steps() -> None:
    assert {module for module, _, _ in SITES} == {sample, entry_points, transforms}


@pytest.mark.parametrize(("module", "name", "i"), SITES)
def test_a_kernel_that_forgets_an_argument_does_not_compile(
    module: ModuleType, name: str, i: int
) -> None:
    tree = ast.parse(inspect.getsource(module))
    (own,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    del calls(own)[i].args[-1]
    names: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(tree, f"{name} with a mistake", "exec"), names)
    root = name if name in KERNELS else "sample"  # which calls the others
    signed = signature(root if root in SIGNATURES else "operation", DTYPE)
    with pytest.raises(TypingError, match=r"expected \d+ arguments, got \d+"):
        jitted(Translator().copy(names[root])).compile(signed)


def test_every_kernel_has_the_parameters_of_its_signature() -> None:
    for name, own in KERNELS.items():
        letters = SIGNATURES.get(name, SIGNATURES["operation"]).letters
        assert len(inspect.signature(own).parameters) == len(letters)
        assert own.__name__ == name


def test_python_may_not_call_a_kernel_without_one_of_its_arguments() -> None:
    with pytest.raises(TypeError, match="at least 5 arguments"):
        kernel("pull_back", DTYPE)(0, 0, 0, 0)
