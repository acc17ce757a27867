"""Video: clips as sequences of frames, from files, or of digits that move."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "clip_shifts": ["ClipShifts"],
        "moving_digits": ["MovingDigits"],
        "video_files": ["VideoFiles"],
    },
)
