"""Python that becomes machine code, most of which never runs as Python.

``pointers``, ``lanes`` and ``each`` are the words it is written in, as numba intrinsics: pointers
and calls of addresses, vectors of numbers, loops over arrays. ``sample`` trains on one sample with
them. ``optimizers`` and ``transforms`` are the operations of which an optimizer consists.
``entry_points`` are the functions that Python calls. ``pair_loops`` puts loops around the functions
of activation and loss pairs, for which ``mathematics`` has NumPy's functions and ``jit`` numba's
options. ``kernels`` is the table of all that is compiled by its name.
"""
