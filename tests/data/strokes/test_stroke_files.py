"""Every format gives the same sequences of one drawing, and what does not fit is named."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.strokes.stroke_files import StrokeFiles
from throughtime.errors import UserError

PENDIGITS = Path(os.environ.get("THROUGHTIME_DATA", ""), "pen", "pendigits-orig.tra")
COMMENTS = r"^\d+\s+(?P<writer>\d+)\s+\d+"

CLASSES = {"tick": [[(0, 4), (2, 0), (6, 8)]], "cross": [[(0, 0), (4, 4)], [(0, 4), (4, 0)]]}
"""The strokes of each class, with y upwards."""

FORMATS = ("unipen", "inkml", "svg", "table", "long table")


def save(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    packed = text.encode()
    file.write_bytes(gzip.compress(packed) if file.name.endswith(".gz") else packed)
    return file


def pairs(stroke, sign=1, separator=" "):
    return [f"{x}{separator}{sign * y}" for x, y in stroke]


def rows(strokes, before=""):
    points = [
        (x, y, int(end))
        for stroke in strokes
        for (x, y), end in zip(stroke, [*[0] * (len(stroke) - 1), 1], strict=True)
    ]
    return "".join(f"{before}{x},{y},{pen}\n" for x, y, pen in points)


def write(kind, folder, count=1):
    """The path of the same drawings in a format, `count` of each class by writers 0, 1, …."""
    drawings = [(label, strokes, number) for label, strokes in CLASSES.items() for number in range(count)]
    if kind == "unipen":
        text, component = ".HIERARCHY MARK\n", 0
        for label, strokes, number in drawings:
            last = component + len(strokes) - 1
            text += f'.WRITER_ID w{number}\n.SEGMENT MARK {component}-{last} ? "{label}"\n'
            text += "".join(".PEN_DOWN\n" + "\n".join(pairs(stroke)) + "\n.PEN_UP\n" for stroke in strokes)
            component = last + 1
        return save(folder / "marks.dat", text)
    if kind == "long table":
        lines = (rows(strokes, f"{label}{number},{label},w{number},") for label, strokes, number in drawings)
        return save(folder / "marks.csv", "id,label,writer,x,y,pen\n" + "".join(lines))
    for label, strokes, number in drawings:
        if kind == "inkml":
            traces = "".join(f"<trace>{', '.join(pairs(stroke, -1))}</trace>" for stroke in strokes)
            said = f'<annotation type="truth">{label}</annotation><annotation type="writerID">w{number}</annotation>'
            save(folder / "marks" / f"{label}{number}.inkml", f"<ink>{said}{traces}</ink>")
        elif kind == "svg":
            path = "".join("M" + "L".join(pairs(stroke, -1, ",")) for stroke in strokes)
            save(folder / "marks" / label / f"w{number}.svg", f'<svg><path d="{path}"/></svg>')
        else:
            save(folder / "marks" / label / f"w{number}.csv.gz", "x,y,pen\n" + rows(strokes))
    return folder / "marks"


def source_for(kind, **given):
    source = StrokeFiles(name_pattern=r"/(?P<writer>w\d+)\." if kind in ("svg", "table") else None, **given)
    source.group_by("writer")
    return source


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_sequences(kind, tmp_path):
    found = source_for(kind, points=12).read(str(write(kind, tmp_path, 2)))
    found.check()
    assert found.channels == ("Δx", "Δy", "pen up") and len(set(found.names)) == 4
    expected = {
        label: StrokeFiles(points=12).sequence([np.array(one, float) for one in strokes], place="x")
        for label, strokes in CLASSES.items()
    }
    assert sorted(zip(found.labels, found.groups, strict=True)) == sorted(
        (label, writer) for label in CLASSES for writer in ("w0", "w1")
    )
    for label, sequence in zip(found.labels, found.sequences, strict=True):
        np.testing.assert_allclose(sequence, expected[label], atol=1e-6)


@pytest.mark.parametrize("kind", FORMATS)
def test_files_are_read_for_prediction_as_those_of_training(kind, tmp_path):
    path = write(kind, tmp_path)
    source = source_for(kind, resample="length", points=None, spacing=0.1, positions=True)
    trained = source.read(str(path))
    again = source_from_state(source_state(source)).read_for_prediction([path])
    assert again.names == trained.names and again.channels == trained.channels
    for one, other in zip(again.sequences, trained.sequences, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ink_without_a_label_can_be_predicted(tmp_path):
    file = save(tmp_path / "a.csv", "0,0,0\n1,1,1\n")
    assert StrokeFiles().read_for_prediction([file]).labels == [None]
    with pytest.raises(
        UserError, match=r"a\.csv does not tell the label of its ink; put the file into a folder"
    ):
        StrokeFiles().read(str(file))


def test_a_glob_takes_the_label_from_the_folder_of_a_file(tmp_path):
    path = write("table", tmp_path)
    assert set(StrokeFiles().read(f"{path}/*/*.csv.gz").labels) == set(CLASSES)
    named = StrokeFiles(name_pattern=r"/(?P<label>\w)\w*/w").read(f"{path}/*/*.csv.gz")
    assert set(named.labels) == {"t", "c"}


def test_the_y_axis_can_be_turned(tmp_path):
    path = str(write("svg", tmp_path))
    down, up = StrokeFiles().read(path).sequences[0], StrokeFiles(y_axis="up").read(path).sequences[0]
    np.testing.assert_allclose(down * (1, -1, 1), up, atol=1e-6)


def test_positions_and_drawings_of_a_sequence(tmp_path):
    source = StrokeFiles(positions=True, points=9)
    sequence = source.read(str(write("svg", tmp_path))).sequences[0]
    np.testing.assert_allclose(source.series(sequence), sequence[:, 3:], atol=1e-6)
    lines = source.shown(sequence).lines
    assert len(lines) == 2
    np.testing.assert_allclose(np.concatenate(lines), sequence[:, 3:], atol=1e-6)


def test_a_picture_around_a_point_has_a_channel_a_cell(tmp_path):
    path = write("svg", tmp_path)
    found = StrokeFiles(context=3).read(str(path))
    assert found.channels[3:] == tuple(f"cell {cell}" for cell in range(1, 10))
    assert found.sequences[0].shape[1] == 12
    for side in (-1, 33):
        with pytest.raises(UserError, match=rf"data\.source\.context={side} must be from 0 to 32"):
            StrokeFiles(context=side)


def test_no_writer_is_on_two_sides(tmp_path):
    data = LabelledData(source_for("unipen"), path=str(write("unipen", tmp_path, 10)), group="writer")
    data.setup()
    parts = [set(data.part(name).groups) for name in ("train", "val", "test")]
    assert sorted(writer for part in parts for writer in part) == [f"w{number}" for number in range(10)]
    assert "10 groups (writer)" in data.describe()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a/1.csv", "0,0,0\n", r"1\.csv: the ink has one point"),
        ("a/1.csv", "3,3,0\n3,3,1\n", r"1\.csv: the ink has all its points at one place"),
        ("a/1.csv", "0,0,0\n1,1,7\n", r"1\.csv, line 2: the pen is '7'"),
        ("a/1.svg", "<svg/>", r"1\.svg has no path"),
        ("a/1.svg", "<svg>\n<g></svg>", r"1\.svg, line 2: this is no well-formed XML"),
        ("a/1.inkml", "<ink>\n<trace>1 x</trace></ink>", r"1\.inkml, line 2: 'x' in a trace is no number"),
        ("a/1.dat", ".PEN_DOWN\n1 2\n1 2 3\n", r"1\.dat, line 3: a point has 2 numbers"),
        ("a/1.xml", "<ink/>", r"1\.xml is XML, and its suffix does not tell which"),
        ("a/1.csv", "", r"1\.csv is empty"),
        ("a/1.txt", "hello\n", r"data\.source\.x: no column of .*1\.txt"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name, content, message, tmp_path):
    save(tmp_path / "b" / "0.csv", "0,0,0\n1,1,1\n")
    save(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        StrokeFiles().read(str(tmp_path))


def test_folders_without_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"matches no file"):
        StrokeFiles().read(str(tmp_path))
    save(tmp_path / "b" / "0.csv", "0,0,0\n1,1,1\n")
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match=r"a is empty; a class needs stroke files"):
        StrokeFiles().read(str(tmp_path))


def test_a_class_with_one_file_is_named(tmp_path):
    path = write("table", tmp_path, 4)
    save(path / "dot" / "1.csv", "0,0,0\n1,1,1\n")
    with pytest.raises(UserError, match=r"the class dot has 1 sequence, too few for 3 parts"):
        LabelledData(StrokeFiles(), path=str(path)).setup()


def test_a_writer_who_is_not_told_is_an_error(tmp_path):
    source = StrokeFiles()
    source.group_by("writer")
    with pytest.raises(
        UserError, match=r"data\.group=writer: .*w0\.csv\.gz does not tell it, but tells nothing"
    ):
        source.read(str(write("table", tmp_path)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"format": "png"}, "data.source.format=png is not known; choose one of: inkml, svg, table, unipen"),
        ({"pen_marks": "left"}, "data.source.pen_marks=left is not known"),
        ({"y_axis": "left"}, "data.source.y_axis=left is not known"),
        ({"comment_pattern": "("}, "data.source.comment_pattern=( is no regular expression"),
        ({"name_pattern": "a"}, "data.source.name_pattern=a has no named group"),
        ({"encoding": "nine"}, "data.source.encoding=nine is no text encoding"),
    ],
)
def test_settings_that_are_not_known(given, message):
    with pytest.raises(UserError) as caught:
        StrokeFiles(**given)
    assert message in str(caught.value)


@pytest.mark.slow
def test_pendigits_has_thirty_writers():
    if not PENDIGITS.is_file():
        pytest.skip("the pen trajectories of pendigits are not here (THROUGHTIME_DATA)")
    source = StrokeFiles(comment_pattern=COMMENTS, points=8)
    source.group_by("writer")
    found = source.read(str(PENDIGITS))
    found.check()
    assert len(found) == 7494 and len(set(found.groups)) == 30
    assert set(found.labels) == set("0123456789")
    assert {sequence.shape for sequence in found.sequences} == {(8, 3)}
