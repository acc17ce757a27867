"""throughtime: experiments with recurrent networks, trained through time.

In Python and notebooks: `load(RUN)`, `compose([...])` and `fit(config)` (see `throughtime.api`). They are imported when
they are first used, since torch takes seconds to import.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["compose", "fit", "load"]

MODULES = {"compose": "throughtime.api", "fit": "throughtime.api", "load": "throughtime.inference.load"}


def __getattr__(name: str) -> Any:
    """The function of this name (PEP 562)."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
