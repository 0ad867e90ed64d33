"""Second-order training: lazy sequences of states, as `fnn.train.epochs` is one.

A solver returns an iterator. `islice` limits it, `takewhile` stops it, a progress bar wraps it.
Every state is a ``NamedTuple`` of plain values, ``params`` among them, and the last one's ``stop``
says why there is no other. `finish` runs one to its end, and gives the best state and the history,
`Finished`. Data may be in any units: all four solvers standardize them inside.

- `levenberg_marquardt` minimizes the squared error of networks of up to some thousand params, as
  MATLAB's ``trainlm``; each `LevenbergState` ends with its `Stop`.
- `bayesian_regularization` does the same with as much weight decay as the data ask for, as MATLAB's
  ``trainbr``; `bayesian_starts` does so from several starts and ranks them by their evidence. From
  the last `BayesianState`, `posterior` makes a `Posterior`, and `predict_interval` of that and an x
  an output and the ends of its error bar, an `Interval`.
- `scaled_conjugate_gradient` minimizes any loss with a known second derivative, as MATLAB's
  ``trainscg``; its states are `DescentState`.
- `lbfgs` minimizes any loss by SciPy (extra ``scipy``), with the same states. `objective` makes an
  `Objective`, the loss as a function of one vector, for every other minimizer of SciPy.
- `leave_one_out` estimates each training sample's residual and leverage without refitting, as a
  `LeaveOneOut`.
"""

from fnn.solvers._bayesian import BayesianState, bayesian_regularization
from fnn.solvers._conjugate_gradient import DescentState, scaled_conjugate_gradient
from fnn.solvers._finish import Finished, finish
from fnn.solvers._leave_one_out import LeaveOneOut, leave_one_out
from fnn.solvers._levenberg import LevenbergState, levenberg_marquardt
from fnn.solvers._posterior import Interval, Posterior, posterior, predict_interval
from fnn.solvers._scipy import Objective, lbfgs, objective
from fnn.solvers._starts import bayesian_starts
from fnn.solvers._stops import Stop

__all__ = [
    "BayesianState",
    "DescentState",
    "Finished",
    "Interval",
    "LeaveOneOut",
    "LevenbergState",
    "Objective",
    "Posterior",
    "Stop",
    "bayesian_regularization",
    "bayesian_starts",
    "finish",
    "lbfgs",
    "leave_one_out",
    "levenberg_marquardt",
    "objective",
    "posterior",
    "predict_interval",
    "scaled_conjugate_gradient",
]


def __dir__() -> list[str]:
    return __all__
