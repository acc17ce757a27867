"""The boundary of trust: which classes a configuration may build.

A configuration is data from somewhere: a YAML file, a command line, a checkpoint that was downloaded. `locate` finds
the object that a dotted path names only if the path is on the allow-list before anything is imported, and if what
was found there is defined under an allowed name too: an alias of `os.system` in an allowed module is refused like
`os.system` itself. The list is set here, in Python; no configuration can add to it.
"""

import importlib
from typing import Any

from throughtime.errors import UserError

ALLOWED_PREFIXES = (
    "throughtime.callback.",
    "throughtime.cell.",
    "throughtime.data.",
    "throughtime.decode.",
    "throughtime.engine.",
    "throughtime.head.",
    "throughtime.model.",
    "throughtime.optim.",
    "throughtime.task.",
    "throughtime.tokenizer.",
    "torch.optim.",
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.profilers.",
)

ALLOWED_NAMES = frozenset({"lightning.pytorch.Trainer", "lightning.pytorch.trainer.trainer.Trainer"})


def is_allowed(name: str) -> bool:
    """Whether a dotted path is on the allow-list. Private parts (a leading underscore) never are."""
    if any(part.startswith("_") for part in name.split(".")):
        return False
    return name in ALLOWED_NAMES or name.startswith(ALLOWED_PREFIXES)


def locate(target: str, key: str) -> Any:
    """The class or function at the dotted path `target`, which stands in the configuration under `key`.

    Raises:
        UserError: the path is not on the allow-list, leads nowhere, or leads to something defined elsewhere.
    """
    if not isinstance(target, str) or not is_allowed(target):
        raise UserError(
            f"{key}: {target} is not a class that a configuration may build (see throughtime/config/registry.py)"
        )
    module_name, _, attribute = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{key}: there is no {target} ({error})") from error
    defined_as = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if not callable(found) or not is_allowed(defined_as):
        raise UserError(f"{key}: {target} leads to {defined_as}, which a configuration may not build")
    return found
