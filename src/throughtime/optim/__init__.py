"""Optimisers, learning-rate schedules and weight decay."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "optimization": ["Optimization"],
        "plateau": ["Plateau"],
        "schedule": ["constant", "cosine"],
    },
)
