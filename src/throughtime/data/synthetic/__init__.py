"""Generated series."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "lorenz": ["Lorenz"],
        "mackey_glass": ["MackeyGlass"],
        "narma10": ["Narma10"],
    },
)
