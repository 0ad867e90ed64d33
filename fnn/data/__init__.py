"""Data: arrays, files and streams as passes over batches, with scaling, splits and labels."""

from fnn.data._labels import balanced_weights, one_hot
from fnn.data._passes import Minibatches, Pass, Samples, minibatches, samples
from fnn.data._scaling import Scaling, absorb, min_max, standardize
from fnn.data._chunks import Batches, Chunk, Chunks, Source, batches_from, chunked
from fnn.data._splits import split
from fnn.data._csv import csv_tables

__all__ = [
    "Batches",
    "Chunk",
    "Chunks",
    "Minibatches",
    "Pass",
    "Samples",
    "Scaling",
    "Source",
    "absorb",
    "balanced_weights",
    "batches_from",
    "chunked",
    "csv_tables",
    "min_max",
    "minibatches",
    "one_hot",
    "samples",
    "split",
    "standardize",
]


def __dir__() -> list[str]:
    return __all__
