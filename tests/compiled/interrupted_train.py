"""Training in machine code that would take for ever, for a test to interrupt.

``python tests/compiled/interrupted_train.py train`` (or ``train_many``) prints lines while passes
are read, and once interrupted whether what the exception carries is, to the bit, the training for
so many passes, and the best of it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
from typing_extensions import override

from fnn import Batch, compiled, init, key, minibatches, start, train_step
from fnn.activations import identity, tanh
from fnn.losses import squared_error
from fnn.optimizers import adam
from fnn.random import normal
from fnn.train import Fit, progress_of, progress_of_each
from fnn.tree import leaves

DATA = Batch(normal(key(1), (40, 3)), normal(key(2), (40, 2)))
PASS = minibatches(key(3), 8, DATA)
UPDATE = train_step((tanh, identity), squared_error, adam(0.5))  # with which losses go up and down
STATES = [start(UPDATE.optimizer, init(key(i), (3, 6, 2))) for i in range(3)]


class Endless(Sequence[Any]):
    """A pass as often as anyone reads it."""

    @override
    def __len__(self) -> int:
        return 10**9

    @override
    def __getitem__(self, i: Any) -> Any:
        return PASS

    @override
    def __iter__(self) -> Iterator[Any]:
        for i in count():
            if i % 1000 == 0:
                sys.stdout.write("passes\n")  # in one piece, as threads write
                sys.stdout.flush()
            yield PASS


def equal(one: object, other: object) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(leaves(one), leaves(other), strict=True))


def whole(done: Fit[Any, Any], state: Any) -> bool:
    losses = done.history.train
    again = compiled.train(UPDATE, state, [PASS] * len(losses))
    best = compiled.train(UPDATE, state, [PASS] * (1 + int(np.argmin(losses))))
    return (
        equal(done.state, again.state)
        and losses == again.losses
        and equal(done.params, best.state.params)
    )


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        if sys.argv[1] == "train":
            compiled.train(UPDATE, STATES[0], Endless())
        else:
            compiled.train_many(UPDATE, STATES, [Endless()] * 3, threads=2)
    except KeyboardInterrupt as error:
        one = progress_of(error)
        each = progress_of_each(error) if one is None else (one,)
        lengths = [len(done.history.train) for done in each]
        good = all(map(whole, [done for done in each if done.history.train], STATES))
        print(*lengths, "whole" if good else "torn")
