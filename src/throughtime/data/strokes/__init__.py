"""Strokes of a pen as sequences: UNIPEN, InkML, SVG paths and tables of points."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distort": ["StrokeDistortions"],
        "stroke_files": ["StrokeFiles"],
    },
)
