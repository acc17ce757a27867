"""Patterns with named groups over the names of files: `{digit}_{speaker}_{take}.wav`."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from throughtime.errors import UserError

Values = Mapping[str, str | int | float | Sequence[str | int | float]]
"""Values of groups: one, or a list of them."""


class FilePattern:
    """Named groups in the name of a file, and in those of the folders above it.

    `{name}` stands for one or more characters without a slash, `*` for any number of them, and all else for itself. A
    pattern without a suffix matches files with any. Of several ways to match, the groups on the left are the shortest.

    Args:
        pattern: such as `{digit}_{speaker}_{take}.wav` or `{speaker}/*-{word}`.
        suffixes: the ends of names, in lower case, that a pattern may leave out.

    Attributes:
        names: of the groups, in their order.

    Raises:
        UserError: the pattern has no group, one name twice, or nothing between two groups.
    """

    def __init__(self, pattern: str, suffixes: Collection[str]) -> None:
        key = f"data.source.pattern={pattern}"
        literals = re.split(r"\{(\w+)\}", pattern)
        self.names = tuple(literals[1::2])
        if not self.names or any(mark in text for text in literals[::2] for mark in "{}"):
            raise UserError(
                f"{key} must have groups in braces, each a word, such as {{label}}_{{speaker}}_*.wav"
            )
        if len(set(self.names)) < len(self.names) or not all(name.isidentifier() for name in self.names):
            raise UserError(f"{key} must give each group a name of its own that begins with a letter")
        if any(text in ("", "*") for text in literals[2:-1:2]):
            raise UserError(f"{key} must have a character between two groups, such as {{label}}_{{speaker}}")
        self.pattern = pattern
        self._depth = pattern.count("/") + 1
        self._has_suffix = pattern.lower().endswith(tuple(suffixes))
        parts = [re.escape(text).replace(r"\*", "[^/]*") for text in literals]
        parts[1::2] = [f"(?P<{name}>[^/]+?)" for name in self.names]
        self._expression = re.compile("".join(parts))

    def match(self, file: Path) -> dict[str, str] | None:
        """The values of the groups in the name of a file; None where it does not match."""
        parts = file.parts[-self._depth :]
        name = "/".join(parts) if self._has_suffix else "/".join([*parts[:-1], file.stem])
        found = self._expression.fullmatch(name)
        return None if found is None else found.groupdict()


class ValueFilter:
    """A condition on the values of named groups: each is one of some, compared as text and as whole numbers.

    Args:
        key: the setting, which errors name.
        values: the values that are chosen, by the name of the group.
        names: of the groups that there are.

    Raises:
        UserError: there is no such group, or no value.
    """

    def __init__(self, key: str, values: Values, names: Sequence[str]) -> None:
        self.key = key
        self.wanted: dict[str, list[str]] = {}
        if not values:
            raise UserError(f"{key} names no group; set {key}=null, or such as {key}.{names[0]}=[0,1]")
        for name, given in values.items():
            if name not in names:
                raise UserError(
                    f"{key}: there is no group {name} in data.source.pattern; it has {', '.join(names)}"
                )
            several = [given] if isinstance(given, str | int | float) else list(given)
            if not several:
                raise UserError(f"{key}.{name} has no value; give a list such as [0,1]")
            self.wanted[name] = [_normal(str(value)) for value in several]

    def __call__(self, found: Mapping[str, str]) -> bool:
        """Whether the values of a file are all among those that are chosen."""
        return all(_normal(found[name]) in wanted for name, wanted in self.wanted.items())

    def check_found(self, files: Sequence[Mapping[str, str]]) -> None:
        """Raise `UserError` for a value that no file has."""
        for name, wanted in self.wanted.items():
            there = {_normal(found[name]) for found in files}
            for value in wanted:
                if value not in there:
                    listed = ", ".join(sorted(there)[:12]) + (", …" if len(there) > 12 else "")
                    raise UserError(f"{self.key}: no file has {name}={value}; the values are {listed}")


def _normal(value: str) -> str:
    """A value as text; whole numbers without zeros before them."""
    return str(int(value)) if value.isascii() and value.isdigit() else value
