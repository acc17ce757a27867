"""Sequences with a transcript each: recordings of speech and ink of words, read from files or composed on the fly."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": ["TranscribedData"],
        "spoken_strings": ["SpokenStrings"],
        "written_lines": ["WrittenLines"],
    },
)
