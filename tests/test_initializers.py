"""Initializers have the bounds and the moments of their formulas, for every shape and dtype."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import Batch, compiled, init, initializers, key, minibatches, start, train_step
from fnn.activations import identity, tanh
from fnn.initializers import Initializer
from fnn.losses import sigmoid_cross_entropy
from fnn.network import mean_loss
from fnn.optimizers import adam
from fnn.random import fold_in, split
from fnn.train import epochs
from fnn.tree import leaves

DOUBLE = np.dtype(np.float64)
SHAPES = [(300, 400), (400, 300), (50, 2000), (2000, 50), (60_000, 1), (1, 60_000)]

# The variance by fan_in and fan_out, from the papers.
VARIANCES: dict[str, Callable[[int, int], float]] = {
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
    "lecun": lambda n_in, n_out: 1 / n_in,
}
UNIFORM: dict[str, Initializer] = {
    "glorot": initializers.glorot_uniform,
    "he": initializers.he_uniform,
    "lecun": initializers.lecun_uniform,
}
NORMAL: dict[str, Initializer] = {
    "glorot": initializers.glorot_normal,
    "he": initializers.he_normal,
    "lecun": initializers.lecun_normal,
}
ALL: dict[str, Initializer] = {
    "zeros": initializers.zeros,
    "constant": initializers.constant(0.3),
    "uniform": initializers.uniform(-0.1, 0.7),
    "normal": initializers.normal(0.4),
    **{f"{name} uniform": draw for name, draw in UNIFORM.items()},
    **{f"{name} normal": draw for name, draw in NORMAL.items()},
    "orthogonal": initializers.orthogonal,
}
each_initializer = pytest.mark.parametrize("draw", ALL.values(), ids=ALL)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@each_shape
@pytest.mark.parametrize("name", VARIANCES)
def test_uniform_ones_fill_their_bounds_and_have_their_variance(
    name: str, shape: tuple[int, int]
) -> None:
    """Five sigma of the sample variance: that of U(-1, 1)^2 is 4/45, against a mean of 1/3."""
    values, variance = UNIFORM[name](key(0), shape, DOUBLE), VARIANCES[name](*shape)
    limit = math.sqrt(3 * variance)
    assert 0.999 * limit < np.abs(values).max() <= limit
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)
    assert values.var() / variance == pytest.approx(1, abs=5 * math.sqrt(0.8 / values.size))


@each_shape
@pytest.mark.parametrize("name", VARIANCES)
def test_normal_ones_have_their_variance_and_their_tails(name: str, shape: tuple[int, int]) -> None:
    values, variance = NORMAL[name](key(0), shape, DOUBLE), VARIANCES[name](*shape)
    n = values.size
    assert abs(values.mean()) < 5 * math.sqrt(variance / n)
    assert values.var() / variance == pytest.approx(1, abs=5 * math.sqrt(2 / n))
    beyond = np.mean(np.abs(values) > 2 * math.sqrt(variance))  # cut tails would have none
    assert beyond == pytest.approx(0.0455, abs=5 * math.sqrt(0.0455 / n))


@pytest.mark.parametrize("shape", [(5, 5), (9, 4), (4, 9), (1, 6), (6, 1), (1, 1), (200, 30)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_orthogonal_matrices_are_orthonormal_along_their_shorter_side(
    shape: tuple[int, int], dtype: Any
) -> None:
    w = initializers.orthogonal(key(1), shape, np.dtype(dtype))
    assert w.shape == shape
    small = w.T @ w if shape[0] >= shape[1] else w @ w.T
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(small, np.eye(min(shape)), rtol=0, atol=10 * max(shape) * eps)


def test_orthogonal_matrices_are_uniform_over_the_group() -> None:
    """Of 2x2 matrices half are reflections, and every angle is as likely (no sign is favored)."""
    draws = np.array([initializers.orthogonal(k, (2, 2), DOUBLE) for k in split(key(2), 2000)])
    assert np.mean(np.linalg.det(draws) < 0) == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(2000))
    angles = np.sort(np.arctan2(draws[:, 0, 1], draws[:, 0, 0])) / (2 * math.pi) + 0.5
    assert np.abs(angles - np.arange(2000) / 2000).max() < 2.2 / math.sqrt(2000)  # KS
    assert np.sign(draws).mean(axis=0) == pytest.approx(0, abs=5 / math.sqrt(2000))


def test_plain_ones_are_what_they_say() -> None:
    shape = (300, 200)
    np.testing.assert_array_equal(initializers.zeros(key(0), shape, DOUBLE), np.zeros(shape))
    np.testing.assert_array_equal(initializers.constant(-2)(key(0), (3,), DOUBLE), [-2.0, -2, -2])
    flat = initializers.uniform(-1.0, 5.0)(key(0), shape, DOUBLE)
    assert -1.0 <= flat.min() < -0.999 < 4.999 < flat.max() < 5.0
    unit = initializers.uniform()(key(0), shape, DOUBLE)
    assert 0.0 <= unit.min() < 0.001 < 0.999 < unit.max() < 1.0
    bell = initializers.normal(0.5)(key(0), shape, DOUBLE)
    assert bell.std() == pytest.approx(0.5, rel=5 / math.sqrt(2 * bell.size))
    np.testing.assert_array_equal(initializers.normal(0)(key(0), (3,), DOUBLE), np.zeros(3))


@each_initializer
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_narrower_weights_are_the_float64_ones_rounded(draw: Initializer, dtype: Any) -> None:
    narrow, wide = draw(key(3), (6, 5), np.dtype(dtype)), draw(key(3), (6, 5), DOUBLE)
    assert narrow.dtype == dtype
    np.testing.assert_array_equal(narrow, wide.astype(dtype))
    assert not narrow.flags.writeable


@each_initializer
@given(seed=st.integers(0, 2**64), shape=st.tuples(st.integers(1, 6), st.integers(1, 6)))
def test_the_key_and_the_shape_determine_the_values(
    draw: Initializer, seed: int, shape: tuple[int, int]
) -> None:
    values = draw(key(seed), shape, DOUBLE)
    assert values.shape == shape
    np.testing.assert_array_equal(values, draw(key(seed), shape, DOUBLE))
    if len(np.unique(values)) > 1:
        assert not np.array_equal(values, draw(fold_in(key(seed), 0), shape, DOUBLE))


@pytest.mark.parametrize("name", ["zeros", "constant", "uniform", "normal"])
def test_a_bias_takes_the_unscaled_ones(name: str) -> None:
    assert ALL[name](key(0), (4,), DOUBLE).shape == (4,)


def test_init_gives_every_layer_and_part_a_key_of_its_own() -> None:
    flat = initializers.uniform()
    params = init(key(0), (3, 3, 3), flat, flat)
    firsts = [leaf.flat[0] for leaf in leaves(params)]
    assert len(set(firsts)) == 4
    deeper = init(key(0), (3, 3, 3, 3), flat, flat)
    for a, b in zip(leaves(deeper[:2]), leaves(params), strict=True):
        np.testing.assert_array_equal(a, b)  # a layer more leaves the first ones as they were
    w_key, b_key = split(fold_in(key(0), 1))
    np.testing.assert_array_equal(params[1].w, flat(w_key, (3, 3), DOUBLE))
    np.testing.assert_array_equal(params[1].b, flat(b_key, (3,), DOUBLE))


def test_the_default_is_glorot_uniform_and_biases_in_a_range_of_the_inputs() -> None:
    params, limit = init(key(7), (30, 20, 1000)), 0.0
    for i, (w, b) in enumerate(params):
        w_key, b_key = split(fold_in(key(7), i))
        np.testing.assert_array_equal(w, initializers.glorot_uniform(w_key, w.shape, DOUBLE))
        limit = len(w) ** -0.5
        drawn = initializers.uniform(-limit, limit)(b_key, b.shape, DOUBLE)
        np.testing.assert_array_equal(b, drawn)
    assert 0.99 < np.abs(params[1].b).max() * 20**0.5 <= 1
    assert not any(b.any() for _, b in init(key(7), (3, 2), b_init=initializers.zeros))


def spiral(turns: float) -> Batch:
    """Two arms of 200 points each within the unit circle, told by 0 and 1."""
    angle = np.sqrt(np.random.default_rng(0).random(200)) * turns * np.pi
    arm = np.column_stack([np.cos(angle), np.sin(angle)]) * (angle / (turns * np.pi))[:, None]
    return Batch(np.concatenate([arm, -arm]), np.repeat([[1.0], [0.0]], 200, axis=0))


@pytest.mark.parametrize("seed", range(5))
def test_the_two_arms_of_a_spiral_are_told_apart_from_every_seed(seed: int) -> None:
    """With zero biases the loss stays above 0.15 for all five."""
    acts = tanh, tanh, identity
    update = train_step(acts, sigmoid_cross_entropy, adam(0.01))
    state = start(update.optimizer, init(key(seed), (2, 24, 24, 1)))
    data = spiral(3.0)
    passes = (minibatches(fold_in(key(100 + seed), i), 32, data) for i in range(200))
    for epoch in epochs(update, state, passes, compiled.scan):
        state = epoch.state
    assert mean_loss(acts, sigmoid_cross_entropy, state.params, data) < 0.05


def test_the_first_weights_never_change() -> None:
    """Golden values: a change would silently change every seeded run."""
    (layer,) = init(key(2024), (2, 2))
    np.testing.assert_array_equal(
        layer.w,
        [[1.1069641577694496, 0.7528172748129012], [-0.43384116885253265, 0.4672947552369926]],
    )


def test_signals_keep_their_size_through_deep_layers() -> None:
    """What the scales are for: 20 layers of relu with He's weights neither fade nor blow up."""
    a = init(key(1), (200, 200), initializers.normal(1.0))[0].w
    for i in range(20):
        (layer,) = init(fold_in(key(0), i), (200, 200), initializers.he_normal)
        a = np.maximum(a @ layer.w, 0)
    assert 0.5 < math.sqrt(np.mean(a**2)) < 2.0


FACTORIES = {
    "constant": initializers.constant(0.5),
    "uniform": initializers.uniform(-1.0, 2.0),
    "normal": initializers.normal(0.3),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_initializers_pickle(name: str) -> None:
    draw = FACTORIES[name]
    again = pickle.loads(pickle.dumps(draw))
    arguments = (key(0), (3, 2), DOUBLE)
    np.testing.assert_array_equal(again(*arguments), draw(*arguments))
