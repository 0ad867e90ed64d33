"""The source's algorithm, transcribed as literally as it can be: scalars, loops, math.exp.

Slow, and sharing nothing with fnn: tests/train/test_scalar_reference.py holds fnn against it.
"""

from __future__ import annotations

import math

Matrix = list[list[float]]
Vector = list[float]


def sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z))


class Reference:
    """A sigmoid network with weights w[l][i][j] from unit i to unit j, and biases b[l][j]."""

    def __init__(self, w: list[Matrix], b: list[Vector]) -> None:
        self.w = w
        self.b = b

    def activations(self, x: Vector) -> list[Vector]:
        layers = [x]
        for w, b in zip(self.w, self.b, strict=True):
            a = layers[-1]
            out = []
            for j in range(len(b)):
                z = b[j]
                for i in range(len(a)):
                    z += a[i] * w[i][j]
                out.append(sigmoid(z))
            layers.append(out)
        return layers

    def train_one(self, x: Vector, y: Vector, mu: float) -> float:
        """One online update, w += mu * a * d; returns the squared distance before it."""
        layers = self.activations(x)
        out = layers[-1]
        distance = 0.0
        d = []
        for j in range(len(out)):
            distance += (y[j] - out[j]) ** 2
            d.append((y[j] - out[j]) * out[j] * (1.0 - out[j]))
        for layer in range(len(self.w) - 1, -1, -1):
            a = layers[layer]
            back = []
            for i in range(len(a)):
                total = 0.0
                for j in range(len(d)):
                    total += self.w[layer][i][j] * d[j]
                back.append(total * a[i] * (1.0 - a[i]))
            for j in range(len(d)):
                for i in range(len(a)):
                    self.w[layer][i][j] += mu * a[i] * d[j]
                self.b[layer][j] += mu * d[j]
            d = back
        return distance
