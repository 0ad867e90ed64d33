"""Training is a fold: a state and a batch give the next state and the loss.

`train_step` makes the update ``(state, batch) -> (state, loss)``, and `start` the first state.
``scan(update, state, pass_)`` trains for one pass over the data, `epochs` for one after another, as
a lazy sequence. `fit` puts these together with held-out data, patience and the best params: its
source shows how to write a loop of one's own.

An exception that ends `fit`, `epochs` or `fnn.compiled.train` carries what was learned:
`progress_of` returns it, a `Fit` from which `fit` goes on. `reduce_on_plateau` lowers a rate where
the loss stays, and `guard` ends loops of one's own where a loss is not finite.
"""

from fnn.train._constant import WorseThanConstantWarning
from fnn.train._divergence import DivergenceError
from fnn.train._epochs import Engine, Epoch, epochs
from fnn.train._fit import fit
from fnn.train._folds import fold, scan
from fnn.train._guard import GuardedStep, guard
from fnn.train._plateau import Fall, PlateauState, observe, reduce_on_plateau
from fnn.train._progress import Fit, History, progress_of, progress_of_each
from fnn.train._step import TrainStep, start, train_step

__all__ = [
    "DivergenceError",
    "Engine",
    "Epoch",
    "Fall",
    "Fit",
    "GuardedStep",
    "History",
    "PlateauState",
    "TrainStep",
    "WorseThanConstantWarning",
    "epochs",
    "fit",
    "fold",
    "guard",
    "observe",
    "progress_of",
    "progress_of_each",
    "reduce_on_plateau",
    "scan",
    "start",
    "train_step",
]


def __dir__() -> list[str]:
    return __all__
