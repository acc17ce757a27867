"""Decoders: how a sequence is chosen from step-by-step predictions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Decoder"],
        "beam": ["Beam"],
        "greedy": ["Greedy"],
        "sampling": ["Sampling"],
    },
)
