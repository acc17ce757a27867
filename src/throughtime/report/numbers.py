"""How numbers are written in tables: no more digits than they carry."""

import math
from collections.abc import Mapping
from typing import Any

from throughtime.report.summary import Spread


def with_spread(spread: Spread | None) -> str:
    """1.5531 ± 0.0049: the deviation in two digits, the mean to the same place; a single value as it is."""
    if spread is None:
        return "–"
    if not spread.deviation:  # none, or no spread at all
        return number(spread.mean) + ("" if spread.deviation is None else " ± 0")
    size = max(abs(spread.mean), spread.deviation)
    if not 1e-4 <= size < 1e6:
        return f"{spread.mean:.3e} ± {spread.deviation:.1e}"
    decimals = min(max(1 - math.floor(math.log10(spread.deviation)), 0), 6)
    return f"{spread.mean:.{decimals}f} ± {spread.deviation:.{decimals}f}"


def number(value: Any) -> str:
    """Five significant digits of a real number; anything else as it is."""
    if value is None:
        return "–"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.5g}"
    return str(value)


def setting(value: Any) -> str:
    """A value of the configuration as it is typed; nothing for one that is not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def typed(settings: Mapping[str, str]) -> str:
    """Settings as they are typed: cell=gru hidden_size=64"""
    return " ".join(f"{name}={text or 'null'}" for name, text in settings.items())
