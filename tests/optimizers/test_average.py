"""The moving average of params is the mean with decaying weights, as optax's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fnn import Layer, Params, init, key
from fnn.optimizers import EmaState, adam, ema
from fnn.random import normal
from fnn.tree import leaves


def trees(count: int, dtype: Any = np.float64) -> list[tuple[Params[Any], Any]]:
    return [
        (init(key(i), (3, 4, 2), dtype=dtype), normal(key(i), 5, dtype=dtype)) for i in range(count)
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.97])
def test_it_is_the_mean_weighted_by_powers_of_the_decay(decay: float, dtype: Any) -> None:
    average = ema(decay)
    plain = ema(decay, debias=False)
    seen = trees(200, dtype)
    state = before = average.init(seen[0])
    smooth = mean = seen[0]
    for tree in seen:
        smooth, state = average.update(tree, state)
        mean, before = plain.update(tree, before)
    weights = decay ** np.arange(199.0, -1.0, -1.0)
    assert state.steps == before.steps == 200
    close = 30 * float(np.finfo(dtype).eps)  # of a sum of 200 terms
    columns = zip(*map(leaves, seen), strict=True)
    for got, biased, values in zip(leaves(smooth), leaves(mean), columns, strict=True):
        want = np.tensordot(weights / weights.sum(), np.array(values, np.float64), 1)
        np.testing.assert_allclose(got, want, rtol=close, atol=close)
        np.testing.assert_allclose(biased, want * (1 - decay**200), rtol=close, atol=close)
        assert got.dtype == biased.dtype == dtype
        assert not got.flags.writeable
    assert type(smooth[0][0]) is Layer


def test_the_first_mean_is_the_first_params_and_arguments_are_only_read() -> None:
    first, second = trees(2)
    average = ema(0.9)
    state = average.init(first)
    before = [array.tobytes() for array in leaves((first, second))]
    smooth, state = average.update(first, state)
    for got, want in zip(leaves(smooth), leaves(first), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-15)
    average.update(second, state)
    assert [array.tobytes() for array in leaves((first, second))] == before


def test_it_prints_as_the_call_that_makes_it() -> None:
    assert repr(ema(0.9)) == "ema(0.9)"
    assert repr(ema(0.9, debias=False)) == "ema(0.9, debias=False)"


def test_what_does_not_fit_is_told() -> None:
    tree, other = trees(1)[0], init(key(0), (3, 2))
    average = ema(0.9)
    wrong: Any = adam(0.1).init(tree)
    words: Any = "yes"
    with pytest.raises(ValueError, match=r"^decay: expected a number from 0 to below 1, got 1\.0"):
        ema(1.0)
    with pytest.raises(TypeError, match=r"^debias: expected True or False, got str 'yes'"):
        ema(0.9, words)
    with pytest.raises(TypeError, match=r"^state: expected EmaState, got AdamState"):
        average.update(tree, wrong)
    with pytest.raises(ValueError, match=r"^state\.mean: expected 1 layers like params, got 2"):
        average.update(other, average.init(init(key(0), (3, 4, 2))))
    with pytest.raises(ValueError, match=r"^state\.steps: expected a whole number"):
        average.update(tree, EmaState(-1, average.init(tree).mean))
    with pytest.raises(TypeError, match=r"^params\[0\]: expected an array of floats"):
        average.init((1.0, np.ones(2)))
