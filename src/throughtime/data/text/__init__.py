"""Text data: running text in lanes, lines, and labelled texts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "labelled_text": ["LabelledText"],
        "lines": ["LinesData"],
        "running_text": ["TextData"],
    },
)
