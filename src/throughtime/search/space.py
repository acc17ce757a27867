"""Space of a search: the distributions of the keys of the configuration that it varies.

A key's entry in YAML is a list of values, or a range:

    cell: [gru, lstm]
    cell.hidden_size: {low: 32, high: 256, step: 32}              # whole numbers, both ends included
    optim.optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}    # uniform in the logarithm
    optim.optimizer.lr: {around: 10}                              # from a tenth of the configured value to ten times it
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from throughtime.errors import UserError
from throughtime.search.syntax import as_text

Space = dict[str, BaseDistribution]
"""The distribution of each key; a list or a mapping among the values is given as text in Hydra's notation."""

FIELDS = ("low", "high", "step", "log", "around")


def entries(space: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of a space by dotted keys, whether it was written flat (`cell.hidden_size:`) or nested (`cell:`)."""
    for name, entry in space.items():
        key = f"{prefix}{name}"
        if (
            isinstance(entry, Mapping)
            and entry
            and all(isinstance(part, Mapping | list) for part in entry.values())
        ):
            yield from entries(entry, f"{key}.")
        else:
            yield key, entry


def distribution(key: str, entry: Any, configured: Any = None) -> BaseDistribution:
    """The distribution of a key.

    Args:
        key: the key, for error messages.
        entry: a list of values, or a mapping with fields of `FIELDS`.
        configured: the value that the key has without the search, of which `around` is a multiple.

    Raises:
        UserError: the entry is neither, or its numbers contradict each other.
    """
    if isinstance(entry, list):
        return choices(key, entry)
    if not isinstance(entry, Mapping):
        raise UserError(f"{key}: {entry} is one value; a search needs a list of values, or low and high")
    unknown = [str(name) for name in entry if name not in FIELDS]
    if unknown:
        raise UserError(f"{key}: {unknown[0]} is not a field of a range; it has {', '.join(FIELDS)}")
    if "around" in entry:
        entry = _around(key, entry, configured)
    if isinstance(configured, int) and not isinstance(configured, bool):
        entry = {name: _whole(value) for name, value in entry.items()}
    for name in ("low", "high"):
        if name not in entry:
            raise UserError(f"{key}: a range needs low and high; {name} is missing")
    return number_range(key, entry["low"], entry["high"], entry.get("step"), entry.get("log", False))


def choices(key: str, values: list[Any]) -> CategoricalDistribution:
    """The uniform distribution over a list of values.

    Raises:
        UserError: the list is empty or names a value twice.
    """
    plain = [as_text(value) if isinstance(value, list | dict) else value for value in values]
    if not plain:
        raise UserError(f"{key}: the list of values is empty")
    for place, value in enumerate(plain):
        if value in plain[:place]:
            raise UserError(f"{key}: the list names {value} twice")
    return CategoricalDistribution(plain)


def number_range(
    key: str, low: Any, high: Any, step: Any = None, log: Any = False
) -> IntDistribution | FloatDistribution:
    """The uniform distribution over numbers from `low` to `high`, both included; whole where all three numbers are.

    Raises:
        UserError: an end is not a number, `low` is not below `high`, or a step or a logarithm does not fit them.
    """
    for name, value in (("low", low), ("high", high), ("step", step)):
        if isinstance(value, bool) or not isinstance(
            value, int | float | (type(None) if name == "step" else int)
        ):
            raise UserError(f"{key}: {name}={value} is not a number")
    if not isinstance(log, bool):
        raise UserError(f"{key}: log={log} is neither true nor false")
    if not low < high:
        raise UserError(f"{key}: low={low} is not below high={high}")
    if log and low <= 0:
        raise UserError(f"{key}: a logarithm needs low above 0, not {low}")
    if log and step not in (None, 1):
        raise UserError(f"{key}: a range has either steps or a logarithm; leave step or log out")
    if step is not None and not (step > 0 and _last_step(low, high, step) > low):
        raise UserError(f"{key}: step={step} does not fit between low={low} and high={high}")
    if all(isinstance(value, int) for value in (low, high, step or 1)):
        return IntDistribution(low, _last_step(low, high, step or 1), log=log, step=step or 1)
    if log:
        return FloatDistribution(low, high, log=True)
    return FloatDistribution(low, high if step is None else _last_step(low, high, step), step=step)


def _last_step(low: int | float, high: int | float, step: int | float) -> int | float:
    """The last number that steps from `low` reach, computed in decimals, because 0.3 is not 3 × 0.1 in binary."""
    first, last, width = (Decimal(str(value)) for value in (low, high, step))
    reached = first + (last - first) // width * width
    return int(reached) if isinstance(low, int) and isinstance(step, int) else float(reached)


def _whole(value: Any) -> Any:
    """A number without a fraction as a whole number: `interval(8,16)` has floating-point ends."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _around(key: str, entry: Mapping[str, Any], configured: Any) -> dict[str, Any]:
    """The range from the configured value divided by a factor to the value times it, uniform in the logarithm."""
    factor = entry["around"]
    if len(entry) > 1:
        raise UserError(
            f"{key}: around stands alone; leave {', '.join(n for n in entry if n != 'around')} out"
        )
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor > 1:
        raise UserError(f"{key}: around={factor} is not a number above 1")
    if isinstance(configured, bool) or not isinstance(configured, int | float) or not configured > 0:
        raise UserError(
            f"{key}: around needs a configured value above 0, not {configured}; give low and high"
        )
    if isinstance(configured, int):
        return {"low": max(1, round(configured / factor)), "high": round(configured * factor), "log": True}
    return {"low": configured / factor, "high": configured * factor, "log": True}
