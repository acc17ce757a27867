"""Readers of what a run records beside its configuration: results.json, environment.json and overrides.yaml.

A folder may come from anywhere and be damaged, so that the shape of a file is checked before any of it is used. Nothing
here imports torch.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from throughtime.errors import UserError
from throughtime.files import read_start

LARGEST = 1 << 24
"""Bytes that a record may have; a long one has 20,000."""

NUMBER, TEXT, MAYBE_NUMBER = (int, float), (str,), (int, float, type(None))

RESULTS: dict[str, tuple[type, ...]] = {
    "status": TEXT,
    "task": TEXT,
    "seed": (int,),
    "overrides": (list,),
    "monitor": TEXT,
    "mode": TEXT,
    "best": MAYBE_NUMBER,
    "metrics": (dict,),
    "parameters": (int,),
    "steps": (int,),
    "seconds": NUMBER,
}
"""The fields that results.json always has, and their types."""

LATER_RESULTS: dict[str, tuple[type, ...]] = {
    "best_step": (int, type(None)),
    "epochs": (int,),
    "speed": NUMBER,
    "choices": (dict,),
    "checkpoint": (str, type(None)),
}
"""Fields that may be missing."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        UserError: the file cannot be read, is far too large, or holds no JSON object.
    """
    try:
        content = read_start(path, LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(f"{path} has more than {LARGEST:,} bytes, so it is no record of throughtime")
        found = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({str(error).splitlines()[0]})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged: it holds no JSON object")
    return found


def read_results(path: Path, needed: Collection[str] = tuple(RESULTS)) -> dict[str, Any]:
    """The results of a run, with the fields that are needed, and each of its type.

    Args:
        path: results.json.
        needed: the fields that must be there; by default all that results always have.

    Raises:
        UserError: the file cannot be read, or is not the results of a run.
    """
    results = read_object(path)
    for name, types in (RESULTS | LATER_RESULTS).items():
        if name in results and not _is_of(results[name], types):
            raise UserError(f"{path} is not the results of a run; its {name} is of the wrong kind")
        if name in needed and name not in results:
            raise UserError(f"{path} is not the results of a run; it lacks {name}")
    if not all(_is_of(value, NUMBER) for value in results.get("metrics", {}).values()):
        raise UserError(f"{path} is not the results of a run; one of its metrics is no number")
    if not all(isinstance(one, str) for one in results.get("overrides", [])):
        raise UserError(f"{path} is not the results of a run; one of its overrides is no text")
    return results


def read_overrides(path: Path) -> list[str]:
    """The overrides of a run, as the user typed them; none where there is no such file.

    Raises:
        UserError: the file cannot be read, or holds no list of texts.
    """
    try:
        content = read_start(path, LARGEST + 1)
        found = yaml.safe_load(content.decode("utf-8")) if len(content) <= LARGEST else None
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} is damaged ({str(error).splitlines()[0]}); move it away to go on") from error
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UserError(f"{path} is damaged: it holds no list of overrides; move it away to go on")
    return found


def error_lines(path: Path) -> list[str]:
    """The lines of an error.txt that are not blank; none where there is no such text."""
    try:
        text = read_start(path, LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_of(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)
