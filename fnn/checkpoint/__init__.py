"""Checkpoints: a tree of arrays and plain values as one file, complete or not there at all."""

from fnn.checkpoint._tree_file import load, save

__all__ = ["load", "save"]


def __dir__() -> list[str]:
    return __all__
