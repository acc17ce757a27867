"""Columns of a table of runs: the few keys in which they differ, of the hundreds that a configuration has."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from throughtime.errors import UserError
from throughtime.report.record import Record

EVERYWHERE = ("task", "experiment", "debug")
"""Groups whose options set any keys; an option of another group sets keys below the group's name."""

BOOKKEEPING = ("seed", "resume", "rerun", "sweep", "hydra")
"""Keys that do not describe the experiment; the seed only numbers its repetitions."""

REPETITIONS = ("data.fold", "data.resample")
"""Further keys that number repetitions of an experiment, which are summarised in one row."""


@dataclass(frozen=True)
class Column:
    """One thing in which runs differ.

    Attributes:
        key: a group (`cell`, `optim/schedule`) or a dotted key (`optim.optimizer.lr`).
        values: one for each run, in the order of the runs.
    """

    key: str
    values: tuple[Any, ...]


def columns(records: Sequence[Record], by: Sequence[str] | None = None) -> list[Column]:
    """The columns in which these runs differ, besides the seed: choices of groups, then overrides, then other keys.

    A chosen option (`cell=gru`) is one column, not one for each key that it sets; keys that follow from it are shown
    only where they were overridden, or where they differ between runs of the same option.

    Args:
        records: the runs.
        by: groups and dotted keys to have columns of, whether they differ or not, and no others.

    Raises:
        UserError: no run has a key of `by`.
    """
    if by:
        return [_column(key, _values(records, key)) for key in by]
    keys = differing(records)
    chosen = _chosen(records, keys)
    typed = _typed(records)
    found: list[Column] = list(chosen)
    for key in sorted(keys, key=lambda key: (key not in typed, typed.get(key, 0), key)):
        column = _column(key, [record.config.get(key) for record in records])
        if _says_something_new(column, found, chosen, key in typed):
            found.append(column)
    return found


def differing(records: Sequence[Record]) -> list[str]:
    """The dotted keys of the configuration whose values differ between runs; a missing key is a value."""
    keys = sorted({key for record in records for key in record.config})
    return [
        key
        for key in keys
        if key.partition(".")[0] not in BOOKKEEPING
        and key not in REPETITIONS
        and len({comparable(record, key) for record in records}) > 1
        and not _repeats_the_seed(key, records)
        and not _names_the_run(key, records)
    ]


def comparable(record: Record, key: str) -> Any:
    """The value of a dotted key in a form to compare; a missing key differs from every value."""
    if key not in record.config:
        return ()
    value = record.config[key]
    return json.dumps(value) if isinstance(value, bool | list) else value  # in Python, True == 1


def _repeats_the_seed(key: str, records: Sequence[Record]) -> bool:
    """Whether a key repeats the seed, such as data.seed=${seed}."""
    return key.endswith(".seed") and all(
        record.config.get(key, record.seed) == record.seed for record in records
    )


def _names_the_run(key: str, records: Sequence[Record]) -> bool:
    """Whether a key is a path inside the run's own folder."""
    values = [(record.path.name, record.config.get(key)) for record in records]
    # In a sweep a run's name is a number, which is also in many a learning rate.
    return all(
        value is None or (isinstance(value, str) and f"/{name}/" in f"{value}/") for name, value in values
    )


def _chosen(records: Sequence[Record], keys: Sequence[str]) -> list[Column]:
    """A column for each group whose option differs and matters, and for each class that differs elsewhere."""
    groups = dict.fromkeys(
        group for record in records for group in record.choices if group not in BOOKKEEPING
    )
    places = [key.removesuffix("._target_") for key in keys if key.endswith("._target_")]
    names = [*groups, *(place for place in places if place not in groups)]
    found: list[Column] = []
    for name in sorted(
        names, key=lambda name: (name not in EVERYWHERE, name in places and name not in groups)
    ):
        column = _column(name, [option(record, name) for record in records])
        alike = any(_same(column, other) for other in found)
        if len(set(column.values)) > 1 and any(_covers(name, key) for key in keys) and not alike:
            found.append(column)
    return found


def option(record: Record, group: str) -> str | None:
    """The option of a group: as it was chosen, else the module of the class that it builds."""
    if group in record.choices:
        return record.choices[group]
    typed = [text.partition("=")[2] for text in record.overrides if text.lstrip("+").startswith(f"{group}=")]
    if typed:
        return typed[-1]
    target = record.config.get(f"{group.replace('/', '.')}._target_")
    return target.split(".")[-2] if isinstance(target, str) and "." in target else None


def value(record: Record, key: str) -> Any:
    """The value of a dotted key, or the option of a group, in a run; None where it has neither."""
    return record.config[key] if key in record.config else option(record, key)


def _values(records: Sequence[Record], key: str) -> list[Any]:
    values = [value(record, key) for record in records]
    if all(one is None for one in values) and not any(key in record.config for record in records):
        raise UserError(unknown_key(key, records))
    return values


def unknown_key(key: str, records: Sequence[Record], further: Iterable[str] = ()) -> str:
    """The error message for a key that no run has, with the most similar known one."""
    known = sorted({*further, *(name for record in records for name in (*record.config, *record.choices))})
    endings = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
    near = [*endings, *difflib.get_close_matches(key, known, n=1, cutoff=0.5)]
    return f"{key} is in none of these runs" + (f"; did you mean {near[0]}?" if near else "")


def _covers(group: str, key: str) -> bool:
    return group in EVERYWHERE or key.startswith(f"{group.replace('/', '.')}.")


def _says_something_new(
    column: Column, found: Sequence[Column], chosen: Sequence[Column], typed: bool
) -> bool:
    if column.key.endswith("._target_"):
        return False
    last = column.key.rpartition(".")[2]
    if any(_same(column, other) and other.key.rpartition(".")[2] == last for other in found):
        return False  # an interpolation repeats it
    return typed or not any(_covers(one.key, column.key) and _follows(column, one) for one in chosen)


def _follows(column: Column, choice: Column) -> bool:
    """Whether the choice alone tells the value."""
    pairs = set(zip(choice.values, column.values, strict=True))
    return len(pairs) == len(set(choice.values))


def _same(one: Column, other: Column) -> bool:
    return one.values == other.values


def _typed(records: Iterable[Record]) -> dict[str, int]:
    """The dotted keys that were typed for any of the runs, with their places."""
    keys = (text.partition("=")[0].lstrip("+~") for record in records for text in record.overrides)
    return {key: place for place, key in enumerate(dict.fromkeys(keys))}


def _column(key: str, values: Iterable[Any]) -> Column:
    return Column(key, tuple(_shown(value) for value in values))


def _shown(value: Any) -> Any:
    """A value that can be compared and shown: numbers and texts as they are, lists as JSON."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The shortest ending of each dotted key that no other key has."""
    names = {}
    for key in keys:
        parts = key.split(".")
        endings = [".".join(parts[place:]) for place in range(len(parts) - 1, -1, -1)]
        others = [other for other in keys if other != key]
        free = (
            end for end in endings if not any(other == end or other.endswith(f".{end}") for other in others)
        )
        names[key] = next(free, key)
    return names


def deviations(lines: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The most frequent value of each setting, and for each line the settings that deviate from it."""
    common = {
        name: Counter(line[name] for line in lines).most_common(1)[0][0]
        for name in (lines[0] if lines else ())
    }
    return common, [{name: text for name, text in line.items() if text != common[name]} for line in lines]
