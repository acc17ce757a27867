"""Strokes of a pen as sequences: UNIPEN, InkML, SVG paths, tables of points, and words under random hands."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distort": ["StrokeDistortions"],
        "handwriting_data": ["HandwritingData"],
        "stroke_files": ["StrokeFiles"],
        "written_words": ["WrittenWords"],
    },
)
