"""Models of sequences: input layers, recurrent layers, and forecasting models made of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "multitask": ["MultitaskModel"],
        "sequence": ["SequenceModel"],
        "subsampled": ["SubsampledModel"],
        "window": ["WindowModel"],
    },
)
