"""Signatures of machine code, which its callers in Python and in machine code are held to.

`fnn.compiled._runtime.calls` makes prototypes for ctypes from them. `fnn.compiled._code.pointers`
makes types for numba, by which the functions are compiled and every call of an address is checked.
"""

from __future__ import annotations

from typing import NamedTuple


class Signature(NamedTuple):
    """The kind of a result and of each argument, as letters; spaces stand between the latter.

    ====  ==============================================================
    n     a pointer to numbers of the network's dtype
    b     such a pointer, for which Python passes bytes to read from
    f     a float64
    F     a pointer to float64
    i     an integer
    I     a pointer to integers
    v     nothing
    ====  ==============================================================

    A ``brief`` function is so quick that releasing the interpreter's lock would cost more.
    """

    result: str
    arguments: str
    brief: bool = False

    @property
    def letters(self) -> list[str]:
        """The kinds of the arguments."""
        return self.arguments.split()


SIGNATURES = {
    "sample": Signature("f", "I n n n n f i n i i n n n"),
    "train": Signature("v", "n F I i i i i i i I i"),
    "gradient": Signature("f", "b b b n n n I i i i"),
    "activate": Signature("v", "n n n n i i i"),
    "lose": Signature("f", "n n n n n n i i i i"),
    "pull_back": Signature("v", "n n n i i"),
    "predict": Signature("v", "b I", brief=True),
    "descend": Signature("i", "I i F F i n n n n i F"),
    "operation": Signature("i", "n n n n i f F i i F"),
    "activation": Signature("v", "i n n n"),
    "value": Signature("v", "i n n"),
    "loss": Signature("f", "i n n n"),
}
"""Signatures by name. "operation" is that of every operation of an optimizer; "activation" and
"value" are the two loops of an activation pair, "loss" is the loop of a loss pair."""

NORM, VALUE = 1, 2
"""Results of an operation, and of "descend", for a gradient that cannot be clipped, since its norm
or one of its values is not finite; other results are 0."""
