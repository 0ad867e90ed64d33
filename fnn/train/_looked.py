"""A look at the targets of passes, once for each data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from fnn._core.targets import check_targets
from fnn.base import Batch, Params, State
from fnn.data import Batches, Pass
from fnn.train._step import TrainStep


def looked_at(
    update: object, state: object, passes: Iterable[Any], *, whole: bool
) -> Iterator[Iterable[Batch]]:
    """Hand on passes whose targets are what the loss of `update` is for, and can be reached.

    Raises what `check_targets` raises. A pass over the data of the pass before is not looked at
    again. The data of `samples` and `minibatches` and lists of batches are looked at when the pass
    is asked for; other passes, which may be larger than memory, when they are read, unless they
    have to be handed on `whole`. Nothing is known of an update that `train_step` did not make.
    """
    seen: object = None
    for pass_ in passes:
        source = _source(pass_)
        if (
            not isinstance(update, TrainStep)
            or not isinstance(state, State)
            or not isinstance(pass_, Iterable)  # `epochs` refuses the one
            or isinstance(pass_, Iterator)  # and the other
            or _same(source, seen)
        ):
            yield pass_
            continue
        seen = source
        if isinstance(source, Batch):
            check_targets(update.acts, update.loss, state.params, source)
            yield pass_
            continue
        looked = LookedAt(pass_, update, state.params)
        if whole or isinstance(pass_, Sequence):
            for _ in looked:
                pass
            yield pass_
        else:
            yield looked


@dataclass(frozen=True, eq=False)
class LookedAt(Iterable[Batch]):
    """A pass whose batches are looked at when they are read."""

    batches: Iterable[Batch]
    update: TrainStep[Any]
    params: Params[Any]

    @override
    def __iter__(self) -> Iterator[Batch]:
        for i, batch in enumerate(self.batches):
            check_targets(self.update.acts, self.update.loss, self.params, batch, f"pass_[{i}]")
            yield batch


def _source(pass_: object) -> object:
    """The data that a pass reads: the same for passes that differ in their order alone."""
    if isinstance(pass_, Pass):
        return pass_.data
    return pass_.chunks if isinstance(pass_, Batches) else pass_


def _same(one: object, other: object) -> bool:
    """Tell whether two sources have the very same targets: every pass has views of its own."""
    if isinstance(one, Batch) and isinstance(other, Batch):
        return bool(one.y.__array_interface__ == other.y.__array_interface__)
    return one is other
