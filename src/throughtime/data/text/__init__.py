"""Text data: running text in lanes, and lines."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "lines": ["LinesData"],
        "running_text": ["TextData"],
    },
)
