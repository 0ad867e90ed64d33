"""New params from old ones: a step downhill, or what an optimizer has made of the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.base import Array, F, Grads, Layer, Params
from fnn.checks import check_grads
from fnn.tree import frozen
from fnn.values import check_rate


def step(params: Params[F], grads: Grads[Any], rate: float) -> Params[F]:
    """Plain gradient descent: ``params - rate * grads``.

    `rate` is a finite number of at least 0. Raises `ValueError` where grads are of another shape.

    >>> from fnn import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> step(params, (LayerGrad(np.array([[10.0]]), np.array([1.0])),), 0.1)
    (Layer(w=array([[1.]]), b=array([0.4])),)
    """
    rate = check_rate("rate", rate)
    check_grads("grads", grads, params)
    factor = np.array(-rate, params[0].w.dtype)  # a Python number costs half as much again
    layers = []
    for (w, b), (dw, db) in zip(params, grads, strict=True):
        new_w: Array = dw * factor  # the one temporary becomes the result
        new_b: Array = db * factor
        new_w += w
        new_b += b
        new_w.setflags(write=False)  # as frozen does, without the cost of its call
        new_b.setflags(write=False)
        layers.append(Layer(new_w, new_b))
    return tuple(layers)


def apply_updates(params: Params[F], updates: Grads[Any]) -> Params[F]:
    """``params + updates``, for the updates that an optimizer returns.

    >>> from fnn import Layer, LayerGrad
    >>> params = (Layer(np.array([[2.0]]), np.array([0.5])),)
    >>> apply_updates(params, (LayerGrad(np.array([[1.0]]), np.array([-0.5])),))
    (Layer(w=array([[3.]]), b=array([0.])),)
    """
    check_grads("updates", updates, params)
    return tuple(
        Layer(frozen(w + dw), frozen(b + db))
        for (w, b), (dw, db) in zip(params, updates, strict=True)
    )
