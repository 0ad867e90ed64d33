"""Sizes at which the engine goes another way. ``python -m benchmarks.crossover`` measures two."""

from __future__ import annotations

LARGE = 3 * 2**16
"""Rows times params from which on NumPy's BLAS multiplies the batches of training."""

FEW = 2**16
"""Rows times params up to which `forward` multiplies by compiled loops."""

PIECE = 2**25
"""Params times rows in one run of machine code: less than a tenth of a second."""

MANY = 16_000
"""Rows of passes that are read ahead: losses of more would need memory that is new each time."""


def large(rows: int, size: int) -> bool:
    """Tell whether BLAS multiplies batches of so many rows for so many params; one row never."""
    return rows > 1 and rows * size >= LARGE


def few(rows: int, size: int) -> bool:
    """Tell whether `forward` multiplies so many rows for so many params by compiled loops."""
    return rows * size <= FEW
