"""A table's bad cell is named by file, line and column."""

import bz2
import gzip
import io
import lzma
import zipfile
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


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zip", zipped)],
)
def test_a_damaged_packed_file_is_told_and_not_a_fault(tmp_path, suffix, pack):
    """Whichever of its bytes is another one, or missing: it is read as it is, or refused in a sentence."""
    whole = pack("".join(f"{number},{number * 7 % 13}\n" for number in range(200)).encode())
    path, refused = tmp_path / f"t.csv{suffix}", 0
    for place in range(0, len(whole), 7):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            try:
                Table(path)
            except UserError:
                refused += 1
    assert refused > len(whole) // 7


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
            r"line 2, column b: 'N' is no number; the column holds text: set data.id=b if it names the series "
            "of a row, or else leave it out of data.values",
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
    with pytest.raises(UserError, match=r"there is no such file"):
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


def test_a_separator_at_the_end_of_rows_shifts_no_column(write):
    for text in ("time,load\n1,5,\n2,6,\n", "time,load,\n1,5,\n2,6,\n"):
        table = Table(write(text))
        assert table.columns == ["time", "load"]
        assert table.numbers("load", "data.values").tolist() == [5, 6]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n3,4,5\n", {}, "line 3 has 3 cells where the header has 2"),
        ('"a","b"\n"1",1,2\n"2",3,4\n', {}, "line 2 has 3 cells where the header has 2"),
        ("# sensor\na,b\n1,2\n", {}, """line 1 begins with #: set 'data.comment="#"'"""),
        ("Station,7\nx,y\na,b\n1,2\n", {}, "line 3 of the file names it: set data.skip_rows=2"),
        ("a,b\nkg,m\n1,2\n3,4\n5,6\n", {}, "line 2, column b: 'm' is no number.*data.units_rows=1"),
        (
            "a,b\n1,2\n1,2\n1,2\n1,2\nsum,total\n",
            {},
            "line 6, column b: 'total' is no number.*data.skip_footer=1",
        ),
        ("a,b,b\n1,2,3\n", {}, r"2 columns that are called 'b' \(columns 2, 3\)"),
        ("a,b, b\n1,2,3\n", {}, r"2 columns that are called 'b' \(columns 2, 3\)"),
        ("2022-01-01,1.5\n2022-01-02,2.5\n", {}, "line 1: 2022-01-01, 1.5 are values.*set data.header=false"),
        ("112\n118\n", {}, "line 1: 112 are values where the names of the columns are expected"),
        ("a,b\n1,1e300\n", {}, r"line 2, column b: 1e\+300 is beyond 1e\+30"),
        ("a,b\n1,2022-01-01\n2,2022-01-02\n", {}, "if the column holds times, set data.time=b"),
        (
            "d,t,b\n2022-01-01,00:00,01:00\n2022-01-01,01:00,02:00\n",
            {},
            r"if the column holds times, set data.time=\[d,t\], or else leave it out of data.values",
        ),
        ("a,b\n1,5 kW\n2,6 kW\n", {}, "'5 kW' is no number; write numbers alone"),
        ("a,b\n1,(5)\n2,(6)\n", {}, "'.5.' is no number; write numbers alone, with a minus sign"),
        ("a,b\n1,inf\n2,inf\n", {}, "'inf' is no number that is finite"),
        ("a,b\n1,1e400\n2,5\n", {}, "'1e400' is no number that is finite"),
        ("a,b\n1,2\n", {"encoding": "klingon"}, "data.encoding=klingon is not known"),
        ("a,b\n1,2\n", {"separator": "::"}, "data.separator=:: is not a single character"),
        ("a   b\n1   2\n", {}, "see data.separator, which is .* for blanks"),
        ("a,b\n1,2\n", {"skip_rows": 9}, "has no line left"),
        (
            "a;b\n1;5,5\n2;6,5\n",
            {"decimal": "."},
            "'5,5' is no number with the decimal mark [.]; set data.decimal",
        ),
    ],
)
def test_lines_that_are_no_rows_are_named_with_the_key_that_helps(write, text, options, said):
    with pytest.raises(UserError, match=said):
        Table(write(text), **options).numbers("b", "data.values")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Station,7\nx\nb\n1.5\n2\n", {"skip_rows": 2}),
        ("b\nkW\n1.5\n2\n", {"units_rows": 1}),
        ("# a, b, c\nb\n1.5\n#N/A, really\n2\n", {"comment": "#"}),
        ("b\n1.5\n2\nSource: x, y, z\n\n", {"skip_footer": 1}),
        ("b\n1.5\n2\n\n\n", {}),
        ("b,\n1.5,\n2,\n,\n,\n", {}),
        ("a,b\n1,1.5\n2,2\n", {"separator": None}),
        ("sep=;\na;b\n1;1.5\n2;2\n", {}),
        (" a  b\n 1  1.5\n 2   2\n", {"separator": r"\s+"}),
        ("a , b \n1, 1.5 \n2, 2\n", {}),
        ("b;c\n1,5;0\n2;0\n", {"decimal": ","}),
    ],
)
def test_the_same_numbers_in_files_of_many_shapes(write, text, options):
    table = Table(write(text), **options)
    table.find_format([("b", "data.values")])
    assert table.numbers("b", "data.values").tolist() == [1.5, 2]


