"""What a cell ends in prints for people: large arrays and long histories by a few words."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from fnn import Batch, derivatives, fit, init, key, samples, solvers, start, trace, train_step
from fnn.activations import identity, tanh
from fnn.data import standardize
from fnn.losses import squared_error
from fnn.optimizers import ema
from fnn.train import epochs
from tests.support.optimizers import CASES

ACTS = (tanh, identity)
PARAMS = init(key(0), (3, 8, 1))
X = np.linspace(-1.0, 1.0, 90).reshape(30, 3)
DATA = Batch(X, np.sin(X.sum(axis=1, keepdims=True)))
UPDATE = train_step(ACTS, squared_error, CASES["adam"])
STATE = start(UPDATE.optimizer, PARAMS)


def last(states: Any) -> Any:
    *_, state = islice(states, 5)
    return state


BAYES = last(solvers.bayesian_regularization(ACTS, PARAMS, DATA))
POSTERIOR = solvers.posterior(ACTS, BAYES, DATA)
VALUES: dict[str, Any] = {
    "params": PARAMS,
    "a batch": DATA,
    "a state": STATE,
    "a trace": trace(ACTS, PARAMS, X),
    "an epoch": next(epochs(UPDATE, STATE, [samples(DATA)])),
    "a fit": fit(
        ACTS,
        squared_error,
        UPDATE.optimizer,
        PARAMS,
        DATA,
        key=key(1),
        batch_size=30,
        max_epochs=200,
    ),
    "a scaling": standardize(np.ones((2, 30)))[1],
    "factors": derivatives.kfac_factors(ACTS, squared_error, PARAMS, DATA),
    "Levenberg-Marquardt": last(solvers.levenberg_marquardt(ACTS, PARAMS, DATA)),
    "Bayes": BAYES,
    "a posterior": POSTERIOR,
    "an interval": solvers.predict_interval(ACTS, POSTERIOR, X),
    "conjugate gradients": last(
        solvers.scaled_conjugate_gradient(ACTS, squared_error, PARAMS, DATA)
    ),
    "leave one out": solvers.leave_one_out(ACTS, PARAMS, DATA, penalty=0.1),
    "a finished solver": solvers.finish(solvers.levenberg_marquardt(ACTS, PARAMS, DATA)),
    "an average": ema(0.9).init(PARAMS),
}
VALUES |= {name: optimizer.init(PARAMS) for name, optimizer in CASES.items()}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_prints_in_few_words(name: str) -> None:
    text = repr(VALUES[name])
    assert len(text) < 1500
