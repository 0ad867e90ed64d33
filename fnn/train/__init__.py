"""Training is a fold: a state and a batch give the next state and the loss.

`train_step` makes the update ``(state, batch) -> (state, loss)``, and `start` the first state.
``scan(update, state, pass_)`` trains for one pass over the data, `epochs` for one after another, as
a lazy sequence. `fit` puts these together with held-out data, patience and the best params: its
source shows how to write a loop of one's own.
"""

from fnn.train._epochs import DivergenceError, Engine, Epoch, epochs
from fnn.train._fit import Fit, History, fit
from fnn.train._folds import fold, scan
from fnn.train._step import TrainStep, start, train_step

__all__ = [
    "DivergenceError",
    "Engine",
    "Epoch",
    "Fit",
    "History",
    "TrainStep",
    "epochs",
    "fit",
    "fold",
    "scan",
    "start",
    "train_step",
]


def __dir__() -> list[str]:
    return __all__
