"""What Python and machine code agree on: the arguments of entry points, and what comes back.

`fnn.compiled._runtime.calls` reads the letters for ctypes, `fnn.compiled._build.compiler` for numba. ``n`` is a
pointer to numbers of the network's dtype, ``b`` one for which Python passes bytes, ``f`` a float64
and ``F`` a pointer to such, ``i`` an integer and ``I`` a pointer to such, ``v`` nothing.
"""

from __future__ import annotations

SIGNATURES = {
    "sample": ("f", "I n n n n f i n i i n n n"),
    "train": ("v", "n F I i i i i i i I i"),
    "gradient": ("f", "b b b n n n I i i i"),
    "activate": ("v", "n n n n i i i"),
    "lose": ("f", "n n n n n n i i i"),
    "pull_back": ("v", "n n n i i"),
    "predict": ("v", "b I"),
    "descend": ("i", "I i F F i n n n n i F"),
    "operation": ("i", "n n n n i f F i i F"),
}
"""What each returns, and its arguments; an operation is whatever `descend` calls."""

NORM, VALUE = 1, 2
"""What both return, unless 0, is what was not finite: a gradient's norm, or one of its numbers."""
