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

from fnn.solvers.bayesian import BayesianState as BayesianState
from fnn.solvers.bayesian import bayesian_regularization as bayesian_regularization
from fnn.solvers.bridge import Objective as Objective
from fnn.solvers.bridge import lbfgs as lbfgs
from fnn.solvers.bridge import objective as objective
from fnn.solvers.conjugate import DescentState as DescentState
from fnn.solvers.conjugate import scaled_conjugate_gradient as scaled_conjugate_gradient
from fnn.solvers.influence import LeaveOneOut as LeaveOneOut
from fnn.solvers.influence import leave_one_out as leave_one_out
from fnn.solvers.levenberg import LevenbergState as LevenbergState
from fnn.solvers.levenberg import Stop as Stop
from fnn.solvers.levenberg import levenberg_marquardt as levenberg_marquardt
from fnn.solvers.posterior import Interval as Interval
from fnn.solvers.posterior import predict_interval as predict_interval
