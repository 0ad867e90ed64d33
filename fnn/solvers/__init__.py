"""Second-order training: lazy sequences of states, as `fnn.train.epochs` is one.

`islice` limits them, `takewhile` stops them, a progress bar wraps them. Every state is a
``NamedTuple`` of plain values, and the last one's ``stop`` says why there is no other.

- `levenberg_marquardt` for sums of squares of up to some thousand params: MATLAB's ``trainlm``.
- `bayesian_regularization`, the same with as much weight decay as the data ask for (``trainbr``);
  `predict_interval` then tells how sure the network is.
- `scaled_conjugate_gradient` for any loss whose second derivative is known (``trainscg``).
- `lbfgs` and, through `objective`, every other minimizer of SciPy (extra ``scipy``).
- `leave_one_out` tells how much each training sample has bent the fit, without refitting.
"""

from fnn.solvers._bayesian import BayesianState, bayesian_regularization
from fnn.solvers._conjugate_gradient import DescentState, scaled_conjugate_gradient
from fnn.solvers._leave_one_out import LeaveOneOut, leave_one_out
from fnn.solvers._levenberg import LevenbergState, Stop, levenberg_marquardt
from fnn.solvers._posterior import Interval, predict_interval
from fnn.solvers._scipy import Objective, lbfgs, objective

__all__ = [
    "BayesianState",
    "DescentState",
    "Interval",
    "LeaveOneOut",
    "LevenbergState",
    "Objective",
    "Stop",
    "bayesian_regularization",
    "lbfgs",
    "leave_one_out",
    "levenberg_marquardt",
    "objective",
    "predict_interval",
    "scaled_conjugate_gradient",
]


def __dir__() -> list[str]:
    return __all__
