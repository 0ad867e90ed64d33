"""Internal: from functions to machine code, by numba, and the files that keep it."""
