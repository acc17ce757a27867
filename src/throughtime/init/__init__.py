"""Initialisers: the start of the recurrent weights and of the gates of every cell of a model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Initialiser"],
        "chrono": ["Chrono"],
        "recurrent_weights": ["RecurrentWeights"],
    },
)
