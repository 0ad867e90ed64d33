"""Exact derivatives of dense networks, each by its closed formula instead of autodiff.

Every function is a pure function of ``(acts, params, x)`` or ``(acts, loss, params, batch)``, for
one sample or for rows of samples. `fnn.backprop` has the gradient itself. Here are derivatives

- by the inputs: `input_gradient` of the loss; `input_jacobian`, `input_hessian` and `laplacian` of
  the outputs;
- of the outputs by the params: `jvp` along one direction, `jacobian` whole;
- of each sample's own loss by the params: `per_example_gradients`, their lengths
  `per_example_norms`, and `clipped_sum`;
- the second ones of the mean loss by the params: `hvp`, the product of the Hessian and a vector,
  and `hessian` whole; for the Gauss-Newton matrix `gauss_newton_vp`, `diagonal_gauss_newton` and
  `kfac_factors`, a pair of `Factors` for each layer; for the empirical Fisher matrix `fisher_vp`.

A function that needs a second derivative of a pair says so and names the pair that lacks it. All
of them share one forward pass and one walk backward through the layers. ``docs/calculus.md``
derives the formulas.
"""

from fnn.derivatives._by_inputs import input_gradient, input_hessian, input_jacobian, laplacian
from fnn.derivatives._by_params import jacobian, jvp
from fnn.derivatives._gauss_newton import (
    Factors,
    diagonal_gauss_newton,
    fisher_vp,
    gauss_newton_vp,
    kfac_factors,
)
from fnn.derivatives._hessian import hessian, hvp
from fnn.derivatives._per_example import clipped_sum, per_example_gradients, per_example_norms

__all__ = [
    "Factors",
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
