"""Tables of the features of frames."""

import numpy as np
import pytest

from throughtime.data.video.feature_table import read_feature_table
from throughtime.errors import UserError


@pytest.fixture
def table(tmp_path):
    def write(text, name="a.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_features_and_tags(table, separator):
    file = table("x,time,y,phase\n1,10,2,rest\n\n3,20,4.5,move\n".replace(",", separator))
    found = read_feature_table(file, ["time"], "phase")
    assert found.channels == ("x", "y") and found.tags == ["rest", "move"] and found.lines == [2, 4]
    np.testing.assert_array_equal(found.values, np.array([[1, 2], [3, 4.5]], np.float32))


def test_a_table_without_a_header_has_columns_by_number(table):
    found = read_feature_table(table("1,2,a\n3,4,b\n"), tag_column=-1)
    assert found.channels == ("x1", "x2") and found.tags == ["a", "b"] and found.lines == [1, 2]
    assert read_feature_table(table("1,2\n3,4\n")).tags is None


def test_a_table_to_predict_may_lack_tags(table):
    file = table("x,y\n1,2\n")
    assert read_feature_table(file, tag_column="phase", tagged=False).tags is None
    with pytest.raises(
        UserError, match=r"data\.tag_column=phase: .*a\.csv, line 1 has no such column; it has x, y"
    ):
        read_feature_table(file, tag_column="phase")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n3\n", r"a\.csv, line 3 has 1 columns, but the first line has 2"),
        ("x,y\n1,2\n3,4,5\n", r"a\.csv, line 3 has 3 columns"),
        ("x,y\n1,nan\n", r"a\.csv, line 2: y is 'nan', which is no finite number"),
        ("x,y\n1,2\n1,\n", r"a\.csv, line 3: y is ''"),
        ("x,y\n1,left\n", r"a\.csv, line 2: y is 'left'"),
        ("x,y\n", r"a\.csv has no frame"),
        ("", r"a\.csv is empty"),
        ("x,x\n1,2\n", r"line 1 has two columns named x"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(table, text, message):
    with pytest.raises(UserError, match=message):
        read_feature_table(table(text))


def test_columns_that_are_not_there_are_named(table):
    file = table("x,y,phase\n1,2,\n")
    with pytest.raises(UserError, match=r"leave_out: .* no column time; it has x, y, phase"):
        read_feature_table(file, ["time"], "phase")
    with pytest.raises(UserError, match=r"data\.tag_column=7: .* has 3 columns"):
        read_feature_table(file, tag_column=7)
    with pytest.raises(UserError, match=r"no column of features"):
        read_feature_table(file, ["x", "y"], "phase")
    with pytest.raises(UserError, match=r"line 2: phase is empty"):
        read_feature_table(file, tag_column="phase")
