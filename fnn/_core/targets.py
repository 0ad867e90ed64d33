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
from fnn._core.checks import check_batch, check_loss, check_network
from fnn._core.numbers import as_numbers
from fnn.base import Activation, Acts, Array, Batch, Loss, Params, Targets

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
        remedy = f"class labels become targets by fnn.one_hot(y, {outputs}), or stay labels with"
        remedy += " softmax_cross_entropy_with_integer_labels"
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
            f"{name}: expected {rule}, got {table[at]}{_place(at, has_rows=array.ndim > 0)};"
            f" {remedies.for_labels(float(table[at]), seen, classes)}"
        )
    return array.astype(np.intp, copy=False)


def check_targets(
    acts: Acts, loss: Loss, params: Params[Any], data: Batch, name: str = "data"
) -> None:
    """Refuse targets that the loss is not for, or that the last pair cannot reach.

    `data` is a whole data set or one sample. Its targets are read once, and in parts. Those of
    weight 0 do not count, nor do errors of rounding. The `ValueError` names the first offender by
    row and column, and what makes such data fit. The network and the loss are checked as well.
    """
    check_network(acts, params)
    check_loss(loss)
    check_batch(data, name)
    check_last_pair(acts, loss)
    targets, y, outputs = loss.targets, as_numbers(f"{name}.y", data.y), params[-1].b.size
    rows = np.shape(data.x)[:-1]
    labels = targets is not None and targets.labels
    if targets is not None and outputs < targets.least_outputs:
        raise _too_few_outputs(targets, loss, y, outputs, name)
    expected = rows if labels else (*rows, outputs)
    if y.shape != expected:
        raise wrong_shape(f"{name}.y", y.shape, expected, targets)
    if targets is None:
        return
    domain = Rule(targets.low, targets.high, targets.only, labels, targets.missing)
    if labels:
        domain = domain._replace(low=0.0, high=outputs - 1.0)
    low, high = (acts[-1].reach if targets.matched else None) or (-math.inf, math.inf)
    reached = Rule(low, high, missing=targets.missing)
    both = domain._replace(low=max(low, domain.low), high=min(high, domain.high))
    table, weight = (y, data.weight) if rows else (y[None], None)
    classes = targets.least_outputs > 1 and not labels
    for part, weights, start in _parts(table, weight):
        if classes and not part.any(axis=-1).all():
            _check_classes(part, weights, start, f"{name}.y", has_rows=rows != ())
        if both.fine(part):
            continue
        for rule in (domain, reached):
            wrong = ~rule.good(part) & _counted(part, weights)
            if not wrong.any():
                continue
            at = np.unravel_index(int(wrong.argmax()), part.shape)
            value, place = part[at], _place((start + at[0], *at[1:]), has_rows=rows != ())
            seen = remedies.Seen.of(p[_counted(p, w)] for p, w, _ in _parts(table, weight))
            if rule is domain:
                raise ValueError(
                    f"{name}.y: expected {rule}, the targets that {named(loss)} is for, got"
                    f" {value}{place}; {_remedy(value, targets, seen, table, outputs, loss)}"
                )
            raise ValueError(
                f"{name}.y: expected {rule}, what the last pair {named(acts[-1])} can reach, got"
                f" targets from {seen.least:g} to {seen.greatest:g}, {value}{place};"
                f" {remedies.for_reach(seen, low, high)}"
            )


def _check_classes(part: Array, weights: Any, start: int, name: str, *, has_rows: bool) -> None:
    """Refuse a row that is 0 for every class: its loss is 0 whatever the output."""
    empty = ~part.any(axis=-1) & np.broadcast_to(_counted(part, weights), part.shape).any(axis=-1)
    if empty.any():
        raise ValueError(
            f"{name}: expected a class, or probabilities of classes, for every sample, got only 0"
            f"{_place((start + int(empty.argmax()),), has_rows=has_rows)}; leave out rows without a"
            " class, or give them weight 0"
        )


def _too_few_outputs(targets: Targets, loss: Loss, y: Array, outputs: int, name: str) -> ValueError:
    """The error of a network with one output under a loss of several classes."""
    least = targets.least_outputs
    if targets.labels:
        return ValueError(
            f"params: expected at least {least} outputs for {named(loss)}, one for each class, got"
            f" {outputs}; make them by init(key, (..., {least}))"
        )
    seen = remedies.Seen.of(part for part, *_ in _parts(y, None))
    return ValueError(
        f"{name}.y: expected at least {least} columns for {named(loss)}, one for each class, got a"
        f" network with {outputs}; {remedies.for_one_output(seen)}"
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


def _parts(y: Array, weight: Array | None) -> Iterator[tuple[Array, Array | None, int]]:
    """Parts of the targets, with their weights and the number of the first row."""
    size = max(1, _NUMBERS // max(1, y[:1].size))
    for start in range(0, len(y), size):
        part = slice(start, start + size)
        yield y[part], None if weight is None else np.asarray(weight)[part], start


def _counted(part: Array, weight: Array | None) -> NDArray[np.bool_]:
    """Tell which targets have a weight that is not 0."""
    if weight is None:
        return np.ones(part.shape, bool)
    own: NDArray[np.bool_] = weight != 0
    return own if own.ndim == part.ndim else np.broadcast_to(own[:, None], part.shape)


def _place(at: tuple[Any, ...], *, has_rows: bool) -> str:
    row, *columns = at
    where = [f"row {row}"] if has_rows else []
    where += [f"column {column}" for column in columns]
    return f" in {', '.join(where)}" if where else ""
