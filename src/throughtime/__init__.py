"""throughtime: experiments with recurrent networks, trained through time.

In Python and notebooks: `load(RUN)`, `compose([...])` and `fit(config)` (see `throughtime.api`). They are imported when
they are first used, since torch takes seconds to import.
"""

import importlib
import sys
from types import ModuleType
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


class _ScipySignal(ModuleType):
    """`scipy.signal`, imported when something of it is used: torchmetrics imports it and uses nothing."""

    def __getattr__(self, name: str) -> Any:
        if name == "hamming":  # which torchmetrics looks for, and adds where it is missing
            return lambda *arguments, **options: self.windows.hamming(*arguments, **options)
        if name.startswith("__") and name not in ("__path__", "__all__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = importlib.import_module(self.__name__)
        if not hasattr(module, "hamming"):
            module.hamming = module.windows.hamming
        return getattr(module, name)


sys.modules.setdefault("scipy.signal", _ScipySignal("scipy.signal"))
