"""Recurrent layers made of cells."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bidirectional": ["Bidirectional"],
        "coupled": ["Coupled"],
        "delays": ["Delays"],
        "shared": ["Shared"],
        "stack": ["Stack"],
    },
)
