"""Numbers are read in the format that the whole table decides, or the table is refused."""

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.number_format import (
    NumberFormat,
    find_group_mark,
    find_number_format,
    has_groups,
    to_numbers,
    with_minus,
    without_symbol,
)
from throughtime.errors import UserError


def column(*cells: str) -> pd.Series:
    return pd.Series(cells, dtype=str)


@pytest.mark.parametrize(
    ("cells", "separator", "form", "values"),
    [
        (("2.093,53", "1,5"), ";", NumberFormat(",", "."), (2093.53, 1.5)),
        (("2,093.53", "12"), ",", NumberFormat(".", ","), (2093.53, 12)),
        (("1.234.567", "2.093"), ";", NumberFormat(",", "."), (1234567, 2093)),
        (("2.093", "104,68"), ";", NumberFormat(",", "."), (2093, 104.68)),
        (("0.418", "234.840"), ";", NumberFormat(".", ""), (0.418, 234.84)),
        (("2.093", "1.5e3"), ";", NumberFormat(".", ""), (2.093, 1500)),
        (("2.093", "3.104"), ",", NumberFormat(".", ""), (2.093, 3.104)),
        (("1", "-2"), ",", NumberFormat(".", ""), (1, -2)),
    ],
)
def test_one_number_decides_for_all(cells, separator, form, values):
    found = find_number_format([column(*cells)], separator, "t.csv")
    assert found == form
    assert to_numbers(column(*cells), found).tolist() == list(values)


@pytest.mark.parametrize(("cells", "separator"), [(("2.093", "1.859"), ";"), (("2,093", "1,859"), ",")])
def test_a_thousand_is_never_taken_for_one_in_silence(cells, separator):
    with pytest.raises(
        UserError, match=r"'2.093' may be 2.093 or 2093.*set data.decimal=.* or data.thousands="
    ):
        find_number_format([column(*cells)], separator, "t.csv")
    hint = NumberFormat(",", ".")
    assert find_number_format([column(*cells)], separator, "t.csv", hint) == hint


def test_what_is_not_in_the_format_is_no_number():
    german = to_numbers(column("2.093", "20.93", "1.5,5", "x"), NumberFormat(",", "."))
    assert np.array_equal(german, [2093, np.nan, np.nan, np.nan], equal_nan=True)
    assert np.isnan(to_numbers(column("2.093"), NumberFormat(",", ""))).all()
    assert np.isnan(to_numbers(column("1,234"), NumberFormat(".", ""))).all()


def test_groups_may_be_separated_by_blanks_of_all_kinds():
    cells = column("1 234,5", "1\u00a0234,5", "1\u202f234,5")
    assert to_numbers(cells, NumberFormat(",", " ")).tolist() == [1234.5] * 3


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (("64 058,57", "5"), " "),
        (("1\u00a0234\u00a0567", "-3"), " "),
        (("12\u202f345.5",), " "),
        (("5", "64'058.57"), "'"),
        (("64\u2019058",), "'"),
        (("5.5", "6,000"), ""),
        (("10 11", "1 2345"), ""),
    ],
)
def test_blanks_and_apostrophes_between_groups_are_found(cells, mark):
    assert find_group_mark([column("1.5"), column(*cells)]) == mark


def test_a_typographic_minus_sign_is_one():
    assert to_numbers(with_minus(column("\u22125.5", "-5.5")), NumberFormat()).tolist() == [-5.5, -5.5]


def test_groups_are_seen_where_the_decimal_mark_is_known():
    assert has_groups([column("1.234,5")], ",") and has_groups([column("1,234")], ".")
    assert not has_groups([column("1.23"), column("1.2345")], ",")


@pytest.mark.parametrize(
    ("cells", "symbol", "plain"),
    [
        (("$104.68", "-$5"), "$", ["104.68", "-5"]),
        (("34.9%", "5 %"), "%", ["34.9", "5"]),
        (("1.200,50 €", "-3 €"), "€", ["1.200,50", "-3"]),
        (("5%", "6"), "", ["5%", "6"]),
        (("1", "2"), "", ["1", "2"]),
    ],
)
def test_a_sign_is_taken_off_only_where_all_numbers_have_it(cells, symbol, plain):
    text, found = without_symbol(column(*cells), pd.Series([True] * len(cells)))
    assert (text.tolist(), found) == (plain, symbol)
