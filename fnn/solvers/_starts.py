"""Several starts of a Bayesian fit, ranked by the evidence for where they end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fnn._core.masks import Mask
from fnn._core.numbers import whole
from fnn.base import Acts, Batch, F, Params
from fnn.random import Key, split
from fnn.solvers._bayesian import BayesianState, bayesian_regularization
from fnn.solvers._finish import finish


def bayesian_starts(
    key: Key,
    n: int,
    acts: Acts,
    init_fn: Callable[[Key], Params[F]],
    data: Batch,
    *,
    min_grad: float = 1e-7,
    mu: float = 1e-2,
    mu_max: float = 1e10,
    max_steps: int | None = 1000,
    mask: Mask | None = None,
    chunk: int | None = None,
) -> tuple[BayesianState[F], ...]:
    """Run `bayesian_regularization` from n starts; give the last states, the most probable first.

    `init_fn` makes the params of each start from one of n keys split from `key`. The states are in
    the order of their ``log_evidence``: no data need be held out to choose among them. All other
    arguments and errors are those of `bayesian_regularization`; `ValueError` too for n below 1.
    Source: MacKay, "Bayesian interpolation", 1992, section 5.

    >>> from fnn import init
    >>> from fnn.activations import identity, tanh
    >>> from fnn.random import key, normal
    >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> data = Batch(x, np.sin(3 * x) + 0.1 * normal(key(0), x.shape))
    >>> best, *others = bayesian_starts(
    ...     key(1), 3, (tanh, identity), lambda k: init(k, (1, 6, 1)), data, max_steps=100)
    >>> all(best.log_evidence >= other.log_evidence for other in others)
    True
    """
    options = {"min_grad": min_grad, "mu": mu, "mu_max": mu_max}
    ends = [
        finish(
            bayesian_regularization(
                acts, init_fn(k), data, max_steps=max_steps, mask=mask, chunk=chunk, **options
            )
        ).state
        for k in split(key, whole("n", n, 1))
    ]
    return tuple(sorted(ends, key=_rank))


def _rank(state: BayesianState[F]) -> float:
    """Minus the evidence; last what is not a number."""
    return np.inf if np.isnan(state.log_evidence) else -state.log_evidence
