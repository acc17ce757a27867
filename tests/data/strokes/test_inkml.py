"""Traces of InkML in all of its notations, with the annotations of the ink and of groups."""

import numpy as np
import pytest

from throughtime.data.strokes.inkml import read_inkml
from throughtime.errors import UserError

FORMULA = """<ink xmlns="http://www.w3.org/2003/InkML">
<annotation type="writer">ann</annotation>
<annotation type="truth">x+1</annotation>
<trace id="t0">0 0, 1 1</trace>
<trace id="t1">5 5, 6 6</trace>
<trace id="t2">5 6, 6 5</trace>
<traceGroup><annotation type="truth">segmentation</annotation>
<traceGroup><annotation type="truth">x</annotation><traceView traceDataRef="t0"/></traceGroup>
<traceGroup><annotation type="truth">+</annotation>
<traceView traceDataRef="#t1"/><traceView traceDataRef="#t2"/></traceGroup>
</traceGroup></ink>"""


def inks(tmp_path, text, level=None):
    file = tmp_path / "a.inkml"
    file.write_text(text)
    return list(read_inkml(file, level, ("label", "truth")))


def trace(tmp_path, text, formats=""):
    (ink,) = inks(tmp_path, f"<ink>{formats}\n<trace>{text}</trace></ink>")
    return ink


def test_the_whole_ink_or_its_groups(tmp_path):
    (whole,) = inks(tmp_path, FORMULA)
    assert whole.facts == {"writer": "ann", "truth": "x+1"} and len(whole.strokes) == 3
    x, plus = inks(tmp_path, FORMULA, "group")
    assert x.facts == {"writer": "ann", "truth": "x"} and plus.facts["truth"] == "+"
    assert [stroke.tolist() for stroke in plus.strokes] == [[[5, 5], [6, 6]], [[5, 6], [6, 5]]]
    assert plus.name.endswith("a.inkml:9")


def test_groups_are_read_where_only_they_have_labels(tmp_path):
    assert len(inks(tmp_path, FORMULA.replace('<annotation type="truth">x+1</annotation>', ""))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2, 3 4", [[1, 2], [3, 4]]),
        ("1 2,3-4,", [[1, 2], [3, -4]]),
        ("10 10, '1'-2, 1-2, !0!0", [[10, 10], [11, 8], [12, 6], [0, 0]]),  # first differences, until !
        ("""0 0, '1'1, "1"0, 1 0""", [[0, 0], [1, 1], [3, 2], [6, 3]]),  # second differences
        ("1 2, * 3, #ff *", [[1, 2], [1, 3], [255, 3]]),
        ("1.5e1 .5", [[15, 0.5]]),
    ],
)
def test_notations_of_values(text, expected, tmp_path):
    np.testing.assert_allclose(trace(tmp_path, text).strokes[0], expected)


def test_channels_are_found_in_the_format_that_a_context_names(tmp_path):
    formats = """<definitions><traceFormat id="plain"><channel name="X"/><channel name="Y"/></traceFormat>
<context id="c"><inkSource id="s"><traceFormat><channel name="T" units="s"/><channel name="Y"/><channel name="X"/>
</traceFormat></inkSource></context></definitions>"""
    text = f'<ink>{formats}<trace contextRef="#c">0 1 2, 0.5 3 4</trace><trace>8 9</trace></ink>'
    (ink,) = inks(tmp_path, text)
    assert [stroke.tolist() for stroke in ink.strokes] == [[[2, 1], [4, 3]], [[8, 9]]]
    assert ink.times is None
    (timed,) = inks(tmp_path, text.replace("<trace>8 9</trace>", ""))
    np.testing.assert_allclose(timed.times[0], [0, 0.5])


def test_traces_with_the_pen_up_are_no_strokes(tmp_path):
    (ink,) = inks(tmp_path, '<ink><trace>0 0,1 1</trace><trace type="penUp">1 1,2 2</trace></ink>')
    assert len(ink.strokes) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<ink/>", "a.inkml: there is no trace with points"),
        ("<svg/>", "a.inkml is no InkML: its first element is svg"),
        ("<ink>\n<trace>1 2, 3</trace></ink>", "a.inkml, line 2: point 2 has 1 values"),
        ("<ink>\n<trace>1 2, 3 nan</trace></ink>", "a.inkml, line 2: 'nan' in a trace is no number"),
        ("<ink>\n<trace>1 ?</trace></ink>", "a.inkml, line 2: Y of point 1 is not known (?)"),
        ("<ink>\n<trace> </trace></ink>", "a.inkml, line 2: the trace has no point"),
        (
            "<ink>\n<trace>1 1e999</trace></ink>",
            "a.inkml, line 2: a value of the trace is beyond all numbers",
        ),
        (
            '<ink>\n<traceFormat><channel name="P"/></traceFormat><trace>1</trace></ink>',
            "a.inkml, line 2: the trace format has no channels X and Y",
        ),
    ],
)
def test_ink_that_cannot_be_read_is_named_with_its_line(text, message, tmp_path):
    with pytest.raises(UserError) as caught:
        inks(tmp_path, text)
    assert message in str(caught.value)


def test_views_name_traces_that_there_are(tmp_path):
    with pytest.raises(UserError, match=r"line 8: traceDataRef names t7, and no trace has this id"):
        inks(tmp_path, FORMULA.replace('traceDataRef="t0"', 'traceDataRef="t7"'), "group")
    with pytest.raises(UserError, match=r"line 8: a view of a part of a trace"):
        inks(tmp_path, FORMULA.replace('traceDataRef="t0"', 'traceDataRef="t0" from="1"'), "group")
    with pytest.raises(UserError, match=r"a.inkml has no group of traces"):
        inks(tmp_path, "<ink><trace>1 2</trace></ink>", "group")
