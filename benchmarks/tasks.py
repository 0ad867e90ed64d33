"""What is to be computed, as values: sizes, the numbers that go in, and nothing of libraries."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fnn import Array, Batch, Optimizer, Params, init, key
from fnn.activations import identity, relu, sigmoid
from fnn.base import Acts
from fnn.initializers import glorot_uniform, he_normal
from fnn.optimizers import adam, momentum, sgd
from fnn.random import normal, uniform
from fnn.tree import leaves

PAIRS = {"identity": identity, "relu": relu, "sigmoid": sigmoid}
MASS, B1, B2, EPS, MAX_NORM = 0.9, 0.9, 0.999, 1e-8, 10.0
UNCORRECTED = "Adam's epsilon is larger at first, by its form"
"""scikit-learn and thinc add it to the root before that is corrected for its bias."""


class Network(NamedTuple):
    """A dense net: one pair for the hidden layers, one for the output."""

    sizes: tuple[int, ...]
    hidden: str
    output: str
    dtype: str

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each layer's pair."""
        return (self.hidden,) * (len(self.sizes) - 2) + (self.output,)

    @property
    def acts(self) -> Acts:
        return tuple(PAIRS[name] for name in self.names)

    def params(self) -> Params[Any]:
        return first_params(self)

    def inputs(self, rows: int) -> Array:
        return normal(key(1), (rows, self.sizes[0]), dtype=np.dtype(self.dtype))

    @property
    def title(self) -> str:
        return "-".join(map(str, self.sizes))


@lru_cache(maxsize=2)  # every contender asks, and large ones take seconds
def first_params(net: Network) -> Params[Any]:
    draw = he_normal if net.hidden == "relu" else glorot_uniform
    return init(key(0), net.sizes, draw, dtype=np.dtype(net.dtype))


class Training(NamedTuple):
    """Squared error, `batch` rows at a time: None is one sample at a time, `passes` times over."""

    net: Network
    rows: int
    batch: int | None = None
    optimizer: str = "sgd"
    rate: float = 1e-4
    passes: int = 1

    @property
    def updates(self) -> int:
        """Updates in one timed call."""
        return self.passes * (self.rows if self.batch is None else self.rows // self.batch)

    def rule(self) -> Optimizer:
        rules: dict[str, Optimizer] = {
            "sgd": sgd(self.rate),
            "momentum": momentum(self.rate, MASS),
            "adam": adam(self.rate, B1, B2, EPS),
        }
        return rules[self.optimizer]

    def data(self) -> Batch:
        sizes, dtype = self.net.sizes, np.dtype(self.net.dtype)
        if self.net.hidden == "relu":
            y = normal(key(2), (self.rows, sizes[-1]), dtype=dtype)
            return Batch(self.net.inputs(self.rows), y)
        if sizes[0] == sizes[-1] == self.rows:
            return Batch(np.eye(self.rows, dtype=dtype), np.eye(self.rows, dtype=dtype))
        x = uniform(key(1), (self.rows, sizes[0]), dtype=dtype)
        return Batch(x, uniform(key(2), (self.rows, sizes[-1]), 0.1, 0.9, dtype=dtype))

    def moved(self, arrays: list[Any]) -> Array:
        """The way from the first params to `arrays`: w, b, w, b, as one vector."""
        way = zip(arrays, leaves(self.net.params()), strict=True)
        return np.concatenate([(np.asarray(a, np.float64) - p).ravel() for a, p in way])

    @property
    def tolerance(self) -> float:
        """How far two libraries may come apart, as a share of the way that the params went.

        Roundings of the params themselves are the larger part: their size is some thousand times
        that of a step. Adam divides a gradient that is near 0, and so its rounding, by itself.
        """
        if self.net.dtype == "float64":
            return 1e-8
        return 5e-2 if self.optimizer == "adam" else 5e-3


class Inference(NamedTuple):
    """The outputs for so many rows; one is a single vector (n_in,) where a library takes it."""

    net: Network
    rows: int

    @property
    def updates(self) -> int:
        """Outputs in one timed call."""
        return 1

    @property
    def tolerance(self) -> float:
        """64 products of order 1 in float32, summed in another order."""
        return 1e-5


class Derivative(NamedTuple):
    """A derivative of squared error over a batch: ``kind`` is a function of `fnn.derivatives`."""

    net: Network
    rows: int
    kind: str

    @property
    def updates(self) -> int:
        """Derivatives in one timed call."""
        return 1

    @property
    def tolerance(self) -> float:
        """784 products in float32, summed in another order, and differences of such sums."""
        return 1e-4

    def data(self) -> Batch:
        return Training(self.net, self.rows, self.rows).data()

    def vector(self) -> Params[Any]:
        return init(key(3), self.net.sizes, he_normal, dtype=np.dtype(self.net.dtype))