def test_without_a_header_the_columns_are_numbered_and_lines_keep_their_numbers(write):
    table = Table(write("x\n7,1.5\n8,oops\n"), header=False, skip_rows=1)
    assert table.columns == ["1", "2"]
    with pytest.raises(UserError, match=r"line 3, column 2: 'oops'"):
        table.numbers("2", "data.values")


def test_a_column_without_a_name_that_counts_the_rows_is_left_out_and_said(write):
    table = Table(write(",a\n0,5\n1,6\n2,7\n"))
    assert table.columns == ["a"] and "counts the rows left out" in table.notes[0]
    assert Table(write(",a\nx,5\ny,6\n")).columns == ["unnamed_1", "a"]


@pytest.mark.parametrize("word", ["NA", "#N/A", ".", "?", "<NA>", "#DIV/0!", "", "NULL", "n.a."])
def test_words_for_a_missing_value(write, word):
    values = Table(write(f"a,b\n1,1\n2,{word}\n3,2\n")).numbers("b", "data.values")
    assert np.array_equal(values, [1, np.nan, 2], equal_nan=True)


def test_words_of_ones_own_and_a_number_that_looks_like_one(write):
    text = "a\n1\nbad\n-999\n2\n1.5\n"
    values = Table(write(text), missing=["bad", -999]).numbers("a", "data.values")
    assert np.array_equal(values, [1, np.nan, np.nan, 2, 1.5], equal_nan=True)
    table = Table(write(text), missing=["bad"])
    table.numbers("a", "data.values")
    assert any("a is -999 in 1 rows (set data.missing=-999" in note for note in table.notes)


def test_encodings(tmp_path):
    path = tmp_path / "t.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        path.write_text("Temp °C\n5\n", encoding=encoding)
        assert Table(path).columns == ["Temp °C"]
    path.write_text("Temp °C\n5\n", encoding="cp1252")
    with pytest.raises(UserError, match=r"is not text in utf-8 .*; set data.encoding, such as cp1252"):
        Table(path)
    assert Table(path, encoding="cp1252").columns == ["Temp °C"]
    path.write_text("a\n5\n", encoding="utf-16-le")
    with pytest.raises(UserError, match=r"set data.encoding, such as utf-16-le"):
        Table(path)


def test_the_index_of_a_parquet_file_is_a_column_if_it_holds_something(tmp_path):
    path, times = tmp_path / "t.parquet", pd.date_range("2023-01-01", periods=3, freq="h")
    pd.DataFrame({"a": [1.0, 2, 3]}, index=times.rename("when")).to_parquet(path)
    assert Table(path).columns == ["when", "a"]
    pd.DataFrame({"a": [1.0, 2, 3]}, index=times).to_parquet(path)
    assert Table(path).columns == ["index", "a"]
    pd.DataFrame({"a": [1.0, 2, 3]}, index=[7, 5, 6]).to_parquet(path)
    assert Table(path).columns == ["a"]
    with pytest.raises(UserError, match=r"row 2, column a: 'x' is no number"):
        pd.DataFrame({"a": ["1.5", "x", "2"]}).to_parquet(path)
        Table(path).numbers("a", "data.values")


def test_a_spreadsheet_is_told_to_be_saved_as_csv(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match=r"is a spreadsheet, which is not read; save it as CSV"):
        Table(tmp_path / "t.xlsx")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("d;b\n1;64 058,57\n2;1\u00a0234,5\n", 'thousands mark " "'),
        ("d;b\n1;64'058.57\n2;1'234.5\n", 'thousands mark "\'"'),
        ("d;b\n1;64\u2019058,57\n2;1\u2019234,5\n", 'thousands mark "\'"'),
    ],
)
def test_groups_between_blanks_or_apostrophes_need_no_setting(write, text, said):
    table = Table(write(text))
    table.find_format([("b", "data.values")])
    assert table.numbers("b", "data.values").tolist() == [64058.57, 1234.5]
    assert said in table.notes


def test_a_number_in_quotes_stands_for_a_missing_value_however_it_is_written(write):
    values = Table(write("b\n-200\n-200.0\n5\nx\n"), missing=["-200", "x"]).numbers("b", "data.values")
    assert np.isnan(values).tolist() == [True, True, False, True]


def test_the_minus_sign_of_typography_is_one(write):
    table = Table(write("d;b\n1;5\n2;\u22127,5\n"))
    table.find_format([("b", "data.values")])
    assert table.numbers("b", "data.values").tolist() == [5, -7.5]
