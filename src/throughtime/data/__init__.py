"""Data: the base class, batches and loaders common to all modalities, and a folder for each modality."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["DataModule", "DataPart"],
        "batch": ["Batch", "Chunk"],
        "window": ["Window"],
    },
)
