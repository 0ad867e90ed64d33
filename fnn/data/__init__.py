"""Data: arrays, files and streams become passes over batches; scaling, splits and labels.

A data set is one `fnn.Batch` of arrays: rows of samples, their targets and, if need be, weights, of
which only the ratios matter: passes over arrays divide them by their mean.
A pass reads it once; it is a value, and iterating it again gives the same batches.

- `samples` and `minibatches` make passes over arrays; their classes `Samples` and `Minibatches`
  are sequences, each a `Pass`.
- `batches_from` makes a pass, `Batches`, over data larger than memory: a `Source` of `Chunk` after
  `Chunk`. `chunked` cuts arrays on disk into such chunks (`Chunks`), and `csv_tables` reads a CSV
  file piece by piece.
- `split` holds out rows for tests, class by class if need be.
- `standardize` and `min_max` scale columns; the `Scaling` that they return does the same to other
  data, and `absorb` builds it into the params of a network.
- `one_hot` turns class labels into targets; `balanced_weights` gives rare classes their weight.
"""

from fnn.data._chunks import Batches, Chunk, Chunks, Source, batches_from, chunked
from fnn.data._csv import csv_tables
from fnn.data._labels import balanced_weights, one_hot
from fnn.data._passes import Minibatches, Pass, Samples, minibatches, samples
from fnn.data._scaling import Scaling, absorb, min_max, standardize
from fnn.data._splits import split

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
