"""Segments of UNIPEN span the components that they name, and lines that cannot be read are named."""

import re
from pathlib import Path

import numpy as np
import pytest

from throughtime.data.strokes.unipen import read_unipen
from throughtime.errors import UserError

DIGITS = """.INCLUDE digits.doc
.HIERARCHY DIGIT

.SEGMENT DIGIT    0 ? "8"
.COMMENT 8 12  224
.PEN_DOWN
 267  333
 267  336
.PEN_UP
.DT 100

.SEGMENT DIGIT    1-2 ? "4"
.COMMENT 4 9  1
.PEN_DOWN
 1  2
 3  4
.PEN_UP
.DT 100
.PEN_DOWN
 5  6
.PEN_UP
.DT 100
"""

WORDS = """.VERSION 1.0
.COORD X Y P T
.POINTS_PER_SECOND 100
.WRITER_ID  ann
.SEGMENT WORD 0-3 OK "a
b"
.SEGMENT CHAR 0 OK "a"
.SEGMENT CHAR 2:1-3 OK "\\"b\\""
.PEN_DOWN
1 1 0 10
2 1 0 20
.PEN_UP
3 1 0 30
.PEN_DOWN
4 1 0 40
5 1 0 50
6 1 0 60
.PEN_UP
7 1 0 70
"""


def inks(text, level=None, pattern=None, labelled=True):
    compiled = None if pattern is None else re.compile(pattern)
    return list(read_unipen(text, Path("ink.dat"), level, compiled, labelled))


def xs(ink):
    return [stroke[:, 0].tolist() for stroke in ink.strokes]


def test_components_without_points_are_not_counted():
    one, two = inks(DIGITS)
    assert xs(one) == [[267, 267]] and xs(two) == [[1, 3], [5]]
    assert one.facts == {"label": "8"} and two.facts["label"] == "4"
    assert one.name == "ink.dat:4" and one.times is None


def test_facts_are_found_in_the_comments_of_a_segment():
    found = inks(DIGITS, pattern=r"^\d+\s+(?P<writer>\d+)")
    assert [ink.facts["writer"] for ink in found] == ["12", "9"]
    assert "writer" not in inks(DIGITS, pattern="(?P<writer>bob)")[0].facts


def test_pen_up_components_with_points_are_counted_and_not_drawn():
    (word,) = inks(WORDS, "WORD")
    assert xs(word) == [[1, 2], [4, 5, 6]] and word.facts == {"label": "a\nb", "writer": "ann"}
    first, second = inks(WORDS, "CHAR")
    assert xs(first) == [[1, 2]] and xs(second) == [[5, 6]] and second.facts["label"] == '"b"'
    np.testing.assert_allclose(second.times[0], [0.05, 0.06])


def test_times_follow_from_the_rate_where_there_is_no_column_of_them():
    text = ".POINTS_PER_SECOND 50\n.PEN_DOWN\n1 1\n2 2\n.PEN_UP\n3 3\n.PEN_DOWN\n4 4\n5 5\n"
    (ink,) = inks(text)
    np.testing.assert_allclose(np.concatenate(ink.times), [0, 0.02, 0.06, 0.08])


def test_a_file_without_segments_is_one_ink():
    (ink,) = inks(".WRITER_ID bob\n.PEN_DOWN\n1 2\n3 4\n")
    assert ink.name == "ink.dat" and ink.facts == {"writer": "bob"}


def test_a_segment_without_a_label_is_an_error_in_training_only():
    text = DIGITS.replace(' ? "4"', "")
    with pytest.raises(UserError, match=r"ink\.dat, line 12: the segment has no label"):
        inks(text)
    assert "label" not in inks(text, labelled=False)[1].facts


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" 3  4", " 3  4  5", "ink.dat, line 16: a point has 2 numbers (X, Y), and this line has 3"),
        (" 3  4", " 3  four", "ink.dat, line 16: Y is 'four', which is no number"),
        (" 3  4", " nan  4", "ink.dat, line 16: X is nan; give a finite number"),
        (
            "DIGIT    1-2",
            "DIGIT 1-3",
            "ink.dat, line 12: the segment names the components 1-3, and the file has 3",
        ),
        ("DIGIT    1-2", "DIGIT 2-1", "ink.dat, line 12: the segment names the components 2-1"),
        ("DIGIT    1-2", "DIGIT one", "ink.dat, line 12: the components 'one' cannot be read"),
        ('DIGIT    1-2 ? "4"', "DIGIT", "ink.dat, line 12: a segment has a level, components and a label"),
        (".HIERARCHY DIGIT", ".COORD Y Z", "ink.dat, line 2: .COORD names no X and Y"),
        (
            ".HIERARCHY DIGIT",
            ".POINTS_PER_SECOND 0",
            "ink.dat, line 2: .POINTS_PER_SECOND must be a number above 0",
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_named(old, new, message):
    assert old in DIGITS
    with pytest.raises(UserError) as caught:
        inks(DIGITS.replace(old, new))
    assert message in str(caught.value)


def test_files_without_points_and_levels_that_there_are_not():
    with pytest.raises(UserError, match=r"ink.dat has no points"):
        inks(".VERSION 1.0\n.PEN_DOWN\n.PEN_UP\n")
    with pytest.raises(UserError, match=r"choose one by data.source.level=CHAR"):
        inks(WORDS)
    with pytest.raises(
        UserError, match=r"data.source.level=LINE: ink.dat has segments of the levels WORD, CHAR"
    ):
        inks(WORDS, "LINE")
    with pytest.raises(UserError, match=r"line 5: the segment has no stroke with the pen down"):
        inks(WORDS.replace("0-3", "1"), "WORD")
