"""Targets and the last pair, compared with what a loss and a pair declare of themselves.

A loss that declares nothing takes any targets of the output's shape, after any last pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from fnn._core import remedies
from fnn._core.numbers import as_numbers
from fnn.base import Activation, Acts, Array, Batch, Loss, Targets

_NUMBERS = 2**20
"""Targets that are looked at together: those of a memory map come in parts."""

_ROUNDING = 1e-6
"""Part of a bound, or of the greatest target if that is less, which rounding may add: in float32,
scaled targets and probabilities may be 1 + 1e-7."""


def check_last_pair(acts: Acts, loss: Loss) -> None:
    """Refuse a last pair other than the identity for a loss that takes logits."""
    if loss.logits and acts and not _is_identity(acts[-1]):
        raise ValueError(
            f"acts: expected identity as the last pair, as {named(loss)} takes logits (what comes"
            f" before a sigmoid, softmax or exponential), got {named(acts[-1])}; pass"
            " (*acts[:-1], identity), or loss._replace(logits=False) if you mean it"
        )


def _is_identity(act: Activation) -> bool:
    """Tell whether a pair, be it a user's own, returns what it gets."""
    z = np.array([[-1e3, -2.0, -0.1, 0.0, 0.5, 3.0, 1e3]])
    try:
        with np.errstate(all="ignore"):
            return np.array_equal(act.f(z.copy()), z)
    except Exception:  # whatever a user's function raises for numbers of this shape
        return False


def named(pair: Activation | Loss) -> str:
    """The name of a pair, or words for one without."""
    return pair.name or f"your own {type(pair).__name__}"


def wrong_shape(
    name: str, got: tuple[int, ...], expected: tuple[int, ...], targets: Targets | None
) -> ValueError:
    """The error of targets in another shape than the output's, or than one label a sample."""
    if targets is not None and targets.labels:
        remedy = "pass one label for each"
        if math.prod(got) == math.prod(expected):
            remedy = f"reshape it: y.reshape{expected}"
        elif got[:-1] == expected:
            remedy = "one-hot rows become labels by y.argmax(-1)"
        return ValueError(
            f"{name}: expected {expected}, a class label for each sample, got {got}; {remedy}"
        )
    rows, outputs = expected[:-1], expected[-1]
    remedy = "give one target for each output"
    if got == expected[::-1] and 1 not in got:
        remedy = "each row is one sample, so pass the transpose y.T"
    elif math.prod(got) == math.prod(expected):
        remedy = f"reshape it: y.reshape{expected}"
    elif got == rows:
        remedy = f"class labels become targets by fnn.one_hot(y, {outputs})"
    elif got == (*rows, 1):
        remedy = f"class labels become targets by fnn.one_hot(y.ravel(), {outputs})"
    elif len(got) == len(expected) and got[:-1] == rows:
        remedy = f"targets of {got[-1]} columns need params with {got[-1]} outputs"
    return ValueError(f"{name}: expected {expected} like the network's output, got {got}; {remedy}")


def check_labels(name: str, labels: Any, classes: int) -> NDArray[np.intp]:
    """Return class labels as integers; refuse the first that is none of 0 to classes - 1."""
    array = as_numbers(name, labels)
    if array.dtype == np.intp and array.size and int(array.view(np.uintp).max()) < classes:
        return array  # below 0 they would be huge
    rule = Rule(0.0, classes - 1.0, whole=True)
    if array.size and not rule.fine(array):
        table = array.reshape(1) if array.ndim == 0 else array
        wrong = ~rule.good(table)
        at = np.unravel_index(int(wrong.argmax()), table.shape)
        seen = remedies.Seen.of([table])
        raise ValueError(
            f"{name}: expected {rule}, got {table[at]}{_place(at, array.ndim > 0)};"
            f" {remedies.for_labels(float(table[at]), seen, classes)}"
        )
    return array.astype(np.intp, copy=False)


