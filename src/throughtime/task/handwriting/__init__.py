"""Handwriting: the next point of a pen, and ink that is drawn point by point."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["InkFigures"],
        "task": ["Handwriting"],
    },
)
