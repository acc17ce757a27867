"""Classes that the user types in the place of a chosen option: `cell=lstm cell._target_=my_cells.CFN`.

The option's file has values for its own class. Those that the typed class does not take are left out, with a message;
values that the user typed stay, and are refused where the class does not take them.
"""

import inspect
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from throughtime.config.registry import locate


def without_unknown_arguments(
    config: Mapping[str, Any], typed: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """The configuration without the values that a typed class does not take, and a message for each class.

    Args:
        config: the whole configuration in plain containers.
        typed: what the user typed.

    Raises:
        UserError: a typed class is not of its place's kind.
    """
    names = [override.lstrip("+").partition("=")[0] for override in typed if not override.startswith("~")]
    places = [name.removesuffix("._target_") for name in names if name.endswith("._target_")]
    if not places:
        return dict(config), []
    adapted, messages = deepcopy(dict(config)), []
    for place in places:
        part = adapted
        for name in place.split("."):
            part = part[name]
        factory = locate(part["_target_"], place).factory
        parameters = inspect.signature(factory).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            continue
        untaken = [
            name
            for name in part
            if name not in (*parameters, "_target_", "_partial_") and f"{place}.{name}" not in names
        ]
        for name in untaken:
            del part[name]
        if untaken:
            messages.append(f"{place}: {factory.__qualname__} takes no {', '.join(untaken)}; left out")
    return adapted, messages
