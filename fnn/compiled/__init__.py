"""The compiled engine: small networks at the speed of C, behind the functions that fnn has.

`scan`, `forward` and `backprop` have the signatures, results and errors of fnn's; `train` runs many
epochs in one call, and `train_many` trains many networks on all cores. The pairs are compiled from
the very functions that the NumPy path calls, number by number. Needs numba (``fnn[compiled]``).

Results agree with those of the NumPy path within rounding: sums are taken in another order, and exp
may differ in the last bit. Batches of less than 3 * 2**16 rows times params are multiplied by
compiled loops, larger ones by NumPy's BLAS, whatever the threads. On six networks and both dtypes
(``python -m benchmarks.crossover``) loops took 0.75 to 1.1 times as long as BLAS at 2**17, and 0.9
to 1.3 at 2**18. For `forward`, which reads a pair once for each network that it remembers, the
limit is 2**16.

A loss of your own that raises an exception, as for an index out of range, is NaN in machine code,
and so is its gradient; `train` then raises the exception that Python raises.

Four internal rooms work together, each of which imports only from those before it:

- ``_plan`` turns values into tables of numbers: networks into padded vectors, passes over data into
  row numbers, optimizers into lists of operations. It knows neither numba nor machine code.
- ``_code`` is Python that becomes machine code, and reads those tables: one sample's forward and
  backward pass, the optimizers, the loops around the functions of pairs.
- ``_build`` compiles it with numba, and keeps the machine code in files, under names that hash all
  that it depends on.
- ``_runtime`` has the functions above: it plans, asks ``_build`` for addresses, calls them, and
  turns what the tables hold afterwards into states again.
"""

from importlib.util import find_spec

if find_spec("numba") is None:
    raise ImportError(
        "fnn.compiled: expected numba to be installed, found none; pip install 'fnn[compiled]'"
    )

from fnn.compiled._runtime.evaluate import backprop, forward
from fnn.compiled._runtime.many import Many, Prediction, ensemble, predict, train_many
from fnn.compiled._runtime.scan import scan
from fnn.compiled._runtime.train import Trained, train

__all__ = [
    "Many",
    "Prediction",
    "Trained",
    "backprop",
    "ensemble",
    "forward",
    "predict",
    "scan",
    "train",
    "train_many",
]


def __dir__() -> list[str]:
    return __all__
