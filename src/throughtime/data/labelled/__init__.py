"""Labelled sequences: one class, or several labels, for a whole sequence; common to all modalities."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": ["LabelledData"],
        "multitask": ["MultitaskData"],
        "sequences": ["Augmentation", "SequenceSet", "SequenceSource"],
    },
)
