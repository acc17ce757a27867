"""Forecasting models."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Forecaster"],
        "direct": ["Direct"],
        "encoder_decoder": ["EncoderDecoder"],
        "recursive": ["Recursive"],
        "segments": ["Segments"],
    },
)
