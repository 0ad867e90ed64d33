"""Run fnn's main job, or its tests, in a virtual environment of the project's own.

    python3 run.py autoencoder [options]   train the 8-3-8 autoencoder (--help lists the options)
    python3 run.py tests [options]         run the whole test suite, or pytest with the options

The environment is .venv beside this file: made on first use, and again whenever it is out of date.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.version_info < (3, 11):  # to say so, this file keeps to syntax that Python 3.6 reads
    sys.exit("run.py: fnn needs Python 3.11 or newer, this is Python " + sys.version.split()[0])

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "run.stamp"
LOCK = ROOT / ".venv.lock"
# With coverage, on every core; a worker that has nothing left takes tests from another.
WHOLE_SUITE = ["--cov", "--numprocesses=auto", "--maxprocesses=8", "--dist=worksteal"]
EXTRAS = ("[compiled]", "[test]")  # the second brings all that the first brings
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main(arguments: list[str]) -> int:
    """Do what the arguments ask, and return the exit status."""
    command, options = arguments[:1], arguments[1:]
    if command == ["autoencoder"]:
        set_up("[compiled]")
        return run([str(ROOT / "examples" / "autoencoder.py"), *options])
    if command == ["tests"]:
        set_up("[test]")
        os.chdir(str(ROOT))
        return run(["-m", "pytest", *(options or WHOLE_SUITE)])
    print(__doc__, file=sys.stderr)
    return 2


def set_up(extra: str) -> None:
    """Make .venv hold fnn and what `extra` brings, unless its stamp says that it does."""
    if VENV.exists() and not LOCK.exists():
        sys.exit(f"run.py: {VENV} was made by someone else; move it out of the way")
    with one_at_a_time():
        digest = fingerprint()
        done = STAMP.read_text() if STAMP.exists() else ""
        valid = done.startswith(digest)
        if valid and done[len(digest) :] in EXTRAS[EXTRAS.index(extra) :]:
            return
        print(f"run.py: installing fnn{extra} into {VENV}, once ...", file=sys.stderr, flush=True)
        if not valid:
            make_venv()
        STAMP.unlink(missing_ok=True)
        install(extra)
        STAMP.write_text(digest + extra)  # last, so that an interrupted set-up is done again


def install(extra: str) -> None:
    """Install fnn, editable, and what `extra` brings.

    The main job asks for numba, and does without where there is no wheel of it. From a bare clone
    to the result it takes 17 s of processor time with numba, 24 s without; once set up, a second or
    10 s. Bytecode is left to be compiled on import: with all of it, 17 s would be 19.
    """
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if extra != "[compiled]":
        stop_unless_done(*pip, "--editable", "." + extra)
        return
    pip.append("--no-compile")
    reason = failure(*pip, "--only-binary=numba,llvmlite", "--editable", "." + extra)
    if reason:
        print(f"run.py: slower without numba, which did not install: {reason}", file=sys.stderr)
        stop_unless_done(*pip, "--editable", ".")


def fingerprint() -> str:
    """Hash the dependencies, the Python and the folder: another hash asks for another .venv."""
    parts = [(ROOT / "pyproject.toml").read_text("utf-8"), sys.version, sys.base_prefix, str(ROOT)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make_venv() -> None:
    """Begin .venv anew, with nothing but pip in it."""
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        sys.exit("run.py: this Python lacks venv; on Debian and Ubuntu: apt install python3-venv")
    stop_unless_done(sys.executable, "-m", "venv", "--clear", str(VENV))


def failure(*command: str) -> str:
    """Run a command in silence: the last error that it printed, or "" if it went well.

    It inherits the lock.
    """
    done = subprocess.run(
        command, cwd=ROOT, close_fds=False, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    return ([line for line in lines if line.startswith("ERROR: ")] or lines or ["killed"])[-1]


def stop_unless_done(*command: str) -> None:
    """Run a command in silence, and end with its error if it has one."""
    reason = failure(*command)
    if reason:
        sys.exit(f"run.py: could not set up {VENV}, which needs the network: {reason}")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold .venv.lock until this process and its children have ended: the system lets go of it."""
    with LOCK.open("w") as file:
        os.set_inheritable(file.fileno(), True)
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(arguments: list[str]) -> int:
    """Become the command where that is possible, so that signals and status are its own."""
    command = [str(PYTHON), *arguments]
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as error:  # a folder that cannot be written, a full disk
        sys.exit(f"run.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
