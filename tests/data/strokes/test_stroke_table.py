"""Tables of points become strokes, whatever a mark of the pen means."""

import pytest

from throughtime.data.strokes.stroke_table import StrokeColumns, read_stroke_table
from throughtime.errors import UserError


def inks(tmp_path, text, **columns):
    file = tmp_path / "a.csv"
    file.write_text(text)
    return list(read_stroke_table(file, StrokeColumns(**columns), "utf-8"))


def xs(ink):
    return [stroke[:, 0].tolist() for stroke in ink.strokes]


@pytest.mark.parametrize(
    ("header", "pen", "columns"),
    [
        ("x,y,pen", "01001", {}),
        ("x,y,pen_up", "01000", {}),
        ("", "01001", {}),
        ("x,y,pen_down", "11011", {}),
        ("x,y,tip", "00100", {"pen": "tip", "pen_marks": "up"}),
        ("x,y,pen", "11011", {"pen_marks": "down"}),
        ("x,y,Pen_Down", "11011", {"pen": "Pen_Down"}),
        ("u;v;w", "01001", {"x": "u", "y": "v", "pen": "w", "separator": ";"}),
    ],
)
def test_marks_of_the_pen_cut_strokes(header, pen, columns, tmp_path):
    separator = columns.get("separator", ",")
    rows = [separator.join(map(str, (x, 10 * x, mark))) for x, mark in enumerate(pen)]
    (ink,) = inks(tmp_path, "\n".join([header] * bool(header) + rows), **columns)
    hovers = "up" in columns.values() or pen == "11011"
    assert xs(ink) == ([[0, 1], [3, 4]] if hovers else [[0, 1], [2, 3, 4]])
    assert (ink.strokes[1][:, 1] == 10 * ink.strokes[1][:, 0]).all()


def test_without_a_pen_an_ink_is_one_stroke(tmp_path):
    (ink,) = inks(tmp_path, "x,y\n0,1\n2,3\n")
    assert xs(ink) == [[0, 2]] and ink.name.endswith("a.csv") and ink.facts == {}


def test_a_long_table_has_an_ink_for_each_id(tmp_path):
    text = "id,x,y,pen,t,label,who\n7,0,0,0,1,a,p\n8,5,5,1,1,b,q\n7,1,0,1,2,,p\n8,6,5,1,2,b,q\n"
    one, two = inks(tmp_path, text, group="who")
    assert xs(one) == [[0, 1]] and xs(two) == [[5], [6]]
    assert one.facts == {"label": "a", "group": "p"} and two.facts == {"label": "b", "group": "q"}
    assert one.name.endswith("a.csv:7") and "line 3" in two.place
    assert [own.tolist() for own in one.times] == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y,pen\n0,0,0\n1,1,2\n", "a.csv, line 3: the pen is '2'; a mark of the pen is 0 or 1"),
        ("x,y,pen\n0,0,0\n1,1,down\n", "a.csv, line 3: the pen is 'down'"),
        ("x,y,pen\n0,0,0\n1,one,0\n", "a.csv, line 3: y is 'one', which is no number"),
        ("x,y,pen\n0,0,0\n1,nan,0\n", "a.csv, line 3: y is nan; give a finite number"),
        ("0,0,0\nnan,1,0\n", "a.csv, line 2: x is nan"),
        ("x,y,pen\n0,0,0\n1,1\n", "a.csv, line 3: the row has 2 columns, so it lacks column 3"),
        ("x,y,pen\n0,0,0\n1,1,0,9\n", "a.csv, line 3: the row has 4 columns, but the first line has 3"),
        ("x,y,pen\n", "a.csv has no points"),
        ("", "a.csv is empty"),
        ("a,b\n1,2\n", "data.source.x: no column of"),
        ("x,y,pen_down\n0,0,0\n1,1,0\n", "a.csv: the pen is never down"),
        ("id,x,y\n1,0,0\n,1,1\n", "a.csv, line 3: the id is empty"),
        ("id,x,y,label\n1,0,0,a\n1,1,1,b\n", "a.csv, line 3: one ink has the labels a and b"),
    ],
)
def test_a_table_that_cannot_be_read_is_named_with_its_line(text, message, tmp_path):
    with pytest.raises(UserError) as caught:
        inks(tmp_path, text)
    assert message in str(caught.value)
