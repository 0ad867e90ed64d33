"""Training as a fold: one step, a pass, epochs, and `fit`."""

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
