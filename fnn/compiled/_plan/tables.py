"""The tables of integers that kernels read: rows as Python writes them, and columns for kernels.

The column of a field has its name in capitals.
"""

from __future__ import annotations

from typing import NamedTuple

DEPTH, LOSS, ALL_PARAMS, ALL_WIDTHS, LAYERS = range(5)
"""Of a network: how many layers, the loss's address, how many params with padding, the sum of the
layers' widths, and where the rows of its layers begin."""


class LayerRow(NamedTuple):
    """A layer in training: its width is that of `n_out` with padding."""

    n_in: int
    n_out: int
    width: int
    activation: int


N_IN, N_OUT, WIDTH, ACTIVATION = range(LAYER := len(LayerRow._fields))


class TaskRow(NamedTuple):
    """Steps to take: addresses, counts, and in `taken` what the kernel says was done.

    Batches come in the order of `bounds`, which has a `cycle` of them, from number `first` on.
    `weight` is 0 if there is none; `report` is as `fnn.compiled._code.optimizers` has it.
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
    """A pass over the params: its address, and where its vectors, rates and numbers begin.

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
