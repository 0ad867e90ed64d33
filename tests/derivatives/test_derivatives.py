"""Every derivative against the complex step of textbook formulas, to rounding."""

from __future__ import annotations

import importlib.util
from typing import Any, NamedTuple

import numpy as np
import pytest

from fnn import Batch, Grads, LayerGrad, Params
from fnn.base import Acts, Array
from fnn.derivatives import (
    clipped_sum,
    diagonal_gauss_newton,
    fisher_vp,
    gauss_newton_vp,
    hessian,
    hvp,
    input_gradient,
    input_hessian,
    input_jacobian,
    jacobian,
    jvp,
    kfac_factors,
    laplacian,
    per_example_gradients,
    per_example_norms,
)
from fnn.tree import leaves, ravel
from tests.support import jax_oracle
from tests.support.networks import data, network
from tests.support.oracles import (
    ACTIVATIONS,
    LOSS_SLOPES,
    LOSSES,
    SLOPES,
    H,
    acts_named,
    outputs,
    pulled,
)
from tests.support.weights import weighted_slope

SHAPES = [  # sizes, rows (None: a sample), what has weights
    ((3, 2), 7, "rows"),
    ((2, 1), None, ""),
    ((2, 4, 3), 7, ""),  # more outputs than inputs: tangents are pushed
    ((3, 4, 2), 1, "rows"),
    ((3, 4, 2, 1), 7, "rows"),
    ((2, 3, 3), 6, "targets"),
    ((3, 2), None, "targets"),
]


class Case(NamedTuple):
    """A network, a batch and directions; and its truth, from complex steps, as plain matrices."""

    names: tuple[str, ...]
    acts: Acts
    params: Params
    batch: Batch
    vector: Grads
    x_tangent: Array

    @property
    def rows(self) -> tuple[Array, Array]:
        """The samples and targets as rows."""
        return np.atleast_2d(self.batch.x), np.atleast_2d(self.batch.y)

    @property
    def counts(self) -> Array:
        """The weight of each row; weights for each target are in its loss."""
        weight, n = self.batch.weight, len(self.rows[0])
        return np.ones(n) if weight is None or weight.shape == self.batch.y.shape else weight

    @property
    def share(self) -> Array:
        share: Array = self.counts / len(self.counts)
        return share

    @property
    def fractions(self) -> Array:
        """Each row's fraction of all weights."""
        weight, n = self.batch.weight, len(self.rows[0])
        mass = np.ones(n) if weight is None else weight.reshape(n, -1).sum(1)
        fractions: Array = mass / mass.sum()
        return fractions

    def slopes(self, loss: str, u: Array) -> Array:
        """Of each row's loss by its outputs u, for all rows."""
        weight, y = self.batch.weight, self.rows[1]
        if weight is None or weight.shape != self.batch.y.shape:
            return LOSS_SLOPES[loss](u, y)
        return weighted_slope(loss, u, y, np.atleast_2d(weight))

    def restored(self, rows: Array) -> Array:
        return rows if self.batch.x.ndim == 2 else rows[0]

    def moved(self, direction: Array) -> list[Array]:
        """The arrays of the params a complex step along a direction, given as a vector."""
        stepped = flat(self.params) + 1j * H * direction
        ends = np.cumsum([leaf.size for leaf in leaves(self.params)])[:-1]
        parts = np.split(stepped, ends)
        shapes = [leaf.shape for leaf in leaves(self.params)]
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def jacobian(self) -> Array:
        """Of the outputs by the params: (rows, n_out, P)."""
        x, _ = self.rows
        units = np.eye(flat(self.params).size)
        columns = [outputs(self.names, self.moved(unit), x).imag / H for unit in units]
        return np.stack(columns, axis=-1)

    def gradients(self, loss: str, arrays: list[Array]) -> list[Array]:
        """Each row's own gradient by the params and by its x, as one vector each."""
        found = []
        x, _ = self.rows
        bars = self.slopes(loss, outputs(self.names, arrays, x))
        for row, bar in zip(x, bars, strict=True):
            grads = pulled(self.names, arrays, row, bar)
            found.append(np.concatenate([g.ravel() for g in grads]))
        return found

    def hessians(self, loss: str) -> Array:
        """Of each row's loss by its outputs: (rows, n_out, n_out)."""
        u = outputs(self.names, list(leaves(self.params)), self.rows[0])
        units = np.eye(u.shape[1])
        return np.stack([self.slopes(loss, u + 1j * H * e).imag / H for e in units], axis=-1)


