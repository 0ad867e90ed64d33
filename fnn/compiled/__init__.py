"""The compiled engine: small networks at the speed of C, behind the functions that fnn has.

`scan`, `forward` and `backprop` have the signatures, results and errors of fnn's; `train` runs many
epochs in one call, and `train_many` trains many networks on all cores. The pairs are compiled from
the very functions that the NumPy path calls, number by number. Needs numba (``fnn[compiled]``).

Results agree with those of the NumPy path within rounding: sums are taken in another order, and exp
may differ in the last bit. Batches of less than 2**17 numbers (rows times params) are multiplied by
compiled loops, larger ones by NumPy's BLAS, whatever the threads: about where the two take equally
long. For `forward` it is 2**15. It reads a pair once for each network that it remembers. Where a
loss of your own raises an exception, as by an index out of range, loss and gradient are NaN.
"""

from importlib.util import find_spec

if find_spec("numba") is None:
    raise ImportError(
        "fnn.compiled: expected numba to be installed, found none; pip install 'fnn[compiled]'"
    )

from fnn.compiled.engine import scan as scan
from fnn.compiled.epochs import Trained as Trained
from fnn.compiled.epochs import train as train
from fnn.compiled.latency import backprop as backprop
from fnn.compiled.latency import forward as forward
from fnn.compiled.many import Many as Many
from fnn.compiled.many import Prediction as Prediction
from fnn.compiled.many import ensemble as ensemble
from fnn.compiled.many import predict as predict
from fnn.compiled.many import train_many as train_many
