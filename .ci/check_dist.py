"""Check that what was built holds what it should and nothing else: `check_dist.py FOLDER`."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path, PurePosixPath

REQUIRES = {"numpy>=2.2", "typing-extensions>=4.12"}
SDIST = {"fnn", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}


def check_wheel(path: Path, sources: set[str]) -> None:
    """Compare the wheel's files, and the metadata that pip reads, with the checkout."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    files = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
    same("the wheel's files", names, sources | {f"{info}/{file}" for file in files})
    required = {r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r}
    same("the wheel's dependencies", required, REQUIRES)
    source = (Path(__file__).parents[1] / "fnn" / "__init__.py").read_text("utf-8")
    version = set(re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE))
    same("the wheel's version", {metadata["Version"]}, version)
    same("the wheel's Python", {metadata["Requires-Python"]}, {">=3.11"})


def check_sdist(path: Path, sources: set[str]) -> None:
    """Look for the same sources, and only what is needed to build from them."""
    with tarfile.open(path) as sdist:
        names = {
            PurePosixPath(*PurePosixPath(file.name).parts[1:]) for file in sdist if file.isfile()
        }
    same("the sdist's entries", {name.parts[0] for name in names}, SDIST)
    same("the sdist's modules", {str(n) for n in names if n.parts[0] == "fnn"}, sources)


def same(what: str, got: set[str], expected: set[str]) -> None:
    """Stop, naming the difference, unless they are the same."""
    if got != expected:
        sys.exit(f"{what}: missing {sorted(expected - got)}, unexpected {sorted(got - expected)}")


def main() -> None:
    """Check the one wheel and the one sdist in the folder against the checkout."""
    (wheel,), (sdist,) = (list(Path(sys.argv[1]).glob(kind)) for kind in ("*.whl", "*.tar.gz"))
    package = Path(__file__).parents[1] / "fnn"
    paths = [*package.rglob("*.py"), package / "py.typed"]
    sources = {path.relative_to(package.parent).as_posix() for path in paths}
    check_wheel(wheel, sources)
    check_sdist(sdist, sources)
    print(f"{wheel.name} and {sdist.name} hold what they should")


if __name__ == "__main__":
    main()
