"""Internal: networks, data and optimizers as tables of numbers; no numba."""
