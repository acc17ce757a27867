"""Construction of objects from configuration: the whole tree is checked from the top down, and only then built."""

import functools
import inspect
import math
import types
import typing
from collections import abc
from collections.abc import Collection, Mapping
from typing import Any

from throughtime.config.registry import GIVEN_BY_THE_PROGRAM, KINDS, PLACES, Located, kind_at, locate
from throughtime.errors import UserError

_OWN = ("_target_", "_partial_")

NEEDED = ("task", "data", "cell", "engine", "model", "head", "optim", "callback", "trainer")
"""The parts that every run has."""

PATHS_OF_RUNS = ("resume", "rerun", "init_from")

MAY_BE_NAN = ("data.missing",)
"""Keys whose value may be NaN: the number that stands for a missing one."""


_MAY_BE_VALUES = ("data part", "task part")
"""Kinds of parts whose places may hold plain mappings too: any argument of data and tasks."""


class LocatedError(UserError):
    """An error that names the key of the innermost part it comes from."""


def instantiate(config: Any, key: str, kinds: Collection[str] = tuple(KINDS), **given: Any) -> Any:
    """Build what a configuration describes.

    A mapping with `_target_` becomes an object of that class; with `_partial_: true` it becomes a function that
    waits for the arguments which only the program knows (sizes, other parts). Other mappings and lists are built
    item by item. Names, arguments and simple values of all parts are checked before the first one is built, each
    part after the one that it is an argument of: a part that its owner does not take is never imported.

    Args:
        config: plain containers (no interpolations), as `OmegaConf.to_container(resolve=True)` gives them.
        key: where the configuration stands; it tells what may be built there, and is named by errors.
        kinds: what may be built at all (`throughtime.config.registry.KINDS`).
        given: further arguments for the outermost object.

    Raises:
        UserError: a target that is not of its place's kind, an unknown or missing argument, a value of the wrong
            type, and whatever the class itself objects to; the sentence names the key.
    """
    _check_place(config, key)
    located: dict[str, Located] = {}
    _check(config, key, kinds, located, frozenset(given))
    return _build(config, key, located, given)


def check_configuration(config: Mapping[str, Any]) -> None:
    """Check all parts of a whole configuration, so that a mistake is found before data are read or a folder is made.

    Raises:
        UserError: as `instantiate`, and for a `trust` that stands in a file.
    """
    if "trust" in config:
        raise UserError(
            "trust is a word of the command line or of THROUGHTIME_TRUST, never of a file; leave it out"
        )
    for key in NEEDED:
        if not isinstance(config.get(key), Mapping):
            raise UserError(
                f"{key}={config.get(key)} describes no {key}; conf/{key} holds those to choose from"
            )
    for key in PATHS_OF_RUNS:
        if not isinstance(config.get(key), str | None):
            raise UserError(
                f"{key}={config[key]} is of the wrong kind; the folder of a run is needed, in quotes"
            )
    _check_no_nan(config, "")
    for key, part in config.items():
        if (key in PLACES and part is not None) or isinstance(part, Mapping):
            _check_place(part, key)
            _check(part, key, KINDS, {})
    for group in ("callback", "logger"):
        for name, part in (config.get(group) or {}).items():
            if part is not None:
                _check_place(part, f"{group}.{name}")


