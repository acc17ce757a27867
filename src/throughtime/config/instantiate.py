"""The one function that turns configuration into objects."""

import functools
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException

from throughtime.config.registry import locate
from throughtime.errors import UserError


class LocatedError(UserError):
    """An error that names the key of the innermost part it comes from."""


def instantiate(config: Any, key: str = "", **given: Any) -> Any:
    """Build what a configuration describes, from the inside out.

    A mapping with `_target_` becomes an object of that class; with `_partial_: true` it becomes a function that
    waits for the arguments which only the program knows (sizes, other parts). Other mappings and lists are built
    item by item.

    Args:
        config: plain containers (no interpolations), as `OmegaConf.to_container(resolve=True)` gives them.
        key: where the configuration stands, for error messages.
        given: further arguments for the outermost object.

    Raises:
        UserError: a target that is not allowed, an unknown or missing argument, a value of the wrong type, and
            whatever the class itself objects to; the sentence names the key.
    """
    if isinstance(config, Mapping):
        parts = {
            name: instantiate(value, f"{key}.{name}" if key else name)
            for name, value in config.items()
            if name not in ("_target_", "_partial_")
        }
        if "_target_" not in config:
            return parts
        return _build(config["_target_"], parts | given, key, partial=bool(config.get("_partial_", False)))
    if isinstance(config, list):
        return [instantiate(value, f"{key}[{place}]") for place, value in enumerate(config)]
    return config


def _build(target: str, arguments: dict[str, Any], key: str, partial: bool) -> Any:
    factory = locate(target, key)
    _check_arguments(factory, arguments, key)
    call = functools.partial(_call, factory, key, **arguments)
    return call if partial else call()


def _call(factory: Any, key: str, /, **arguments: Any) -> Any:
    unknown = _unknown(factory, arguments)
    if unknown:  # what the user types was looked at before: these come from the data
        raise LocatedError(
            f"{key}: {factory.__qualname__} does not fit this task's data; it takes no {unknown[0]}"
        )
    try:
        return factory(**arguments)
    except LocatedError:
        raise
    except UserError as error:
        sentence = str(error) if str(error).startswith(key) else f"{key}: {error}"
        raise LocatedError(sentence) from error
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise LocatedError(f"{key} ({factory.__qualname__}): {error}") from error


def _unknown(factory: Any, arguments: dict[str, Any]) -> list[str]:
    """The names among the arguments that the factory does not take."""
    parameters = inspect.signature(factory).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return []
    return [name for name in arguments if name not in parameters]


def _check_arguments(factory: Any, arguments: dict[str, Any], key: str) -> None:
    """Compare names and simple values with the signature, so that a slip is told in the user's own words."""
    parameters = inspect.signature(factory).parameters
    for name in _unknown(factory, arguments):
        raise UserError(
            f"{key}.{name}: {factory.__qualname__} takes no such argument; it takes {', '.join(parameters)}"
        )
    for name, value in arguments.items():
        if name not in parameters:
            continue
        if not _fits(value, parameters[name].annotation):
            expected = _in_words(parameters[name].annotation)
            raise UserError(f"{key}.{name}={value} is of the wrong kind; {expected} is needed")


_SIMPLE = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone; string annotations tell nothing and give ()."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(annotation) for member in _choices(part))
    return (annotation,)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a scalar fits an annotation made of plain classes; anything richer is left to the class."""
    choices = _choices(annotation)
    if not isinstance(value, tuple(_SIMPLE)) or not all(_is_plain_class(choice) for choice in choices):
        return True
    if isinstance(value, bool):
        return bool in choices
    if isinstance(value, int) and float in choices:
        return True
    return isinstance(value, tuple(choices))


def _is_plain_class(choice: Any) -> bool:
    """A class that a scalar can be compared with: no generic, no protocol, nothing that stands for all."""
    return (
        isinstance(choice, type)
        and not isinstance(choice, types.GenericAlias)
        and not getattr(choice, "_is_protocol", False)
        and choice not in (Any, object, inspect.Parameter.empty)
    )


def _in_words(annotation: Any) -> str:
    return " or ".join(_SIMPLE.get(choice, choice.__name__) for choice in _choices(annotation))
