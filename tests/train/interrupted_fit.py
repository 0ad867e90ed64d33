"""A fit that would take for ever, for a test to interrupt.

``python tests/train/interrupted_fit.py`` prints a line after every epoch, and once
interrupted whether the last state that ``on_epoch`` saw is, to the bit, that of a fit of so many
epochs.
"""

from __future__ import annotations

import signal
from typing import Any

import numpy as np

from fnn import Batch, init, key
from fnn.activations import identity, tanh
from fnn.base import State
from fnn.losses import squared_error
from fnn.optimizers import adam
from fnn.random import normal
from fnn.train import Epoch, Fit, History, fit
from fnn.tree import leaves

DATA = Batch(normal(key(1), (40, 3)), normal(key(2), (40, 2)))


def trained(max_epochs: int, seen: list[Any]) -> Fit[Any, Any]:
    def on_epoch(epoch: Epoch[State[Any, Any]], history: History) -> None:
        seen.append(epoch.state)
        print("epoch", flush=True)

    return fit(
        (tanh, identity),
        squared_error,
        adam(0.01),
        init(key(0), (3, 6, 2)),
        DATA,
        key=key(3),
        batch_size=8,
        max_epochs=max_epochs,
        on_epoch=on_epoch,
    )


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    seen: list[Any] = []
    try:
        trained(10**9, seen)
    except KeyboardInterrupt:
        again = trained(len(seen), []).state
        pairs = zip(leaves(seen[-1]), leaves(again), strict=True)
        print("whole" if all(np.array_equal(a, b) for a, b in pairs) else "torn")
