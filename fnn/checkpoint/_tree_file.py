"""Files of trees: `save` and `load`.

The file is an uncompressed ``.npz``. Its ``structure.json`` maps the place of each node of the tree
to its kind and, for plain values, their text; each array is an entry named by its place, such as
``tree.params[0].w``, which `numpy.load` reads as well. Nothing in a file is ever executed, or
looked up as a class.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from fnn._core.arrays import rebuild
from fnn._core.files import replacing
from fnn._core.numbers import describe
from fnn.base import Array
from fnn.checkpoint import _npz as npz
from fnn.random import Key

T = TypeVar("T")

_FORMAT = "fnn checkpoint 1"
_STRUCTURE = "structure.json"

_DTYPES = frozenset(np.dtype(code).str[1:] for code in "?bhilqBHILQefdFD")
_VALUES: dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    bool: (repr, lambda text: text == "True"),
    int: (hex, lambda text: int(text, 16)),  # decimals stop at 4,300 digits
    float: (repr, float),  # the shortest decimal that reads back as the same number
    str: (str, str),
    Key: (
        lambda key: " ".join(map(hex, (key.seed, *key.path))),
        lambda text: _key(*(int(number, 16) for number in text.split(" "))),
    ),
}


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a tree to the file `path`, replacing any file of that name.

    A tree is any nesting of tuples and NamedTuples of arrays, NumPy scalars, bools, ints, floats,
    strings and None: params, a whole `fnn.State`, a key, the number of an epoch. Equal trees make
    equal files, byte by byte. No suffix is added to `path`. If the process is killed, the old file
    or the new one is there, complete; after an error, such as a full disk, the old one.

    Raises `TypeError` for anything else in the tree, extended floats included (their bytes differ
    between machines), before a file is touched; and `OSError`.

    >>> from tempfile import TemporaryDirectory
    >>> from fnn.random import key
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.npz", (np.ones(2), key(7), 3))
    ...     load(f"{folder}/run.npz", like=(np.zeros(2), key(0), 0))
    (array([1., 1.]), Key(seed=7, path=()), 3)
    """
    import json

    nodes = dict(_nodes("tree", tree))
    structure = {"format": _FORMAT}
    for place, node in nodes.items():
        structure[place] = _kind(place, node)
        if type(node) in _VALUES:
            encode, _ = _VALUES[type(node)]
            structure[place] += f" = {encode(node)}"
    with replacing(path) as file:
        npz.write(file, _STRUCTURE, json.dumps(structure, indent=1), _arrays(nodes))


def load(path: str | os.PathLike[str], like: T) -> T:
    """Read the tree that `save` wrote to the file `path`; `like` is a tree of the same structure.

    The result has the tuples and NamedTuples of `like` (their fields must match those in the file,
    but not the name of the class), its shapes and its dtypes. Arrays are frozen.

    Raises `ValueError` for a file that does not fit `like`, was damaged, or was not written by
    `save`: it names the place and the difference, before anything larger than `like` or the file
    is allocated. Raises `TypeError` for a `like` that could not be saved; and `OSError`.

    >>> from tempfile import TemporaryDirectory
    >>> from fnn import init, key
    >>> params = init(key(0), (2, 3, 1))
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/params.npz", params)
    ...     again = load(f"{folder}/params.npz", like=init(key(1), (2, 3, 1)))
    >>> all(np.array_equal(old.w, new.w) for old, new in zip(params, again))
    True
    """
    nodes = dict(_nodes("tree", like))
    kinds = {place: _kind(place, node) for place, node in nodes.items()}
    with Path(path).open("rb") as file:
        try:
            archive = npz.opened(file)
            texts = _texts(npz.read_text(archive, _STRUCTURE), kinds)
            arrays = npz.read_arrays(archive, _STRUCTURE, _arrays(nodes))
            leaves = [
                _leaf(place, node, texts[place], arrays.get(place))
                for place, node in nodes.items()
                if not _branches(node)
            ]
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from error
    tree: T = _rebuilt(like, iter(leaves))
    return tree


def _key(seed: int, *path: int) -> Key:
    """A key from the numbers of its text."""
    return Key(seed, path)


def _branches(node: Any) -> bool:
    """True for a node with children. A key has none: its path may be longer than that of `like`."""
    return isinstance(node, tuple) and type(node) is not Key


def _nodes(place: str, node: Any) -> Iterator[tuple[str, Any]]:
    """(place, node) of all nodes, a tuple before its items; places as in Python: ``tree[0].w``."""
    yield place, node
    if _branches(node):
        fields = getattr(node, "_fields", None)
        for i, child in enumerate(node):
            yield from _nodes(f"{place}[{i}]" if fields is None else f"{place}.{fields[i]}", child)


def _kind(place: str, node: Any) -> str:
    """A description of a node, equal where a node of a file fits one of `like`."""
    kind = type(node)
    if kind in _VALUES:
        return kind.__name__
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return f"NamedTuple ({', '.join(node._fields)})"
    if kind is tuple:
        return f"tuple of {len(node)}"
    if node is None:
        return "None"
    if kind in (np.ndarray, np.memmap) and node.dtype.str[1:] in _DTYPES:
        return f"{node.dtype.name} array {node.shape}"
    if isinstance(node, np.generic) and node.dtype.str[1:] in _DTYPES:
        return f"{node.dtype.name} scalar"
    raise TypeError(
        f"{place}: expected a tuple, a NamedTuple, an array of numbers, a number, a str or None,"
        f" got {describe(node)}; convert it, or leave it out"
    )


def _arrays(nodes: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays among the nodes of a tree; NumPy's scalars too, as arrays."""
    return {
        place: np.asarray(node)
        for place, node in nodes.items()
        if isinstance(node, np.ndarray | np.generic)
    }


def _texts(structure: str, kinds: Mapping[str, str]) -> dict[str, str]:
    """The texts of the plain values in a file's structure, which must agree with `kinds`."""
    import json

    try:
        saved = json.loads(structure)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_STRUCTURE}: expected JSON, got a text with {error!r}") from error
    if not isinstance(saved, dict) or not all(isinstance(text, str) for text in saved.values()):
        raise ValueError(f"{_STRUCTURE}: expected places and texts, got other JSON")
    if (found := saved.pop("format", "no format")) != _FORMAT:
        raise ValueError(f"{_STRUCTURE}: expected format {_FORMAT!r}, got {npz.printable(found)}")
    texts = {}
    for place, kind in kinds.items():
        got, _, texts[place] = saved.pop(place, "nothing").partition(" = ")
        if got != kind:
            raise ValueError(
                f"{place}: expected {kind} as in `like`, got {npz.printable(got)};"
                " load with a tree built like the one that was saved"
            )
    if saved:
        place = npz.printable(next(iter(saved)))
        raise ValueError(f"{place}: expected nothing there, as in `like`, got an entry")
    return texts


def _rebuilt(like: Any, leaves: Iterator[Any]) -> Any:
    """A tree with the tuples of `like` and other leaves."""
    if _branches(like):
        return rebuild(like, [_rebuilt(child, leaves) for child in like])
    return next(leaves)


def _leaf(place: str, like: Any, text: str, array: Array | None) -> Any:
    """The leaf in the place of `like`, from its text in the file or from its array."""
    if array is not None:
        return array if isinstance(like, np.ndarray) else array[()]
    if like is None:
        return None
    encode, decode = _VALUES[type(like)]
    with suppress(ValueError):
        value = decode(text)
        if encode(value) == text:
            return value
    kind = type(like).__name__
    raise ValueError(f"{place}: expected {kind} as fnn.save writes it, got {npz.printable(text)!r}")
