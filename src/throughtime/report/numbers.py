"""Number formats of tables, with no more digits than are significant."""

import math
from collections.abc import Mapping
from typing import Any

from throughtime.report.summary import Spread


def format_spread(spread: Spread | None) -> str:
    """The mean with its deviation, such as 1.5531 ± 0.0049: two digits of the deviation, the mean to the same place."""
    if spread is None:
        return "–"
    if not spread.deviation:  # none, or no spread at all
        return format_number(spread.mean) + ("" if spread.deviation is None else " ± 0")
    size = max(abs(spread.mean), spread.deviation)
    if not 1e-4 <= size < 1e6:
        return f"{spread.mean:.3e} ± {spread.deviation:.1e}"
    decimals = min(max(1 - math.floor(math.log10(spread.deviation)), 0), 6)
    return f"{spread.mean:.{decimals}f} ± {spread.deviation:.{decimals}f}"


def format_number(value: Any) -> str:
    """Five significant digits of a real number; anything else as it is."""
    if value is None:
        return "–"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.5g}"
    return str(value)


def format_setting(value: Any) -> str:
    """A value of the configuration as in an override; empty for a missing one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_overrides(settings: Mapping[str, str]) -> str:
    """Settings as overrides: cell=gru hidden_size=64"""
    return " ".join(f"{name}={text or 'null'}" for name, text in settings.items())