def _check_no_nan(config: Any, key: str) -> None:
    """Raise `UserError` for a NaN anywhere: a comparison with it is false, so that no later check finds it."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            _check_no_nan(value, f"{key}.{name}" if key else str(name))
    elif isinstance(config, list):
        for value in config:
            _check_no_nan(value, key)
    elif isinstance(config, float) and math.isnan(config) and key not in MAY_BE_NAN:
        raise UserError(f"{key}: nan is not a number; give one")


def _check_place(config: Any, key: str) -> None:
    """Raise `UserError` where a part must stand and none does."""
    kind = kind_at(key)
    if kind is not None and not (isinstance(config, Mapping) and "_target_" in config):
        raise UserError(f"{key}={config} describes no {KINDS[kind].noun}; conf/ holds those to choose from")


def _check(
    config: Any,
    key: str,
    kinds: Collection[str],
    located: dict[str, Located],
    given: frozenset[str] = frozenset(),
) -> None:
    """Check a configuration from the top down; what each `_target_` leads to goes into `located`, by its key."""
    if isinstance(config, list):
        for place, value in enumerate(config):
            _check(value, f"{key}[{place}]", kinds, located)
    if not isinstance(config, Mapping):
        return
    arguments = {name: value for name, value in config.items() if name not in _OWN}
    if "_target_" in config:
        kind = kind_at(key)
        if kind is not None and kind not in kinds:
            raise UserError(f"{key}: {KINDS[kind].phrase} is not built from a checkpoint")
        found = located[key] = locate(config["_target_"], key)
        if not isinstance(config.get("_partial_", False), bool):
            raise UserError(
                f"{key}._partial_={config['_partial_']} is of the wrong kind; true or false is needed"
            )
        _check_arguments(found, arguments, key, given)
    for name, value in arguments.items():
        _check(value, f"{key}.{name}", kinds, located)
    if "_target_" in config:
        _check_parts(located[key], arguments, key, located)


def _build(
    config: Any,
    key: str,
    located: Mapping[str, Located],
    given: Mapping[str, Any] = types.MappingProxyType({}),
) -> Any:
    if isinstance(config, list):
        return [_build(value, f"{key}[{place}]", located) for place, value in enumerate(config)]
    if not isinstance(config, Mapping):
        return config
    parts = {
        name: _build(value, f"{key}.{name}", located, {})
        for name, value in config.items()
        if name not in _OWN
    }
    if key not in located:
        return parts
    call = functools.partial(_call, located[key].factory, key, **parts, **given)
    return call if config.get("_partial_", False) else call()


def _call(factory: Any, key: str, /, **arguments: Any) -> Any:
    from lightning.fabric.utilities.exceptions import MisconfigurationException  # only now: it imports torch

    unknown = _unknown(factory, arguments)
    if unknown:  # typed arguments are checked before: these come from the data
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
    except (*_REFUSALS, MisconfigurationException) as error:
        if not isinstance(error, _OWN_REFUSALS) and _is_own(factory):
            raise
        raise LocatedError(f"{key} ({factory.__qualname__}): {error}") from error


_OWN_REFUSALS = (TypeError, ValueError)
"""Errors by which classes of this package refuse the value of an argument."""

_REFUSALS = (*_OWN_REFUSALS, LookupError, AttributeError, ArithmeticError, AssertionError)
"""Errors by which classes of other libraries do, such as those of an optimiser whose `betas` is too short."""


def _is_own(factory: Any) -> bool:
    return str(getattr(factory, "__module__", "")).partition(".")[0] == "throughtime"


def _unknown(factory: Any, arguments: Collection[str]) -> list[str]:
    """The names among the arguments that the factory does not take."""
    parameters = _parameters(factory)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return []
    return [name for name in arguments if name not in parameters]


def _parameters(factory: Any) -> dict[str, inspect.Parameter]:
    """The parameters of a factory by their names; `**settings` of a class of ours stands for those of its base."""
    parameters = dict(inspect.signature(factory).parameters)
    if not inspect.isclass(factory):
        return parameters
    for base in factory.__mro__[1:]:
        waiting = [name for name, one in parameters.items() if one.kind is one.VAR_KEYWORD]
        if not waiting or not base.__module__.startswith("throughtime."):
            break
        if "__init__" in vars(base):
            del parameters[waiting[0]]
            parameters = dict(inspect.signature(base).parameters) | parameters
    return parameters


def _check_arguments(located: Located, arguments: Mapping[str, Any], key: str, given: frozenset[str]) -> None:
    """Compare names and simple values with the signature, so that a slip is named in the user's own words."""
    factory, allowed = located.factory, located.arguments
    parameters = _parameters(factory)
    for name in _unknown(factory, arguments):
        takes = ", ".join(parameter for parameter in parameters if allowed is None or parameter in allowed)
        raise UserError(f"{key}.{name}: {factory.__qualname__} takes no such argument; it takes {takes}")
    for name in arguments:
        if name in given or name in GIVEN_BY_THE_PROGRAM or (allowed is not None and name not in allowed):
            raise UserError(f"{key}.{name} is given by the program, never by a configuration; leave it out")
    for name, value in arguments.items():
        if (
            name in parameters
            and isinstance(value, Mapping)
            and kind_at(f"{key}.{name}") not in _MAY_BE_VALUES
        ):
            _check_place(value, f"{key}.{name}")
        if name in parameters and not _fits(value, parameters[name].annotation):
            expected = _in_words(parameters[name].annotation)
            hint = ""
            if _SIMPLE[str] in expected and isinstance(value, int | float) and not isinstance(value, bool):
                hint = f"; a text that looks like a number stands in quotes: '{key}.{name}=\"{value}\"'"
            raise UserError(
                f"{key}.{name}={_as_typed(value)} is of the wrong kind; {expected} is needed{hint}"
            )


