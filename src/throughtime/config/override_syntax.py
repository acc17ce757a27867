"""Overrides that Hydra's grammar does not take as they are typed: paths with `~`, and the quoted form of a value.

The grammar gives a meaning to `= , ' " ( ) [ ] { }` and refuses every character that is not ASCII, outside quotes.
"""

import os
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

PATH_KEYS = (
    *("data.path", "data.train_path", "data.val_path", "data.test_path", "data.vectors"),
    *("resume", "rerun", "init_from", "hydra.run.dir", "hydra.sweep.dir"),
)
"""Keys whose value is a path."""


def expand_home(arguments: Sequence[str]) -> list[str]:
    """The arguments with `~` and `~user` at the beginning of a path replaced by the home folder."""
    return [_expanded(argument) for argument in arguments]


def _expanded(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if key.lstrip("+") not in PATH_KEYS or not value.startswith("~"):
        return argument
    return f"{key}{equals}{quoted(os.path.expanduser(value))}"


def quoted(value: str) -> str:
    """A value in the quotes of Hydra's override grammar."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quoted_form(argument: str) -> str | None:
    """The argument as a shell takes it with its value in quotes; None where quotes do not make an override of it.

    A value in brackets stays a list, and each of its members is quoted.
    """
    key, equals, value = argument.partition("=")
    if not equals or not key:
        return None
    is_list = len(value) > 1 and value.startswith("[") and value.endswith("]")
    if is_list:
        members = (member.strip() for member in value[1:-1].split(","))
        override = f"{key}=[{','.join(quoted(member.strip(chr(39))) for member in members if member)}]"
    else:
        override = f"{key}={quoted(value)}"
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return None
    return _in_shell_quotes(override)


def several_values(argument: str) -> str:
    """The sentence for a list of values without -m."""
    key, _, value = argument.partition("=")
    return (
        f"{argument} are several values; add -m to train one run with each, or quote a single value that holds "
        f"commas: {_in_shell_quotes(f'{key}={quoted(value)}')}"
    )


def _in_shell_quotes(word: str) -> str:
    """The word in double quotes, which keep the single quotes of the grammar."""
    escaped = re.sub(r'([$`"]|\\(?=[$`"\\]))', r"\\\1", word)
    return f'"{escaped}"'