def case(name: str, shape: tuple[tuple[int, ...], int | None, str], loss: str) -> Case:
    sizes, rows, weighted = shape
    names = (name,) * (len(sizes) - 1)
    x, y, _ = data(len(sizes), loss, rows, sizes[0], sizes[-1])
    rng = np.random.default_rng(5)
    weight = rng.uniform(0.5, 2, y.shape if weighted == "targets" else rows) if weighted else None
    params = network(len(sizes) + 10, sizes)
    vector = tuple(LayerGrad(rng.normal(size=w.shape), rng.normal(size=b.shape)) for w, b in params)
    return Case(
        names, acts_named(names), params, Batch(x, y, weight), vector, rng.normal(size=x.shape)
    )


def near(got: Any, want: Array) -> None:
    """Within 1e-12 of the greatest entry, or of 1: some hundred roundings."""
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12 * scale, strict=True)


def flat(tree: Any) -> Array:
    return ravel(tree)[0]


every_act = pytest.mark.parametrize("name", ACTIVATIONS)
every_loss = pytest.mark.parametrize("loss", LOSSES)


@every_act
def test_the_textbook_slopes_are_those_of_the_textbook_functions(name: str) -> None:
    z = np.linspace(-4, 4, 50)
    near(SLOPES[name](z), ACTIVATIONS[name][1](z + 1j * H).imag / H)


@every_loss
def test_the_textbook_slopes_of_losses_are_those_of_the_textbook_losses(loss: str) -> None:
    _, y, _ = data(1, loss, 20, 3, 3)
    u = np.random.default_rng(1).normal(size=(20, 3))
    for e in np.eye(3):
        slopes = LOSSES[loss][1](u + 1j * H * e, y).imag / H
        near((LOSS_SLOPES[loss](u, y) * e).sum(-1), slopes)


@every_act
def test_derivatives_of_outputs_are_exact(name: str) -> None:
    for shape in SHAPES:
        c = case(name, shape, "squared_error")
        x, _ = c.rows
        arrays = list(leaves(c.params))
        truth = c.jacobian()
        near(jacobian(c.acts, c.params, c.batch.x), c.restored(truth))

        steps = x + 1j * H * np.atleast_2d(c.x_tangent)
        along = outputs(c.names, c.moved(flat(c.vector)), steps).imag / H
        output, moved = jvp(c.acts, c.params, c.batch.x, c.vector, c.x_tangent)
        near(output, c.restored(outputs(c.names, arrays, x)))
        near(moved, c.restored(along))
        near(jvp(c.acts, c.params, c.batch.x, c.vector)[1], c.restored(truth @ flat(c.vector)))

        units = np.eye(x.shape[1])
        columns = [outputs(c.names, arrays, x + 1j * H * e).imag / H for e in units]
        near(input_jacobian(c.acts, c.params, c.batch.x), c.restored(np.stack(columns, -1)))

        bent = np.array(
            [
                [
                    [pulled(c.names, arrays, row + 1j * H * e, bar)[-1].imag / H for e in units]
                    for bar in np.eye(truth.shape[1])
                ]
                for row in x
            ]
        )
        near(input_hessian(c.acts, c.params, c.batch.x), c.restored(bent))
        traces = np.trace(bent, axis1=2, axis2=3)
        near(laplacian(c.acts, c.params, c.batch.x), c.restored(traces))


@every_loss
@every_act
def test_derivatives_of_each_sample_are_exact(name: str, loss: str) -> None:
    for shape in SHAPES:
        c = case(name, shape, loss)
        given = c.acts, LOSSES[loss][0], c.params, c.batch
        width = c.params[0].w.shape[0]
        both = np.array(c.gradients(loss, list(leaves(c.params))))
        each, by_x = both[:, :-width], both[:, -width:]
        near(input_gradient(*given), c.restored(by_x))
        own = [g.reshape(len(each), -1) for g in leaves(per_example_gradients(*given))]
        near(np.concatenate(own, axis=1), each)
        norms = np.sqrt((each**2).sum(1))
        near(per_example_norms(*given), c.restored(norms[:, None])[..., 0])

        for most in (float(np.median(norms)) + 0.01, 1e6):
            scale = c.counts * np.minimum(1, most / np.maximum(norms, 1e-300))
            near(flat(clipped_sum(*given, most)), scale @ each)

        fisher = each.T @ (c.share[:, None] * each)
        near(flat(fisher_vp(*given, c.vector)), fisher @ flat(c.vector))