def check_targets(acts: Acts, loss: Loss, data: Batch, outputs: int, name: str = "data") -> None:
    """Refuse targets that the loss is not for, or that the last pair cannot reach.

    `data` is a whole data set or one sample, and `outputs` the network's number of outputs. The
    targets are read once, and in parts. Those of weight 0 do not count, nor do errors of rounding.
    The `ValueError` names the first offender by row and column, and what makes such data fit.
    """
    targets, y = loss.targets, as_numbers(f"{name}.y", data.y)
    rows = np.shape(data.x)[:-1]
    if targets is not None and outputs < targets.least_outputs:
        raise ValueError(
            f"{name}.y: expected at least {targets.least_outputs} columns for {named(loss)}, one"
            f" for each class, got a network with {outputs} output;"
            f" {remedies.for_one_output(remedies.Seen.of(part for part, *_ in _parts(y, None)))}"
        )
    expected = rows if targets is not None and targets.labels else (*rows, outputs)
    if y.shape != expected:
        raise wrong_shape(f"{name}.y", y.shape, expected, targets)
    if targets is None:
        return
    table, weight = (y, data.weight) if rows else (y[None], None)
    high = outputs - 1.0 if targets.labels else targets.high
    low = 0.0 if targets.labels else targets.low
    domain = Rule(low, high, targets.only, targets.labels, targets.missing)
    reach = acts[-1].reach if targets.matched and acts else None
    both = domain if reach is None else domain.narrowed(*reach)
    for part, counted, start in _parts(table, weight):
        if both.fine(part):
            continue
        for rule in (domain, both):
            wrong = ~rule.good(part) & counted
            if not wrong.any():
                continue
            at = np.unravel_index(int(wrong.argmax()), part.shape)
            value, place = part[at], _place((start + at[0], *at[1:]), rows != ())
            seen = remedies.Seen.of(some[used] for some, used, _ in _parts(table, weight))
            if rule is domain:
                raise ValueError(
                    f"{name}.y: expected {rule}, the targets that {named(loss)} is for, got"
                    f" {value}{place}; {_remedy(value, targets, seen, table, outputs, loss)}"
                )
            raise ValueError(
                f"{name}.y: expected {rule}, what the last pair {named(acts[-1])} can reach, got"
                f" targets from {seen.least:g} to {seen.greatest:g}, {value}{place};"
                f" {remedies.for_reach(seen, rule.low, rule.high)}"
            )


def _remedy(
    value: Any, targets: Targets, seen: remedies.Seen, table: Array, outputs: int, loss: Loss
) -> str:
    """The remedy for a target that a loss is not for."""
    if not np.isfinite(value):
        several = targets.labels or targets.least_outputs > 1
        if several or targets.missing or not np.isnan(value):
            return remedies.LEAVE_OUT
        return f"{remedies.LEAVE_OUT}, or mask missing targets by masked_loss({named(loss)})"
    if targets.labels:
        return remedies.for_labels(float(value), seen, outputs)
    if targets.only is not None:
        return remedies.for_two(seen, targets.only, table.shape[1])
    return remedies.for_range(seen, targets.low, targets.high, table.shape[1])


class Rule(NamedTuple):
    """Numbers from ``low`` to ``high``, perhaps only some of them, or whole ones, or NaN too."""

    low: float
    high: float
    only: tuple[float, ...] | None = None
    whole: bool = False
    missing: bool = False

    def narrowed(self, low: float, high: float) -> Rule:
        """The rule for numbers from `low` to `high` alone."""
        return self._replace(low=max(low, self.low), high=min(high, self.high))

    @override
    def __str__(self) -> str:
        if self.only is not None:
            return " or ".join(f"{value:g}" for value in self.only)
        kind = "whole numbers" if self.whole else "numbers"
        if self.high == math.inf:
            return f"finite {kind}" + (f" of at least {self.low:g}" if self.low > -math.inf else "")
        return f"{kind} " + (
            f"of at most {self.high:g}"
            if self.low == -math.inf
            else f"from {self.low:g} to {self.high:g}"
        )

    def fine(self, part: Array) -> bool:
        """Tell quickly that all numbers obey the rule; False may be wrong."""
        if part.size == 0:
            return True
        if self.missing:
            least, greatest = float(np.fmin.reduce(part, None)), float(np.fmax.reduce(part, None))
            if math.isnan(least):
                return True
        else:
            least, greatest = float(part.min()), float(part.max())
        inside = self.low <= least and greatest <= self.high and math.isfinite(greatest - least)
        if not inside or (self.only is None and not self.whole):
            return inside
        return bool(self.good(part).all())

    def good(self, part: Array) -> NDArray[np.bool_]:
        """Tell which numbers obey the rule, but for rounding."""
        if self.whole:
            whole: NDArray[np.bool_] = part == np.trunc(part)
            return whole & (part >= self.low) & (part <= self.high)
        known = np.isfinite(part)
        if self.only is not None:
            obeying = np.isin(part, self.only)
        else:
            scale = float(np.abs(part, where=known, out=np.zeros(part.shape)).max(initial=0.0))
            below, above = (
                _ROUNDING * min(scale, abs(bound) or 1.0) for bound in (self.low, self.high)
            )
            obeying = (part >= self.low - below) & (part <= self.high + above)
        good: NDArray[np.bool_] = obeying & known
        return good | np.isnan(part) if self.missing else good


def _parts(y: Array, weight: Array | None) -> Iterator[tuple[Array, Array, int]]:
    """Parts of the targets: their rows, which targets count, and the number of the first row."""
    size = max(1, _NUMBERS // max(1, y[:1].size))
    for start in range(0, len(y), size):
        part = y[start : start + size]
        counted = np.ones(part.shape, bool)
        if weight is not None:
            own = np.asarray(weight)[start : start + size] != 0
            counted &= own if own.ndim == part.ndim else own[:, None]
        yield part, counted, start


def _place(at: tuple[Any, ...], has_rows: bool) -> str:
    row, *columns = at
    where = [f"row {row}"] * has_rows + [f"column {column}" for column in columns]
    return f" in {', '.join(where)}" if where else ""