def _check_parts(
    owner: Located, arguments: Mapping[str, Any], key: str, located: Mapping[str, Located]
) -> None:
    """Compare the parts among the arguments with the classes that the owner's signature names."""
    parameters = inspect.signature(owner.factory).parameters
    for name, value in arguments.items():
        part = located.get(f"{key}.{name}")
        if part is None or name not in parameters or not inspect.isclass(part.factory):
            continue
        choices = _choices(parameters[name].annotation)
        classes = tuple(choice for choice in choices if _is_plain_class(choice) and choice not in _SIMPLE)
        waits = isinstance(value, Mapping) and value.get("_partial_", False)
        if classes and not waits and not issubclass(part.factory, classes):
            raise UserError(
                f"{key}.{name}: {part.factory.__qualname__} is of the wrong kind; "
                f"{_in_words(parameters[name].annotation)} is needed"
            )


_SIMPLE = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(annotation) for member in _choices(part))
    return (annotation,)


_SEQUENCES = (list, tuple, abc.Sequence, abc.Collection, abc.Iterable)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a plain value fits an annotation made of plain classes and lists of them.

    Anything richer (a protocol, a mapping, a part) is left to the class.
    """
    return any(_fits_choice(value, choice) for choice in _choices(annotation))


def _fits_choice(value: Any, choice: Any) -> bool:
    if typing.get_origin(choice) is typing.Literal:
        return value in typing.get_args(choice)
    if typing.get_origin(choice) is abc.Callable:  # a part, or a function that makes one
        return isinstance(value, Mapping)
    if typing.get_origin(choice) in _SEQUENCES:
        members = [one for one in typing.get_args(choice) if one is not Ellipsis]
        if not isinstance(value, list):
            return False
        return not members or all(any(_fits(part, member) for member in members) for part in value)
    if not _is_plain_class(choice):
        return True
    if choice in _SEQUENCES:
        return isinstance(value, list)
    if choice not in _SIMPLE:  # a part, which is a mapping with _target_, or a list of parts
        if isinstance(value, Mapping):
            return "_target_" in value or issubclass(choice, abc.Mapping)
        return not isinstance(value, tuple(_SIMPLE))
    if isinstance(value, bool):
        return choice is bool
    return isinstance(value, choice) or (choice is float and isinstance(value, int))


def _is_plain_class(choice: Any) -> bool:
    """A class that a scalar can be compared with: no generic, no protocol, nothing that stands for all."""
    return (
        isinstance(choice, type)
        and not isinstance(choice, types.GenericAlias)
        and not getattr(choice, "_is_protocol", False)
        and choice not in (Any, object, inspect.Parameter.empty)
    )


def _as_typed(value: Any) -> Any:
    """A value as it is written in YAML."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else value


def _in_words(annotation: Any) -> str:
    return " or ".join(dict.fromkeys(map(_choice_in_words, _choices(annotation))))


def _choice_in_words(choice: Any) -> str:
    if typing.get_origin(choice) is typing.Literal:
        return " or ".join(map(str, typing.get_args(choice)))
    if typing.get_origin(choice) is abc.Callable:
        return "a part with a _target_"
    if choice in _SEQUENCES or typing.get_origin(choice) in _SEQUENCES:
        listed = (one for member in typing.get_args(choice)[:1] for one in _choices(member))
        members = {_SIMPLE.get(one, "") for one in listed}
        numbers = members and members <= {_SIMPLE[int], _SIMPLE[float]}
        return "a list of numbers in brackets" if numbers else "a list in brackets"
    return _SIMPLE.get(choice) or getattr(choice, "__name__", str(choice))