@every_loss
@every_act
def test_curvature_is_exact(name: str, loss: str) -> None:
    for shape in SHAPES:
        c = case(name, shape, loss)
        given = c.acts, LOSSES[loss][0], c.params, c.batch
        size = flat(c.params).size

        def times(direction: Array, c: Case = c, size: int = size) -> Array:
            stepped = np.array(c.gradients(loss, c.moved(direction)))[:, :size].imag / H
            return np.asarray(c.share @ stepped)

        near(flat(hvp(*given, c.vector)), times(flat(c.vector)))
        near(hessian(*given), np.array([times(unit) for unit in np.eye(size)]))

        j, h = c.jacobian(), c.hessians(loss)
        matrix = np.einsum("n,nkp,nkl,nlq->pq", c.share, j, h, j)
        near(flat(gauss_newton_vp(*given, c.vector)), matrix @ flat(c.vector))
        near(flat(diagonal_gauss_newton(*given)), np.diag(matrix).copy())


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared_error", "poisson"])
def test_kronecker_factors_are_the_means_of_their_outer_products(loss: str) -> None:
    """And for one sample their product is the layer's block of the Gauss-Newton matrix."""
    for shape in SHAPES:
        c = case("tanh", shape, loss)
        factors = kfac_factors(c.acts, LOSSES[loss][0], c.params, c.batch)
        j, h = c.jacobian(), c.hessians(loss)
        x, _ = c.rows
        start = 0
        for i, ((a, g), (w, b)) in enumerate(zip(factors, c.params, strict=True)):
            given = outputs(c.names[:i], list(leaves(c.params[:i])), x)
            extended = np.column_stack([given, np.ones(len(x))])
            near(a, extended.T @ (c.fractions[:, None] * extended))
            units = j[:, :, start + w.size : start + w.size + b.size]  # du/db = du/dz
            near(g, np.einsum("n,nko,nkl,nlp->op", c.share, units, h, units))
            block = slice(start, start + w.size + b.size)
            if len(x) == 1:
                whole = np.einsum("n,nkp,nkl,nlq->pq", c.share, j, h, j)
                near(np.kron(a, g), whole[block, block])
            start = block.stop


def by_complex_steps(act: str, loss: str, c: Case) -> dict[str, Array]:
    arrays, size = list(leaves(c.params)), flat(c.params).size
    both = np.array(c.gradients(loss, arrays))

    def times(direction: Array) -> Array:
        return np.asarray(c.share @ np.array(c.gradients(loss, c.moved(direction))).imag / H)

    jacobian = c.jacobian()
    return {
        "jvp": jacobian @ flat(c.vector),
        "jacobian": jacobian,
        "per_example_gradients": both[:, :size],
        "input_gradient": both[:, size:],
        "hvp": times(flat(c.vector))[:size],
        "hessian": np.array([times(unit)[:size] for unit in np.eye(size)]),
    }


def by_jax(act: str, loss: str, c: Case) -> dict[str, Array]:
    return jax_oracle.truths(act, loss, c.params, c.batch, c.vector)


ORACLES = {"complex steps": by_complex_steps}
if importlib.util.find_spec("jax"):
    ORACLES["jax"] = by_jax


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize(
    ("act", "loss"),
    [("sigmoid", "squared_error"), ("tanh", "softmax_cross_entropy"), ("silu", "poisson")],
)
def test_every_oracle_that_is_installed_agrees(act: str, loss: str, oracle: str) -> None:
    c = case(act, ((3, 4, 2), 7, "rows"), loss)
    given = c.acts, LOSSES[loss][0], c.params, c.batch
    each = [g.reshape(7, -1) for g in leaves(per_example_gradients(*given))]
    ours = {
        "jvp": jvp(c.acts, c.params, c.batch.x, c.vector)[1],
        "jacobian": jacobian(c.acts, c.params, c.batch.x),
        "input_jacobian": input_jacobian(c.acts, c.params, c.batch.x),
        "input_hessian": input_hessian(c.acts, c.params, c.batch.x),
        "per_example_gradients": np.concatenate(each, axis=1),
        "input_gradient": input_gradient(*given),
        "hvp": flat(hvp(*given, c.vector)),
        "hessian": hessian(*given),
        "laplacian": laplacian(c.acts, c.params, c.batch.x),
        "per_example_norms": per_example_norms(*given),
        "clipped_sum": flat(clipped_sum(*given, 1.0)),
        "gauss_newton_vp": flat(gauss_newton_vp(*given, c.vector)),
        "diagonal_gauss_newton": flat(diagonal_gauss_newton(*given)),
        "fisher_vp": flat(fisher_vp(*given, c.vector)),
    }
    for name, want in ORACLES[oracle](act, loss, c).items():
        near(ours[name], want)
