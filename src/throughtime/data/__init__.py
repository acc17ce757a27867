"""Data: what every modality shares lies here, each modality in a folder."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["DataModule", "DataPart"],
        "batch": ["Batch", "Chunk"],
        "window": ["Window"],
    },
)
