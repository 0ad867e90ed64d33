"""Checkpoints: a tree of arrays and plain values in one file.

`save` writes a tree, such as params or a whole `fnn.State` with its key and epoch; `load` reads it,
given another tree of the same structure. A file is written completely or not at all, even if the
process is killed. It is an uncompressed ``.npz`` that `numpy.load` reads as well; no
pickle is involved, and nothing in a file is ever executed.
"""

from fnn.checkpoint._tree_file import load, save

__all__ = ["load", "save"]


def __dir__() -> list[str]:
    return __all__
