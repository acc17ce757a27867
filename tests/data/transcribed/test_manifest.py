"""Manifests: the same content in every format, and a sentence with the line for what is wrong."""

import json

import pytest

from throughtime.data.transcribed.manifest import clean_text, is_manifest, read_manifest
from throughtime.errors import UserError

ROWS = [("a.wav", "one two", "ann", "train"), ("deep/b.wav", "three", "bob", "test")]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    for name, *_ in ROWS:
        (tmp_path / name).write_bytes(b"sound")
    return tmp_path


def written(folder, kind, rows=ROWS, header=("file", "text", "speaker", "split")):
    file = folder / f"list.{kind}"
    if kind == "jsonl":
        lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
    else:
        lines = [("," if kind == "csv" else "\t").join(row) for row in [header, *rows]]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_every_format_names_files_with_their_transcripts(folder, kind):
    file = written(folder, kind)
    assert is_manifest(file)
    found = read_manifest(file)
    assert [(str(one.file.relative_to(folder)), one.text, one.group, one.split) for one in found] == ROWS
    first = 1 if kind == "jsonl" else 2
    assert [one.place for one in found] == [f"{file}, line {first}", f"{file}, line {first + 1}"]


def test_columns_of_other_names_are_named(folder):
    file = written(folder, "csv", header=("sound", "said", "speaker", "dataset"))
    assert not is_manifest(file) and is_manifest(file, "sound")
    assert [one.text for one in read_manifest(file, "sound", "said")] == ["one two", "three"]
    with pytest.raises(UserError, match=r"data\.text_column: no column of .*list\.csv is named text"):
        read_manifest(file, "sound")
    objects = written(folder, "jsonl", header=("sound", "said", "speaker", "dataset"))
    with pytest.raises(UserError, match=r"list\.jsonl, line 1: the object has none of file, path, audio"):
        read_manifest(objects)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("none.wav", "one", "ann", "train"), r"line \d: there is no file .*none\.wav"),
        (("x" * 5000, "one", "ann", "train"), r"line \d: there is no file .*x{200};"),
        (("~nobody-of-this-name/a.wav", "one", "ann", "train"), r"line \d: there is no file"),
        (("a\0.wav", "one", "ann", "train"), r"line \d: there is no file"),
        (("a.wav", " ", "ann", "train"), r"line \d: the transcript of a\.wav is empty"),
        (("a.wav", "one", "ann", "quiz"), r"line \d: the part quiz is not known"),
    ],
)
def test_a_wrong_line_is_named(folder, kind, row, message):
    with pytest.raises(UserError, match=message):
        read_manifest(written(folder, kind, [*ROWS, row]))


def test_what_is_no_json_and_an_empty_manifest_are_refused(folder):
    file = folder / "list.jsonl"
    file.write_text('{"file": "a.wav", "text": "one"}\nfile,text\n')
    with pytest.raises(UserError, match=r"list\.jsonl, line 2: this is no JSON"):
        read_manifest(file)
    file.write_text("[1, 2]\n")
    with pytest.raises(UserError, match="line 1: this is no JSON object"):
        read_manifest(file)
    (folder / "list.csv").write_text("file,text\n")
    with pytest.raises(UserError, match="names no file"):
        read_manifest(folder / "list.csv")


def test_transcripts_are_composed_and_have_single_spaces():
    assert clean_text("  u\u0308ber \n und") == "\u00fcber und"


def test_a_table_of_points_is_no_manifest(folder):
    file = folder / "points.csv"
    file.write_text("x,y,pen,label\n1,2,0,a\n")
    assert not is_manifest(file) and not is_manifest(folder) and not is_manifest(folder / "none.jsonl")
