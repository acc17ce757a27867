"""Recordings are read with their lags and tags, and a tag that may be misspelt is never taken as it is."""

import numpy as np
import pytest

from throughtime.data import memory
from throughtime.data.frames.recordings import FrameReader, check_tags
from throughtime.errors import UserError


def write(folder, name, tags, first=0):
    rows = "".join(f"{first + row},{row * row},{tag}\n" for row, tag in enumerate(tags))
    (folder / name).write_text("x,y,phase\n" + rows)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "a.csv", ["rest"] * 100 + ["move"] * 100)
    write(tmp_path, "b.csv", ["rest"] * 150 + ["mvoe"] + ["move"] * 49)
    return tmp_path


def test_changes_over_lags_join_the_features(folder):
    reader = FrameReader(lags=[1, 3])
    one = reader.read(str(folder / "a.csv"))[0]
    assert one.values.shape == (200, 6) and reader.channels == ("x", "y") and reader.tag_name == "phase"
    np.testing.assert_array_equal(one.values[5], [5, 25, 1, 9, 3, 21])
    np.testing.assert_array_equal(one.values[2], [2, 4, 1, 3, 0, 0])


def test_a_rare_tag_of_one_file_is_an_error_that_says_what_to_write(folder):
    recordings = FrameReader().read(str(folder))
    with pytest.raises(UserError) as caught:
        check_tags(recordings, None)
    assert str(caught.value).startswith(
        f"{folder / 'b.csv'}, line 152: the tag mvoe is on 1 frame of this file and in no"
    )
    assert "'data.rename=\"{mvoe: move}\"'" in str(caught.value)
    check_tags(recordings, ["rest", "move", "mvoe"])
    with pytest.raises(UserError, match=r"line 152: the tag mvoe is none of rest, move; "):
        check_tags(recordings, ["rest", "move"])


@pytest.mark.parametrize("rename", [{"mvoe": "move"}, "{mvoe: move}"])
def test_a_renamed_tag_is_read_as_the_other(folder, rename):
    recordings = FrameReader(rename=rename).read(str(folder))
    check_tags(recordings, None)
    assert set(recordings[1].tags) == {"rest", "move"}


@pytest.mark.parametrize("rename", ["{a: ", "a", "{a: 1}"])
def test_a_rename_that_is_no_mapping_of_names_is_refused(rename):
    with pytest.raises(UserError, match=r"data\.rename="):
        FrameReader(rename=rename)


def test_a_tag_of_one_file_that_is_not_rare_is_kept(folder):
    write(folder, "b.csv", ["rest"] * 150 + ["jump"] * 50)
    check_tags(FrameReader().read(str(folder)), None)


def test_prediction_reads_files_with_and_without_tags(folder, tmp_path):
    reader = FrameReader(lags=[2])
    trained = reader.read(str(folder / "a.csv"))[0]
    again = FrameReader.from_state(reader.state())
    np.testing.assert_array_equal(again.read_for_prediction(folder / "a.csv").values, trained.values)
    (folder / "bare.csv").write_text("x,y\n1,2\n3,4\n5,7\n")
    bare = again.read_for_prediction(folder / "bare.csv")
    assert bare.tags is None and bare.values.tolist() == [[1, 2, 0, 0], [3, 4, 0, 0], [5, 7, 4, 5]]
    (folder / "other.csv").write_text("x,z\n1,2\n")
    with pytest.raises(
        UserError, match=r"other\.csv has the features x, z \(2\), but the others have x, y \(2\)"
    ):
        again.read_for_prediction(folder / "other.csv")


def test_lags_are_positive():
    with pytest.raises(UserError, match=r"data\.lags\[1\]"):
        FrameReader(lags=[1, 0])


def test_more_than_the_memory_is_refused(folder, monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 2 * 4 * 2 * 300)
    with pytest.raises(UserError, match=r"b\.csv: the data up to this file need more .* fewer data\.lags"):
        FrameReader().read(str(folder))


def test_tags_that_are_measurements_are_refused(tmp_path):
    write(tmp_path, "a.csv", [f"{row / 7:.3f}" for row in range(60)])
    with pytest.raises(UserError, match=r"a\.csv: the tags are numbers \(.*\), not classes"):
        check_tags(FrameReader().read(str(tmp_path)), None)


def test_tables_in_another_encoding_are_read_by_its_name(tmp_path):
    (tmp_path / "a.csv").write_bytes("x,phase\n1,répos\n2,geste\n".encode("latin-1"))
    with pytest.raises(
        UserError, match=r"a\.csv is no utf-8; name the file's own encoding by data\.encoding="
    ):
        FrameReader().read(str(tmp_path))
    (found,) = FrameReader(encoding="latin-1").read(str(tmp_path))
    assert found.tags == ["répos", "geste"]


def test_a_folder_without_tables_is_told(tmp_path):
    with pytest.raises(
        UserError, match="matches no file; name a frame table, a folder of frame tables or a glob"
    ):
        FrameReader().read(str(tmp_path))
