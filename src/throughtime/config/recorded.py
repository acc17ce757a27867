"""Recorded configurations, read as data: the config.yaml of a run that may come from anywhere.

A recorded configuration is whole and resolved: it has no list of defaults, nothing for Hydra, and nothing to
interpolate. What it holds is checked where it is built (`throughtime.config.registry`).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from throughtime.errors import UserError
from throughtime.files import read_start

LARGEST = 1 << 20
"""Bytes that a recorded configuration may have; a long one has 6,000."""

NOT_RECORDED = {
    "hydra": "it says how commands run",
    "defaults": "it is whole",
    "trust": "only the command line or the environment can give it",
}


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where it was built


def read_recorded(path: Path) -> dict[str, Any]:
    """The configuration in the file at `path`, in plain containers.

    Raises:
        UserError: the file cannot be read, is no configuration, or holds more than a recorded one may.
    """
    config = read_mapping(path)
    check_recorded(config, str(path))
    return config


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in the YAML file at `path`, whatever its keys.

    Raises:
        UserError: the file cannot be read, is far too large, or holds no mapping in plain YAML.
    """
    try:
        content = read_start(path, LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(
                f"{path} has more than {LARGEST:,} bytes, so it is not the configuration of a run"
            )
        text = content.decode("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader)):
            raise UserError(f"{path} has an anchor that is used again, which no recorded configuration has")
        config = yaml.load(text, _Loader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = "" if line is None else f", line {line + 1}"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"{path}{place}: this is not the configuration of a run ({problem})") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} is not the configuration of a run: it holds no mapping")
    return config


def check_recorded(config: Any, name: str) -> None:
    """Raise `UserError` unless a configuration is whole, resolved, and silent about how commands run.

    Args:
        config: in plain containers.
        name: what an error calls it.
    """
    if not isinstance(config, Mapping) or not {"task", "data", "trainer", "seed"} <= config.keys():
        raise UserError(f"{name} is not the configuration of a run; it needs task, data, trainer and seed")
    for key, reason in NOT_RECORDED.items():
        if key in config:
            raise UserError(f"{name}: a recorded configuration has no {key}: {reason}")
    for key, value in _scalars(config, ""):
        if isinstance(value, str) and "${" in value:
            raise UserError(
                f"{name}: {key}={value} is an interpolation, and a recorded configuration has none"
            )


def _scalars(config: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from _scalars(value, f"{key}.{name}" if key else name)
    elif isinstance(config, list):
        for place, value in enumerate(config):
            yield from _scalars(value, f"{key}[{place}]")
    else:
        yield key, config
