"""Conversion between values and Hydra's override notation.

lr=tag(log,interval(1e-4,1e-2))   ->  low, high, log
lr=0.0021                         <-  0.0021
"""

import re
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, Quote, QuotedString, RangeSweep

from throughtime.errors import UserError

PLAIN = re.compile(r"[A-Za-z_][\w./@%+-]*")  # a text that the grammar accepts without quotes
RESERVED = ("true", "false", "null", "nan", "inf")


def as_text(value: Any) -> str:
    """A value in Hydra's notation; a text that begins like a list or a mapping is in it already."""
    if isinstance(value, list):
        return f"[{','.join(map(as_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{as_text(name)}:{as_text(part)}' for name, part in value.items())}}}"
    if isinstance(value, str):
        if value.startswith(("[", "{")) or (PLAIN.fullmatch(value) and value.lower() not in RESERVED):
            return value
        return QuotedString(value, Quote.single).with_quotes()
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def sweep_entry(override: Override) -> list[Any] | dict[str, Any]:
    """The entry of a space in YAML that equals `key=a,b`, `choice()`, `range()`, `interval()` or `tag(log, …)`.

    Raises:
        UserError: the range is empty or runs backwards, or a tag is not `log`.
    """
    key, sweep = override.get_key_element(), override.value()
    if not isinstance(sweep, RangeSweep | IntervalSweep):
        return [_unquoted(value) for value in override.sweep_iterator()]
    unknown = sorted(sweep.tags - {"log"})
    if unknown:
        raise UserError(f"{key}: the tag {unknown[0]} is not known; a search takes log alone")
    log = {"log": True} if sweep.tags else {}
    if isinstance(sweep, IntervalSweep):
        return {"low": sweep.start, "high": sweep.end, **log}
    return {"low": sweep.start, "high": _last(key, sweep), "step": sweep.step, **log}


def _last(key: str, sweep: RangeSweep) -> int | float:
    """The last number of a range, which excludes its stop."""
    start, stop, step = (Decimal(str(value)) for value in (sweep.start, sweep.stop, sweep.step))
    if step <= 0 or start + step >= stop:
        raise UserError(f"{key}: a range needs at least two numbers that rise by its step")
    last = start + ((stop - start) / step).to_integral_value("ROUND_CEILING") * step - step
    return int(last) if isinstance(sweep.start, int) and isinstance(sweep.step, int) else float(last)


def _unquoted(value: Any) -> Any:
    """The value without the quotes that the grammar records, also inside lists and mappings."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_unquoted(part) for part in value]
    if isinstance(value, dict):
        return {_unquoted(name): _unquoted(part) for name, part in value.items()}
    return value
