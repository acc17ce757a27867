"""Number format of a table: decimal mark, thousands mark, currency and per cent signs."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from throughtime.errors import UserError

SYMBOLS = "$€£¥₹₽₩%‰°"
"""Signs of a currency, of per cent and of degrees that may stand before or behind every number of a column."""

_SIGN = re.compile(rf"^(?P<sign>[+-]?)(?P<before>[{SYMBOLS}]?)\s*(?P<number>.*?)\s*(?P<after>[{SYMBOLS}]?)$")
_GROUPS = r"[+-]?[1-9]\d{0,2}[.,]\d{3}"
_OTHER = {".": ",", ",": "."}
GROUP_MARKS = {" ": " \u00a0\u202f", "'": "'\u2019"}
"""Marks between groups of digits that can be nothing else, and the characters that stand for each."""


class NumberFormat(NamedTuple):
    """The decimal mark, and the mark between groups of three digits ("" for none)."""

    decimal: str = "."
    thousands: str = ""


def without_symbol(text: pd.Series, present: pd.Series) -> tuple[pd.Series, str]:
    """A column without the currency or per cent sign that all its numbers have, and that sign; "" for none.

    Args:
        text: the cells, without blanks around them.
        present: which cells hold a value.
    """
    marked = text[present]
    symbol = next((sign for sign in SYMBOLS if len(marked) and sign in str(marked.iloc[0])), "")
    if not symbol or not marked.str.contains(symbol, regex=False).all():
        return text, ""
    return text.str.replace(_SIGN, r"\g<sign>\g<number>", n=1, regex=True), symbol


def find_number_format(
    columns: Iterable[pd.Series], separator: str, where: str, hint: NumberFormat | None = None
) -> NumberFormat:
    """The format in which the numbers of a table are written, from all its columns of numbers.

    A mark that stands twice in a number separates thousands, one that stands last, or that other than three digits
    follow, is decimal. Where every number could be read in both ways (2.093), a point in a file whose cells are
    separated by commas is decimal.

    Args:
        columns: cells without signs of currency or per cent.
        separator: between two cells.
        where: the file, for the error message.
        hint: decides where the numbers do not.

    Raises:
        UserError: the numbers do not decide, such as 2.093 in a file whose cells are separated by semicolons.
    """
    decimal: set[str] = set()
    thousands: set[str] = set()
    unclear: dict[str, str] = {}
    for column in columns:
        if pd.to_numeric(column, errors="coerce").notna().all():  # the common case, in a few passes
            pointed = column[column.str.contains(".", regex=False)] if "." not in decimal else column[:0]
            if len(pointed):
                grouped = pointed.str.fullmatch(_GROUPS)
                if grouped.all():
                    unclear.setdefault(".", str(pointed.iloc[0]))
                else:
                    decimal.add(".")
            continue
        cells = pd.Series(column[column.str.contains("[.,]", regex=True)].unique(), dtype=str)
        count = {mark: cells.str.count(re.escape(mark)) for mark in _OTHER}
        both = (count["."] > 0) & (count[","] > 0)
        for mark, other in _OTHER.items():
            often = ~both & (count[mark] > 1)
            once = ~both & (count[mark] == 1)
            grouped = once & cells.str.fullmatch(_GROUPS)
            numeric = cells.str.fullmatch(rf"[+-]?\d*{re.escape(mark)}\d*(?:[eE][+-]?\d+)?")
            if (
                both & (count[mark] == 1) & cells.str.contains(rf"{re.escape(mark)}[^.,]*$", regex=True)
            ).any():
                decimal.add(mark)
                thousands.add(other)
            if often.any():
                thousands.add(mark)
            if (once & ~grouped & numeric).any():
                decimal.add(mark)
            if grouped.any():
                unclear.setdefault(mark, cells[grouped].iloc[0])
    if len(decimal) == 1:
        (mark,) = decimal
        groups = thousands | set(unclear)
        return NumberFormat(mark, _OTHER[mark] if _OTHER[mark] in groups else "")
    if not decimal and len(thousands) == 1:
        (mark,) = thousands
        return NumberFormat(_OTHER[mark], mark)
    if decimal or thousands or not unclear:
        return NumberFormat()  # marks that contradict each other: the cell that is no number is named later
    if hint is not None:
        return hint
    if set(unclear) == {"."} and separator == ",":
        return NumberFormat()
    mark, shown = next(iter(unclear.items()))
    plain, whole = shown.replace(mark, "."), shown.replace(mark, "")
    raise UserError(
        f"{where}: {shown!r} may be {plain} or {whole}, as every number of the file has three digits behind its mark; "
        f'set data.decimal="{mark}" or data.thousands="{mark}"'
    )


def find_group_mark(columns: Iterable[pd.Series]) -> str:
    """The blank or apostrophe between groups of three digits, which can be nothing else; "" where there is none."""
    for column in columns:
        for mark, marks in GROUP_MARKS.items():
            if column.str.fullmatch(rf"[+-]?\d{{1,3}}(?:[{marks}]\d{{3}})+(?:[.,]\d*)?").any():
                return mark
    return ""


def has_groups(columns: Iterable[pd.Series], decimal: str) -> bool:
    """Whether a number of these columns has its digits in groups, where the decimal mark is known."""
    grouped = rf"[+-]?\d{{1,3}}(?:{re.escape(_OTHER[decimal])}\d{{3}})+(?:{re.escape(decimal)}\d*)?"
    return any(bool(column.str.fullmatch(grouped).any()) for column in columns)


def with_minus(text: pd.Series) -> pd.Series:
    """The cells with a hyphen for the minus sign of typography, U+2212."""
    return text.str.replace("\u2212", "-", regex=False)


def to_numbers(text: pd.Series, form: NumberFormat) -> pd.Series:
    """The cells as numbers; NaN where a cell is none in this format."""
    if form.thousands:
        mark, point = re.escape(form.thousands), re.escape(form.decimal)
        if form.thousands in GROUP_MARKS:
            mark = f"[{GROUP_MARKS[form.thousands]}]"
        plain = rf"[+-]?\d*(?:{point}\d*)?(?:[eE][+-]?\d+)?"
        grouped = rf"[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{point}\d*)?"
        fits = text.str.fullmatch(f"{plain}|{grouped}")
        text = text.where(fits, "x").str.replace(mark, "", regex=True)
    if form.decimal != ".":
        text = text.where(~text.str.contains(".", regex=False), "x").str.replace(
            form.decimal, ".", regex=False
        )
    return pd.to_numeric(text, errors="coerce")
