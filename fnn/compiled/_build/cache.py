"""Machine code that is compiled once: kept in a file, and loaded without numba in milliseconds.

numba takes half a second to wake and seconds to compile. So what it made is kept as an object file,
under a name that hashes all that it depends on: the source, the versions, the processor. A file is
written whole or not at all and read only if its checksum holds. Where no folder can be written,
code lives as long as its process.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import llvmlite.binding as llvm

from fnn._core.files import replacing
from fnn.compiled._build.notice import compiling

Modules: TypeAlias = Mapping[str, tuple[str, str]]
"""For each function its symbol, and the LLVM code that defines it."""

_lock = threading.RLock()
_loaded: dict[str, Mapping[str, int]] = {}
_engines: list[Any] = []  # they own the code, which lives as long as the process


def addresses(identity: str, build: Callable[[], Modules]) -> Mapping[str, int]:
    """Where functions are: in memory, once loaded from their file or compiled by `build`.

    `identity` says all that they depend on besides this package and machine.
    """
    with _lock:  # a second thread waits for what the first compiles
        key = digest(identity, _here())
        if key not in _loaded:
            kept = _read(key)
            if kept is None:
                with compiling():
                    kept = _compiled(build())
                _write(key, *kept)
            _loaded[key] = _load(*kept)
        return _loaded[key]


def digest(*parts: str) -> str:
    """A name for texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@cache
def _here() -> str:
    """The package's source, the versions that compile it, and the processor."""
    llvm_options = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return digest(
        *(path.read_text("utf-8") for path in sources),
        *map(version, ("numba", "llvmlite", "numpy")),
        *(sys.version, sys.platform, platform.machine()),
        *llvm_options,
    )


def folder() -> Path:
    """Where object files are kept: in NUMBA_CACHE_DIR, or beside this package's bytecode."""
    return Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent / "__pycache__")


def _read(key: str) -> tuple[dict[str, str], bytes] | None:
    """Symbols and object code, or None where there is no file or it is not whole."""
    try:
        checksum, header, code = (folder() / f"fnn-{key}.o").read_bytes().split(b"\n", 2)
        if checksum == hashlib.sha256(header + code).hexdigest().encode():
            return json.loads(header), code
    except (OSError, ValueError):
        pass
    return None


def _write(key: str, symbols: dict[str, str], code: bytes) -> None:
    header = json.dumps(symbols).encode()
    checksum = hashlib.sha256(header + code).hexdigest().encode()
    with suppress(OSError):  # it is compiled, only not kept
        folder().mkdir(parents=True, exist_ok=True)
        with replacing(folder() / f"fnn-{key}.o") as file:
            file.write(checksum + b"\n" + header + b"\n" + code)


def _compiled(modules: Modules) -> tuple[dict[str, str], bytes]:
    first, *rest = (llvm.parse_assembly(code) for _, code in modules.values())
    for module in rest:
        first.link_in(module)
    return {name: symbol for name, (symbol, _) in modules.items()}, _machine().emit_object(first)


def _load(symbols: dict[str, str], code: bytes) -> Mapping[str, int]:
    if b"NRT_" in code or b"numba_" in code:
        _wake_numba()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return {name: engine.get_function_address(symbol) for name, symbol in symbols.items()}


def _wake_numba() -> None:
    """Have numba's own functions known to LLVM, for code that allocates arrays."""
    from numba.core.registry import cpu_target
    from numba.core.runtime.nrt import rtsys

    rtsys.initialize(cpu_target.target_context)


def _machine() -> Any:
    with suppress(RuntimeError):  # newer llvmlite does it by itself, and says so
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="static" if platform.machine() == "aarch64" else "default",
        codemodel="jitdefault",
        jit=True,
    )
