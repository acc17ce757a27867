"""Tasks: data, model, head and metrics trained through time; one folder a task."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Task", "TaskPart"],
    },
)
