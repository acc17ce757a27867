"""Images as sequences: files of many formats, and the digits that scikit-learn ships."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "digits": ["Digits"],
        "image_distortions": ["ImageDistortions"],
        "image_files": ["ImageFiles"],
        "shifts": ["Shifts"],
    },
)
