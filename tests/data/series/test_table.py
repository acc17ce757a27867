"""A table's bad cell is named by file, line and column."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.table import Table
from throughtime.errors import UserError


@pytest.fixture
def write(tmp_path):
    def to_file(text: str, name: str = "t.csv"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to_file


def test_numbers_with_missing_ones_in_many_spellings(write):
    table = Table(write("a,b\n1,x\n,y\nNA,z\n-200,w\n2.5e1,v\n"), missing=[-200])
    assert np.array_equal(table.numbers("a", "data.values"), [1, np.nan, np.nan, np.nan, 25], equal_nan=True)


def test_decimal_commas_separators_and_compression(write):
    path = write("a;b\n1,5;2\n-0,25;3\n", "t.csv.gz")
    assert Table(path, separator=";", decimal=",").numbers("a", "data.values").tolist() == [1.5, -0.25]
    assert Table(path, decimal=",").columns == ["a", "b"]  # the separator is found


def test_parquet_reads_as_csv_does(tmp_path):
    pd.DataFrame({"a": [1.0, None, 3.0]}).to_parquet(tmp_path / "t.parquet")
    values = Table(tmp_path / "t.parquet").numbers("a", "data.values")
    assert np.array_equal(values, [1, np.nan, 3], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3,oops\n4,5\n", r"line 3, column b: 'oops' is no number; put it right"),
        (
            "a,b\n1,N\n3,W\n",
            r"line 2, column b: 'N' is no number; the column holds text, so leave it out of data.values",
        ),
        ("a,b\n1,inf\n1,2\n1,2\n", "line 2, column b"),
        ("a,b\n", "has no rows below its header"),
        ("", "is empty"),
        ("a,c\n1,2\n", "has no column 'b', which data.values asks for; it has a, c"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(write, text, said):
    path = write(text)
    with pytest.raises(UserError, match=said) as told:
        Table(path, separator=",").numbers("b", "data.values")
    assert str(path) in str(told.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        Table(tmp_path / "none.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("columns", [("load",), ("time", "wind, speed", "load")])
def test_the_separator_is_found_out_and_no_letter_is_taken_for_one(
    tmp_path: Path, separator: str, columns: tuple[str, ...]
) -> None:
    columns = tuple(name for name in columns if "," not in name or separator == ";")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(separator.join(row) for row in (columns, *[["1"] * len(columns)] * 3)))
    assert Table(path).columns == list(columns)
