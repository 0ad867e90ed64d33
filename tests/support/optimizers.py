"""Optimizers that tests share: those with a walk by PyTorch or optax in golden/, and more."""

from __future__ import annotations

from fnn import Optimizer
from fnn.optimizers import (
    adagrad,
    adam,
    adamw,
    add_decayed_weights,
    add_l1,
    chain,
    clip_by_norm,
    clip_by_value,
    masked,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    rprop,
    scale,
    sgd,
)
from fnn.schedules import cosine, exponential, one_cycle

CASES: dict[str, Optimizer] = {
    "sgd": sgd(0.1),
    "momentum": momentum(0.05, 0.8),
    "nesterov": nesterov(0.05, 0.8),
    "adagrad": adagrad(0.1, 1e-3),
    "rmsprop": rmsprop(0.01, 0.9, 1e-3),
    "adam": adam(0.02, 0.8, 0.95, 1e-3),
    "adamw": adamw(0.02, 0.8, 0.95, 1e-3, 0.3),
    "nadam": nadam(0.02, 0.8, 0.95, 1e-3),
    "rprop": rprop(0.02, 0.4, 1.3, 1e-3, 0.1),
    "decayed momentum": chain(add_decayed_weights(0.1), momentum(0.05, 0.8)),
    "sgd with l1": chain(add_l1(0.05), sgd(0.05)),
    "sgd clipped by value": chain(clip_by_value(0.2), sgd(0.1)),
    "adam clipped by norm": chain(clip_by_norm(0.5), adam(0.02)),
    "exponential momentum": momentum(exponential(0.1, 0.9), 0.8),
    "cosine adam": adam(cosine(0.05, 50, 0.01)),
    "one-cycle sgd": sgd(one_cycle(0.3, 51)),
}
WEIGHTS = ((True, False), (True, False))
MORE: dict[str, Optimizer] = {
    "scaled": chain(scale(-0.1), scale(2.0)),
    "climbing": chain(sgd(0.1), scale(-0.5)),
    "momentum clipped by value": chain(clip_by_value(0.1), momentum(0.1)),
    "clipped afterwards": chain(sgd(0.1), clip_by_norm(0.01)),
    "cosine adamw": adamw(cosine(0.01, 20), decay=0.1),
    "adamw of weights": adamw(0.01, decay=0.1, mask=WEIGHTS),
    "decayed in part": chain(add_decayed_weights(0.1, WEIGHTS), sgd(0.1)),
    "l1 in part": chain(add_l1(0.01, WEIGHTS), sgd(0.1)),
    "masked": masked(adam(0.02), (True, (False, True))),
    "masked twice": chain(masked(nesterov(0.1), (True, False)), masked(rprop(), WEIGHTS)),
}
