"""Recordings with a tag for every frame: rows of numbers over time."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": ["FramesData"],
    },
)
