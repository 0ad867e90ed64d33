"""One step of training: a state and a batch give the next state and the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, overload

import numpy as np

from fnn import tree
from fnn._core.arrays import set_write
from fnn._core.checks import check_acts, check_loss, check_optimizer
from fnn._core.numbers import describe
from fnn._core.targets import check_last_pair
from fnn._core.trees import check_tree
from fnn._core.vectors import layered
from fnn.base import Acts, Batch, F, Layer, Loss, Optimizer, Params, S, S_any, State, Tree
from fnn.network import _fresh_gradient
from fnn.optimizers._rules import rewrite


def check_state(state: State[F, S]) -> State[F, S]:
    """Refuse the params alone in the place of a State."""
    if not isinstance(state, State):
        raise TypeError(
            f"state: expected a State(params, opt), got {describe(state)}; fnn.start makes one"
        )
    return state


@dataclass(frozen=True)
class TrainStep(Generic[S_any]):
    """The update that `train_step` returns: it can be called, pickled, and its parts read."""

    acts: Acts
    loss: Loss
    optimizer: Optimizer[S_any]

    def __call__(self, state: State[F, S_any], batch: Batch) -> tuple[State[F, S_any], float]:
        """One update: the next state, and the loss on `batch` before it."""
        params, opt = check_state(state)
        value, gradient, grads = _fresh_gradient(self.acts, self.loss, params, batch)
        update, opt = rewrite(self.optimizer, gradient, opt, params)
        if update is not gradient:
            grads = layered(update, params)
        layers = []
        for (w, b), (dw, db) in zip(params, grads, strict=True):
            np.add(dw, w, dw)
            np.add(db, b, db)
            set_write(dw, False)
            set_write(db, False)
            layers.append(Layer(dw, db))
        set_write(update, False)
        return State(tuple(layers), opt), value


@overload
def start(optimizer: Optimizer[S], params: Params[F]) -> State[F, S]: ...
@overload
def start(optimizer: Optimizer[S], params: Tree) -> Any: ...
def start(optimizer: Optimizer[S], params: Any) -> Any:
    """Make the state before the first step, of frozen copies of the params.

    The params are those of one network, or any tree of floating arrays of one dtype, for a loop of
    one's own; nobody else can write to the copies. Raises `TypeError` for other things.

    >>> from fnn import init, key
    >>> from fnn.optimizers import sgd
    >>> start(sgd(0.1), init(key(0), (2, 1))).opt
    SgdState(steps=0)
    """
    check_optimizer(optimizer)
    check_tree(params)
    params = tree.freeze(params)
    return State(params, optimizer.init(params))


def train_step(acts: Acts, loss: Loss, optimizer: Optimizer[S]) -> TrainStep[S]:
    """Make the update ``(state, batch) -> (state, loss)``, for folds to train with.

    Raises `ValueError` for a loss that takes logits after another last pair than the identity.

    >>> import numpy as np
    >>> from fnn import init, key, samples, scan
    >>> from fnn.activations import identity
    >>> from fnn.losses import squared_error
    >>> from fnn.optimizers import sgd
    >>> update = train_step((identity,), squared_error, sgd(0.1))
    >>> state = start(update.optimizer, init(key(0), (2, 1)))
    >>> state, losses = scan(update, state, samples(Batch(np.eye(2), np.ones((2, 1)))))
    >>> len(losses), state.opt
    (2, SgdState(steps=2))
    """
    check_acts(acts)
    check_loss(loss)
    check_optimizer(optimizer)
    check_last_pair(acts, loss)
    return TrainStep(acts, loss, optimizer)
