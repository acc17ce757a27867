"""Music: the next frame of a piece, which may have any of the 88 keys of a piano."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["PianoRollFigures"],
        "samples": ["MusicSamples"],
        "task": ["Music"],
    },
)
