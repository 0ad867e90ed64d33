"""Checks of your own activation and loss pairs, and of whole networks with them.

- `check_activation` and `check_loss` compare the derivatives of a pair with numerical ones, and
  make sure that its functions keep shapes, dtypes and their arguments.
- `check_gradients` does so for `fnn.backprop` on a network, with any pairs.

Each returns None if all is right, and otherwise raises `AssertionError` with the place and both
numbers: call them in your tests.
"""

from fnn.testing._checks import check_activation, check_gradients, check_loss

__all__ = ["check_activation", "check_gradients", "check_loss"]


def __dir__() -> list[str]:
    return __all__
