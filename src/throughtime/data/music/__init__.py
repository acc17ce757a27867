"""Polyphonic music as piano rolls: which of the 88 keys of a piano sound in each step of a grid."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chorales": ["Chorales"],
        "data": ["MusicData"],
        "midi": ["MidiFiles"],
        "piano_roll_files": ["PianoRollFiles"],
        "source": ["MusicSource"],
    },
)
