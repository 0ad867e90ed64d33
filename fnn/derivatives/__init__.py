"""Exact derivatives of every kind that a dense network has in closed form.

Each is a pure function of ``(acts, params, ...)`` for one sample or a batch, and docs/calculus.md
derives its formula.
"""

from fnn.derivatives.curvature import hessian as hessian
from fnn.derivatives.curvature import hvp as hvp
from fnn.derivatives.gauss_newton import diagonal_gauss_newton as diagonal_gauss_newton
from fnn.derivatives.gauss_newton import fisher_vp as fisher_vp
from fnn.derivatives.gauss_newton import gauss_newton_vp as gauss_newton_vp
from fnn.derivatives.gauss_newton import kfac_factors as kfac_factors
from fnn.derivatives.inputs import input_gradient as input_gradient
from fnn.derivatives.inputs import input_hessian as input_hessian
from fnn.derivatives.inputs import input_jacobian as input_jacobian
from fnn.derivatives.inputs import laplacian as laplacian
from fnn.derivatives.outputs import jacobian as jacobian
from fnn.derivatives.outputs import jvp as jvp
from fnn.derivatives.per_example import clipped_sum as clipped_sum
from fnn.derivatives.per_example import per_example_gradients as per_example_gradients
from fnn.derivatives.per_example import per_example_norms as per_example_norms
