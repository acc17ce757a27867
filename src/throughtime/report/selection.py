"""Selection and order of runs by any key of their configuration, any metric, or their status."""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from throughtime.errors import UserError
from throughtime.report.columns import unknown_key, value
from throughtime.report.numbers import format_setting
from throughtime.report.record import Record

FIELDS = ("status", "task", "seed", "monitor", "best", "parameters", "steps", "seconds")
"""Keys of a run besides its configuration and its metrics."""

CONDITION = re.compile(r"(?P<key>[^<>=!]+?)\s*(?P<operator><=|>=|!=|==|=|<|>)\s*(?P<text>.*)", re.DOTALL)
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def select_runs(records: Sequence[Record], conditions: Sequence[str]) -> list[Record]:
    """Select the runs that meet every condition, such as `cell=gru`, `val/loss<1.5` or `status!=failed`.

    A run that lacks the value meets no condition on it but `!=`.

    Raises:
        UserError: a condition cannot be parsed, or no run has its key.
    """
    tests = [_test(condition, records) for condition in conditions]
    return [record for record in records if all(test(record) for test in tests)]


def _test(condition: str, records: Sequence[Record]) -> Callable[[Record], bool]:
    parsed = CONDITION.fullmatch(condition.strip())
    if parsed is None:
        raise UserError(
            f"--where {condition}: write a key, one of = != < <= > >=, and a value, such as cell=gru"
        )
    key, sign, text = full_key(parsed["key"], records), parsed["operator"], parsed["text"]
    if sign in COMPARISONS:
        bound = _number(text)
        if bound is None:
            raise UserError(f"--where {condition}: {text!r} is not a number, which {sign} needs")
        return lambda record: (
            (found := _number(look_up(record, key))) is not None and COMPARISONS[sign](found, bound)
        )
    return lambda record: _equals(look_up(record, key), text) is (sign != "!=")


def look_up(record: Record, key: str) -> Any:
    """The value of a field, a metric, a group or a dotted key in a run; None where it has none."""
    if key in FIELDS and key not in ("task", "seed", "monitor"):
        return getattr(record, key)
    if key in record.metrics:
        return record.best if key == record.monitor and record.best is not None else record.metrics[key]
    return getattr(record, key) if key in FIELDS else value(record, key)


def full_key(key: str, records: Sequence[Record]) -> str:
    """The full key of an abbreviation to its last parts (`lr`), which no other key may share.

    Raises:
        UserError: no run has the key, or it is ambiguous.
    """
    known = known_keys(records)
    if not records or key in known:
        return key
    endings = sorted(name for name in known if name.endswith(f".{key}"))
    if len(endings) > 1:
        raise UserError(f"{key} may be {', '.join(endings[:5])}; name one of them in full")
    if not endings:
        raise UserError(unknown_key(key, records, known))
    return endings[0]


def known_keys(records: Sequence[Record]) -> set[str]:
    """All keys that can be selected."""
    recorded = (key for record in records for key in (*record.config, *record.metrics, *record.choices))
    classes = (
        key.removesuffix("._target_") for record in records for key in record.config if "._target_" in key
    )
    return {*FIELDS, *recorded, *classes}


def ordered(items: Sequence[Any], key: Callable[[Any], Any], reverse: bool = False) -> list[Any]:
    """Sort items by a number or a text, numbers before texts; those without a value are last in either direction."""
    found = [(key(item), item) for item in items]
    there = [(one, item) for one, item in found if one is not None and one == one]
    missing = [item for one, item in found if one is None or one != one]

    def rank(pair: tuple[Any, Any]) -> tuple:
        number = _number(pair[0])
        return (number is None, 0.0 if number is None else number, format_setting(pair[0]))

    return [item for _, item in sorted(there, key=rank, reverse=reverse)] + missing


def _equals(found: Any, text: str) -> bool:
    """Whether a value equals a text of the command line: 0.001 equals 1e-3, and null is a missing value."""
    bound, number = _number(text), _number(found)
    if bound is not None and number is not None:
        return number == bound
    return format_setting(found) == ("" if text == "null" else text) or found == yaml.safe_load(text)


def _number(found: Any) -> float | None:
    if isinstance(found, bool):
        return None
    try:
        return float(found)
    except (TypeError, ValueError):
        return None
