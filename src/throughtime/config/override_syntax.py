"""Overrides that Hydra's grammar does not take as they are typed: paths with `~`, and the quoted form of a value.

The grammar gives a meaning to `= , ' " ( ) [ ] { }` and refuses every character that is not ASCII, outside quotes.
"""

import os
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
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
    return QuotedString(value, Quote.single).with_quotes()


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
        quote = _quote_for(value)
        quoted_members = (
            QuotedString(member.strip("'"), quote).with_quotes() for member in members if member
        )
        override = f"{key}=[{','.join(quoted_members)}]"
    else:
        quote = _quote_for(value)
        override = f"{key}={QuotedString(value, quote).with_quotes()}"
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return None
    return _in_shell_quotes(override)


def _quote_for(value: str) -> Quote:
    """The grammar's double quotes, which stand within the shell's single ones, where the value allows it."""
    return Quote.single if "'" in value else Quote.double


def several_values(argument: str) -> str:
    """The sentence for a list of values without -m."""
    return (
        f"{argument} are several values; add -m to train one run with each, or quote a single value that holds "
        f"commas: {quoted_form(argument)}"
    )


def _in_shell_quotes(word: str) -> str:
    """The word in single quotes, where it has none; else in double quotes, with what a shell expands there escaped."""
    if "'" not in word:
        return f"'{word}'"
    escaped = re.sub(r'([$`"]|\\(?=[$`"\\]))', r"\\\1", word)
    return f'"{escaped}"'
