"""Transcription: the symbols of a sequence of frames in their order, by connectionist temporal classification."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["TranscriptFigures", "TranscriptTable"],
        "task": ["Transcription"],
    },
)
