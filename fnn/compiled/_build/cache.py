"""Machine code in files: compiled once, and loaded without numba in milliseconds.

numba takes half a second to import and seconds to compile. What it made is therefore kept as an
object file, under a name that hashes all that it depends on: the source of this package, the
versions, the processor. A file is written whole or not at all, and read only if its checksum holds.
Where no folder can be written, or where the source is not there to be hashed, code lives as long as
its process.
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
"""For the name of each function its symbol, and the LLVM code that defines it."""

PACKAGE = Path(__file__).parents[1]
"""The folder of `fnn.compiled`. All that becomes machine code is in it, except for the functions of
pairs, whose fingerprints are part of an identity."""



class SettingsError(RuntimeError):
    """Raised where numba is set to something that no machine code can be made with."""


_lock = threading.RLock()
_loaded: dict[str, Mapping[str, int]] = {}
_engines: list[Any] = []  # they own the code, which lives as long as the process


def addresses(identity: str, build: Callable[[], Modules]) -> Mapping[str, int]:
    """The addresses of functions, which are loaded from their file or compiled by `build`.

    `identity` says all that they depend on besides this package and this machine.
    """
    with _lock:  # a second thread waits for what the first compiles
        source = _source()
        key = digest(identity, source or "", _machine_and_versions())
        if key not in _loaded:
            kept = None if source is None else _read(key)
            if kept is None:
                with compiling():
                    kept = _compiled(build())
                if source is not None:
                    _write(key, *kept)
            _loaded[key] = _load(*kept)
        return _loaded[key]


def digest(*parts: str) -> str:
    """A hash of texts that serves as a name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def source_digest(package: Path) -> str | None:
    """A hash of every source file of a package, in all its folders.

    None if there is none, as in a zip file, or if a module has bytecode alone: then nothing tells
    one version from the next.
    """
    sources: list[Path] = []
    for place, folders, files in os.walk(package):
        if "__pycache__" in folders:
            folders.remove("__pycache__")  # bytecode that has its source beside it
        if any(name.endswith(".pyc") and name[:-1] not in files for name in files):
            return None
        sources.extend(Path(place, name) for name in files if name.endswith(".py"))
    if not sources:
        return None
    named = {path.relative_to(package).as_posix(): path for path in sources}
    texts = ((name, named[name].read_text("utf-8")) for name in sorted(named))
    return digest(*(part for named_text in texts for part in named_text))


@cache
def _source() -> str | None:
    return source_digest(PACKAGE)


@cache
def _machine_and_versions() -> str:
    return digest(
        *map(version, ("numba", "llvmlite", "numpy")),
        *(sys.version, sys.platform, platform.machine()),
        *(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()),
    )


def folder() -> Path:
    """The folder of object files: NUMBA_CACHE_DIR, or that of this module's bytecode."""
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
    """Keep machine code in a file, if the folder can be written."""
    header = json.dumps(symbols).encode()
    checksum = hashlib.sha256(header + code).hexdigest().encode()
    with suppress(OSError):  # the code is compiled; it is only not kept
        folder().mkdir(parents=True, exist_ok=True)
        with replacing(folder() / f"fnn-{key}.o") as file:
            file.write(checksum + b"\n" + header + b"\n" + code)


def _compiled(modules: Modules) -> tuple[dict[str, str], bytes]:
    """The symbols of functions, and their machine code."""
    first, *rest = (llvm.parse_assembly(code) for _, code in modules.values())
    for module in rest:
        first.link_in(module)
    return {name: symbol for name, (symbol, _) in modules.items()}, _machine().emit_object(first)


def _load(symbols: dict[str, str], code: bytes) -> Mapping[str, int]:
    """The addresses of functions, after loading their machine code."""
    if b"NRT_" in code or b"numba_" in code:
        _wake_numba()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return {name: engine.get_function_address(symbol) for name, symbol in symbols.items()}


def _wake_numba() -> None:
    """Make numba's own functions known to LLVM, for code that allocates arrays."""
    from numba.core.registry import cpu_target
    from numba.core.runtime.nrt import rtsys

    rtsys.initialize(cpu_target.target_context)


def _machine() -> Any:
    with suppress(RuntimeError):  # newer versions do it by themselves, and refuse to
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
