"""Tagged sentences: file formats, splits and batches."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "conll": ["Conll"],
        "conllu": ["ConllU"],
        "data": ["TaggingData"],
        "parallel": ["Parallel"],
        "python_roles": ["PythonRoles"],
        "sentences": ["Format"],
    },
)
