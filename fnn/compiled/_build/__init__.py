"""From Python functions to machine code in memory, by numba and LLVM.

``fingerprint`` writes down what a function computes, and ``watch`` notices when that changes.
``compiler`` turns functions into LLVM code with the help of ``translator``, and ``cache`` turns
that into machine code, which it keeps in files under names that hash all it depends on. ``notice``
tells who has to wait why. numba is imported
only when no file has the code.
"""
