"""Exact derivatives of every kind that a dense network has in closed form.

Each is a pure function of ``(acts, params, ...)`` for one sample or a batch, and docs/calculus.md
derives its formula.
"""

from fnn.derivatives._hessian import hessian, hvp
from fnn.derivatives._gauss_newton import (
    diagonal_gauss_newton,
    fisher_vp,
    gauss_newton_vp,
    kfac_factors,
)
from fnn.derivatives._by_inputs import input_gradient, input_hessian, input_jacobian, laplacian
from fnn.derivatives._by_params import jacobian, jvp
from fnn.derivatives._per_example import clipped_sum, per_example_gradients, per_example_norms

__all__ = [
    "clipped_sum",
    "diagonal_gauss_newton",
    "fisher_vp",
    "gauss_newton_vp",
    "hessian",
    "hvp",
    "input_gradient",
    "input_hessian",
    "input_jacobian",
    "jacobian",
    "jvp",
    "kfac_factors",
    "laplacian",
    "per_example_gradients",
    "per_example_norms",
]


def __dir__() -> list[str]:
    return __all__
