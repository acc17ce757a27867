"""Regularisers of the recurrence: terms of the loss that keep the gradient from vanishing or exploding."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Regulariser"],
        "flossing": ["Flossing"],
        "norm_preserving": ["NormPreserving"],
    },
)
