"""Pooling: the features of a sequence so far, from those of its steps."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["Attention"],
        "base": ["Pooling"],
        "last": ["Last"],
        "max": ["Max"],
        "mean": ["Mean"],
    },
)
