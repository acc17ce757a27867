"""Algorithmic tasks: the answers of a rule at the steps where it has one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["LengthProfile"],
        "task": ["Algorithmic"],
    },
)
