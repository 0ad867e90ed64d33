"""Online training agrees, loss by loss, with the source's algorithm written out in scalars."""

from __future__ import annotations

from itertools import islice, repeat

import numpy as np
import pytest

from fnn import Batch, init, key, samples, scan, start, step, train_step
from fnn.activations import sigmoid
from fnn.initializers import uniform
from fnn.losses import squared_error
from fnn.network import backprop
from fnn.optimizers import sgd
from fnn.random import fold_in
from fnn.random import uniform as draw
from fnn.train import epochs
from tests.support.reference import Reference

# One rounding in 2.2e-16 a step; what 8,000 steps make of it stays a hundred times below this.
CLOSE = 1e-12
# A loss is the square of a difference of numbers near 1: below 1e-5 their own rounding shows.
FLOOR = 1e-17


def one_hot_rows(n: int) -> Batch:
    return Batch(np.eye(n), np.eye(n))


def random_rows(n_in: int, n_out: int) -> Batch:
    return Batch(draw(key(1), (5, n_in), -1.0, 1.0), draw(key(3), (5, n_out), 0.1, 0.9))


CASES = {
    (8, 3, 8): one_hot_rows(8),
    (2, 1): random_rows(2, 1),
    (4, 5, 1): random_rows(4, 1),
    (3, 4, 3, 2): random_rows(3, 2),
    (2, 3, 4, 3, 2): random_rows(2, 2),
}


@pytest.mark.parametrize("sizes", CASES, ids=str)
@pytest.mark.parametrize("mu", [1.0, 0.3])
def test_online_losses_and_params_follow_the_scalar_algorithm(
    sizes: tuple[int, ...], mu: float
) -> None:
    data = CASES[sizes]
    params = init(key(3), sizes, uniform(), uniform())
    reference = Reference([w.tolist() for w, _ in params], [b.tolist() for _, b in params])
    update = train_step((sigmoid,) * len(params), squared_error, sgd(mu / 2))
    state = start(update.optimizer, params)
    rows = list(zip(data.x.tolist(), data.y.tolist(), strict=True))
    for epoch in range(1, 1001):
        state, losses = scan(update, state, samples(data))
        expected = [reference.train_one(x, y, mu) for x, y in rows]
        np.testing.assert_allclose(losses, expected, CLOSE, FLOOR, err_msg=f"epoch {epoch}")
        if epoch in (1, 10, 1000):
            for layer, w, b in zip(state.params, reference.w, reference.b, strict=True):
                np.testing.assert_allclose(layer.w, w, rtol=CLOSE, atol=CLOSE)
                np.testing.assert_allclose(layer.b, b, rtol=CLOSE, atol=CLOSE)


def test_a_hand_composed_loop_walks_the_same_path_as_the_fold() -> None:
    data, acts = one_hot_rows(8), (sigmoid, sigmoid)
    params = init(key(4), (8, 3, 8), uniform(), uniform())
    update = train_step(acts, squared_error, sgd(0.5))
    *_, last = islice(epochs(update, start(update.optimizer, params), repeat(samples(data))), 10)
    total = 0.0
    for _ in range(10):
        total = 0.0
        for batch in samples(data):
            value, grads = backprop(acts, squared_error, params, batch)
            params = step(params, grads, 0.5)
            total += value
    assert last.number == 10
    assert last.loss == pytest.approx(total / 8, rel=1e-15)
    for layer, other in zip(last.state.params, params, strict=True):
        np.testing.assert_array_equal(layer.w, other.w)
        np.testing.assert_array_equal(layer.b, other.b)


def test_the_exact_derivative_is_twice_the_step_of_the_source() -> None:
    data = one_hot_rows(4)
    params = init(fold_in(key(5), 0), (4, 2, 4), uniform(), uniform())
    _, grads = backprop((sigmoid, sigmoid), squared_error, params, Batch(data.x[1], data.y[1]))
    reference = Reference([w.tolist() for w, _ in params], [b.tolist() for _, b in params])
    reference.train_one(data.x[1].tolist(), data.y[1].tolist(), 1.0)
    for layer, grad, w in zip(params, grads, reference.w, strict=True):
        np.testing.assert_allclose(np.array(w) - layer.w, -0.5 * grad.w, rtol=1e-9, atol=1e-16)
