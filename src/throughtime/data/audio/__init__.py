"""Recordings as sequences of spectral features: decoding, log-mel and MFCC, and their augmentation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audio_distortions": ["AudioDistortions"],
        "audio_files": ["AudioFiles"],
    },
)
