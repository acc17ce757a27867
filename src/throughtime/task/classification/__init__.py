"""Classification: a class, or several labels at once, for a whole sequence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["ClassFigures", "ClassTable"],
        "task": ["Classification"],
    },
)
