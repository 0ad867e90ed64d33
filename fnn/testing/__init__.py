"""Checks of derivatives, for pairs of your own as for the built-in ones."""

from fnn.testing._checks import check_activation, check_gradients, check_loss

__all__ = ["check_activation", "check_gradients", "check_loss"]


def __dir__() -> list[str]:
    return __all__
