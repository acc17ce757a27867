"""Tagging: a tag for every token."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["TagTable"],
        "task": ["Tagging"],
    },
)
