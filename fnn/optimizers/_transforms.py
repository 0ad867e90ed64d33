"""Transforms to chain to optimizers: clipping, decay and scaling, without rate and state."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from typing_extensions import override

from fnn._core.masks import Mask, Where, masked_params
from fnn._core.norms import quick_norm
from fnn._core.numbers import finite, positive
from fnn._core.trees import parts
from fnn.base import Array, Optimizer
from fnn.optimizers._rules import Rule, add_decay, blocks, check_decay

NoState: TypeAlias = tuple[()]


class Transform(Rule[NoState]):
    """A rule without state."""

    @abstractmethod
    def change(self, g: Array, params: Any) -> None:
        """Overwrite the gradient `g` by its update."""

    @override
    def init(self, params: Any) -> NoState:
        return ()

    @override
    def rewrite(self, g: Array, state: NoState, params: Any) -> tuple[Array, NoState]:
        self.change(g, params)
        return g, ()

    @override
    def held(self, out: Array, before: NoState, after: NoState) -> NoState:
        return ()


@dataclass(frozen=True, repr=False)
class ClipByNorm(Transform):
    """The rule of `clip_by_norm`."""

    name: ClassVar[str] = "clip_by_norm"
    max_norm: float

    @override
    def change(self, g: Array, params: Any) -> None:
        size = quick_norm([g])
        if not math.isfinite(size):
            raise not_finite(f"a norm of {size}")
        if size > self.max_norm:
            np.multiply(g, self.max_norm / size, out=g)


def clip_by_norm(max_norm: float) -> Optimizer[NoState]:
    """Scale gradients whose norm, over all layers together, is above `max_norm` down to it.

    Others pass unchanged, to the bit. Raises `FloatingPointError` for a gradient that is not
    finite. PyTorch's, without the 1e-6 that it adds to the norm. Source: Pascanu, Mikolov and
    Bengio, "On the difficulty of training recurrent neural networks", 2013, algorithm 1.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> clip_by_norm(5.0).update(grads, (), params)
    ((LayerGrad(w=array([[3.]]), b=array([4.])),), ())
    """
    return ClipByNorm(positive("max_norm", max_norm)).pair()


@dataclass(frozen=True, repr=False)
class ClipByValue(Transform):
    """The rule of `clip_by_value`."""

    name: ClassVar[str] = "clip_by_value"
    limit: float

    @override
    def change(self, g: Array, params: Any) -> None:
        low, high = float(g.min(initial=0)), float(g.max(initial=0))  # NaN if one is NaN
        if not (math.isfinite(low) and math.isfinite(high)):
            raise not_finite(f"values from {low} to {high}")
        np.clip(g, -self.limit, self.limit, out=g)


def clip_by_value(limit: float) -> Optimizer[NoState]:
    """Move every number of the gradient into the range from ``-limit`` to `limit`.

    Raises `FloatingPointError` for a gradient that is not finite.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([-0.5])),)
    >>> clip_by_value(1.0).update(grads, (), params)
    ((LayerGrad(w=array([[1.]]), b=array([-0.5])),), ())
    """
    return ClipByValue(positive("limit", limit)).pair()


def not_finite(found: str) -> FloatingPointError:
    """Make the error of clipping: scaled down, an infinite gradient would turn into NaN."""
    return FloatingPointError(
        f"grads: expected finite numbers to clip, got {found};"
        " try a smaller rate, or inputs scaled to about 1"
    )


@dataclass(frozen=True, repr=False)
class AddDecayedWeights(Transform):
    """The rule of `add_decayed_weights`."""

    name: ClassVar[str] = "add_decayed_weights"
    decay: float
    mask: Where | None = None

    @override
    def change(self, g: Array, params: Any) -> None:
        add_decay(g, -self.decay, self.mask, params)


def add_decayed_weights(decay: float, mask: Mask | None = None) -> Optimizer[NoState]:
    """Add ``decay * p``, the gradient of ``decay / 2 * norm(p) ** 2``: L2 regularization.

    For the gradient of a loss, so before the optimizer, as PyTorch's ``weight_decay``. All decay,
    biases too, unless the `mask`, as that of `masked`, has False for them: ``((True, False),) * n``
    decays the weights of n layers. Source: Krogh and Hertz, "A simple weight decay can improve
    generalization", 1992.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> add_decayed_weights(0.5).update(grads, (), params)
    ((LayerGrad(w=array([[31.]]), b=array([40.25])),), ())
    """
    return AddDecayedWeights(*check_decay(decay, mask)).pair()


@dataclass(frozen=True, repr=False)
class AddL1(Transform):
    """The rule of `add_l1`."""

    name: ClassVar[str] = "add_l1"
    decay: float
    mask: Where | None = None

    @override
    def change(self, g: Array, params: Any) -> None:
        for part, p in zip(parts(g, params), masked_params(self.mask, params), strict=True):
            for block in blocks(part):
                part[block] += self.decay * np.sign(p[block])


def add_l1(decay: float, mask: Mask | None = None) -> Optimizer[NoState]:
    """Add ``decay * sign(p)``, the gradient of ``decay * sum(abs(p))``, with 0 at 0.

    What the `mask`, as that of `masked`, has False for is left alone. Source: Tibshirani,
    "Regression shrinkage and selection via the lasso", 1996.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[-2.0]]), np.array([0.0])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> add_l1(0.5).update(grads, (), params)
    ((LayerGrad(w=array([[29.5]]), b=array([40.])),), ())
    """
    return AddL1(*check_decay(decay, mask)).pair()


@dataclass(frozen=True, repr=False)
class Scale(Transform):
    """The rule of `scale`."""

    name: ClassVar[str] = "scale"
    factor: float

    @override
    def change(self, g: Array, params: Any) -> None:
        np.multiply(g, self.factor, out=g)


def scale(factor: float) -> Optimizer[NoState]:
    """Multiply by a number; -1 after an optimizer climbs where it would descend.

    >>> from fnn.base import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> grads = (LayerGrad(np.array([[30.0]]), np.array([40.0])),)
    >>> scale(-0.1).update(grads, (), params)
    ((LayerGrad(w=array([[-3.]]), b=array([-4.])),), ())
    """
    return Scale(finite("factor", factor)).pair()
