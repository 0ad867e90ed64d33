"""Numbers that are not finite: the error that they end training with, and the search for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from fnn.base import State
from fnn.train._progress import Fit


class DivergenceError(ArithmeticError):
    """Training met a number that is not finite: in ``epoch`` and ``step``, both counted from 1.

    ``what`` names the number, and ``loss`` is it: the loss of that step, or what was found in the
    params or the optimizer's state after an epoch. Where the update itself raised
    `FloatingPointError`, as `clip_by_norm` does for a gradient that is not finite, that is the
    ``__cause__``, and ``loss`` is NaN. ``state`` is the last state within the epoch whose loss,
    params and optimizer state are all finite, or the first of all.

    ``progress`` is what was learned by the end of the epoch before: a `Fit` with the best params,
    the state and the history, from which `fit` goes on, with a smaller rate perhaps.
    """

    epoch: int
    step: int
    loss: float
    state: Any
    what: str
    progress: Fit[Any, Any] | None

    def __init__(self, epoch: int, step: int, loss: float, state: Any, what: str = "loss") -> None:
        super().__init__(epoch, step, loss, state, what)
        self.epoch, self.step, self.loss, self.state, self.what = epoch, step, loss, state, what
        self.progress = None

    @override
    def __str__(self) -> str:
        found = f"{self.what}: expected finite numbers, got {self.loss}"
        if self.__cause__ is not None:
            found = str(self.__cause__).partition(";")[0]
        return (
            f"{found} in epoch {self.epoch}, step {self.step};"
            " try a smaller rate, inputs scaled to about 1, or clip_by_norm;"
            " targets that are missing need fnn.losses.masked_loss"
        )


class Flaw(NamedTuple):
    """A number that is not finite: its ``place`` in a tree, such as ``.opt.v``, and its value."""

    place: str
    value: float

    def named(self, state: Any) -> str:
        """The array that is not finite, in words: ``params``, ``optimizer state.v``, or a place."""
        if not isinstance(state, State):
            return f"state{self.place}"
        if self.place.startswith(".opt"):
            return f"optimizer state{self.place.removeprefix('.opt')}"
        return "params"


def flaws(state: Any, place: str = "") -> Iterator[Flaw]:
    """Each array of a tree that has a number that is not finite, by the first one.

    Numbers that are no arrays may be infinite, as the best of none so far is.
    """
    if isinstance(state, tuple):
        names = getattr(state, "_fields", None)
        for i, child in enumerate(state):
            yield from flaws(child, f"{place}[{i}]" if names is None else f"{place}.{names[i]}")
    elif isinstance(state, np.ndarray) and state.dtype.kind == "f":
        good = np.isfinite(state)
        if not good.all():
            yield Flaw(place, float(state[np.unravel_index(int(good.argmin()), state.shape)]))


def known_flaws(state: Any) -> frozenset[str]:
    """The places where the state that training starts from is not finite; none among its params."""
    places = () if sound(state) else tuple(found.place for found in flaws(state))
    return frozenset(place for place in places if not place.startswith(".params"))


def flaw(state: Any, known: frozenset[str] = frozenset()) -> Flaw | None:
    """The first flaw of a tree in a place that is not among the `known` ones."""
    if sound(state):
        return None
    return next((found for found in flaws(state) if found.place not in known), None)


def sound(tree: Any) -> bool:
    """Tell, quickly, whether all arrays of a tree are finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _sound(tree)


def _sound(node: Any) -> bool:
    if isinstance(node, tuple):
        return all(map(_sound, node))
    if not isinstance(node, np.ndarray) or node.dtype.kind != "f":
        return True
    # a sum of finite numbers may overflow, so that the others are looked at
    return math.isfinite(np.add.reduce(node, axis=None)) or bool(np.isfinite(node).all())
