"""Tables of integers that machine code reads: rows as Python writes them, and their columns.

The column of a field has its name in capitals.
"""

from __future__ import annotations

from typing import NamedTuple

DEPTH, LOSS, ALL_PARAMS, ALL_WIDTHS, TARGETS, LAYERS = range(6)
"""Columns of a network: the number of layers, the address of the loss, the number of params and the
sum of the layers' widths, both with padding, and the numbers in a row of targets; the rows of the
layers begin at the last."""


class LayerRow(NamedTuple):
    """A layer: its inputs, its outputs, their number with padding, its activation's address."""

    n_in: int
    n_out: int
    width: int
    activation: int


N_IN, N_OUT, WIDTH, ACTIVATION = range(LAYER := len(LayerRow._fields))


class TaskRow(NamedTuple):
    """Training steps to take: addresses, counts, and in `taken` the steps that were taken.

    Batches come in the order of `bounds`, which has a `cycle` of them, from number `first` on.
    `weight` is 0 if there is none; `report` is described in `fnn.compiled._code.optimizers`.
    """

    params: int
    state: int
    x: int
    y: int
    weight: int
    rows: int
    bounds: int
    first: int
    cycle: int
    steps: int
    operations: int
    n_operations: int
    numbers: int
    rates: int
    masks: int
    losses: int
    report: int
    taken: int


(
    PARAMS,
    STATE,
    X,
    Y,
    WEIGHT,
    ROWS,
    BOUNDS,
    FIRST,
    CYCLE,
    STEPS,
    OPERATIONS,
    N_OPERATIONS,
    NUMBERS,
    RATES,
    MASKS,
    LOSSES,
    REPORT,
    TAKEN,
) = range(TASK := len(TaskRow._fields))


class OperationRow(NamedTuple):
    """An operation of an optimizer: its address, and where its vectors, rates and numbers begin.

    Its rates are `stride` apart, `before` steps were taken, and the `last` changes the params.
    """

    address: int
    vector: int
    before: int
    rate: int
    stride: int
    mask: int
    number: int
    last: int


ADDRESS, VECTOR, BEFORE, RATE, STRIDE, MASK, NUMBER, LAST = range(
    OPERATION := len(OperationRow._fields)
)
