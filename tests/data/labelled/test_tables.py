"""Columns are found by name, by number and by usual names; what is wrong with a row is told with its line."""

import gzip

import pytest

from throughtime.data.labelled.tables import TableColumn, read_cells, read_text, suffix_of
from throughtime.errors import UserError

TEXT = TableColumn("data.source.text_column", None, ("text", "sentence"))
LABEL = TableColumn("data.source.label_column", None, ("label", "class"))


def write(folder, content, name="a.csv", encoding="utf-8"):
    file = folder / name
    packed = content.encode(encoding)
    file.write_bytes(gzip.compress(packed) if name.endswith(".gz") else packed)
    return file


def cells(file, text=None, label=None, **settings):
    return list(read_cells(file, [TEXT._replace(given=text), LABEL._replace(given=label)], **settings))


@pytest.mark.parametrize(
    ("name", "content", "text", "label"),
    [
        ("a.csv", "label,id,text\na,1,x y\nb,2,z\n", None, None),
        ("a.csv.gz", "label,id,text\na,1,x y\nb,2,z\n", "text", "label"),
        ("a.csv", "Label;Id;Text\r\na;1;x y\r\nb;2;z\r\n", None, None),
        ("a.tsv", "Class\tTEXT\na\tx y\nb\tz\n", "TEXT", None),
        ("a.data", "\na, 1,   x y  \n\nb,2,z", 3, 1),
        ("a.csv", "a,1,x y\nb,2,z", -1, -3),
    ],
)
def test_one_table_in_many_shapes(name, content, text, label, tmp_path):
    assert [row for _, row in cells(write(tmp_path, content, name), text, label)] == [
        ("x y", "a"),
        ("z", "b"),
    ]


def test_lines_are_those_of_the_file_and_a_quoted_cell_may_have_several(tmp_path):
    file = write(tmp_path, 'text,label\n"one, and\ntwo",a\n\nthree,b\n')
    assert cells(file) == [(2, ("one, and\ntwo", "a")), (5, ("three", "b"))]


def test_quotes_are_letters_in_a_table_with_tabs(tmp_path):
    file = write(tmp_path, 'a\t"not closed\nb\tplain\n', "a.txt")
    assert [row for _, row in cells(file, 2, 1)] == [('"not closed', "a"), ("plain", "b")]


def test_a_cell_is_longer_than_the_limit_of_the_csv_module(tmp_path):
    file = write(tmp_path, "text,label\n" + "A" * 200_000 + ",a\n")
    ((_, (text, _)),) = cells(file)
    assert len(text) == 200_000


def test_a_header_is_skipped_where_the_user_says_that_there_is_one(tmp_path):
    file = write(tmp_path, "p,q\nx,a\n")
    assert [row for _, row in cells(file, 1, 2, header=True)] == [("x", "a")]
    assert len(cells(file, 1, 2)) == 2


def test_a_column_that_is_not_required_may_be_missing(tmp_path):
    file = write(tmp_path, "text\nx\n")
    for given in ("label", 5, None):
        label = LABEL._replace(given=given, required=False)
        assert list(read_cells(file, [TEXT, label])) == [(2, ("x", None))]


@pytest.mark.parametrize(
    ("content", "text", "label", "message"),
    [
        ("", None, None, "a.csv is empty"),
        (" \n\n", None, None, "a.csv is empty"),
        ("text,label\nx\n", None, None, "a.csv, line 2: the row has 1 column, so it lacks column 2"),
        (
            "text,label\nx,a\n",
            "body",
            None,
            "data.source.text_column=body: .*has no such column; .* text, label",
        ),
        ("a,b\nx,a\n", None, None, "text_column: no column of .* is named text or sentence, .* a, b"),
        ("x,a\n", 1, 3, "label_column=3: .* has 2 columns; give a number from 1 to 2"),
        ("x,a\n", 0, 2, "text_column=0: .* give a number from 1 to 2"),
        ('text,label\nx,a\n"y,b\n', None, None, "line 3: the row cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content, text, label, message, tmp_path):
    with pytest.raises(UserError, match=message):
        cells(write(tmp_path, content), text, label)


def test_encodings_and_damaged_files(tmp_path):
    latin = write(tmp_path, "text,label\ncafé,a\n", "latin.csv", "latin-1")
    assert cells(latin, encoding="latin-1") == [(2, ("café", "a"))]
    with pytest.raises(UserError, match=r"byte 0xe9 at offset 14 of .*latin.csv.*data\.source\.encoding="):
        cells(latin)
    marked = write(tmp_path, "text,label\nx,a\n", "mark.csv", "utf-8-sig")
    assert cells(marked) == [(2, ("x", "a"))]
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"text,label\nx,a\n")[:-9])
    with pytest.raises(UserError, match=r"b\.csv\.gz is no gzip file, or is damaged"):
        read_text(tmp_path / "b.csv.gz")


@pytest.mark.parametrize(("name", "suffix"), [("a.FA.gz", ".fa"), ("a.csv", ".csv"), ("a.gz", ""), ("a", "")])
def test_suffix_without_gz(name, suffix, tmp_path):
    assert suffix_of(tmp_path / name) == suffix


def test_rows_of_other_lengths_are_read_unless_all_must_be_equal(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,label\nx,1\ny,2,3\n")
    columns = [TableColumn("data.source.label_column", "label")]
    assert [cells for _, cells in read_cells(file, columns)] == [("1",), ("2",)]
    with pytest.raises(UserError, match=r"a\.csv, line 3: the row has 3 columns, but the first line has 2"):
        list(read_cells(file, columns, equal=True))
