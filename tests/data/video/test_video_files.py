"""Folders of clips become sequences of one kind, and what does not fit is named."""

import numpy as np
import pytest

from throughtime.data import memory
from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.labelled.splits import split_sequences
from throughtime.data.video.video_files import VideoFiles
from throughtime.errors import UserError

from .conftest import frames, write_film, write_folder, write_gif


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    write_folder(folder / "run" / "1", frames(5))
    write_folder(folder / "run" / "tuesday" / "1", frames(7, seed=1))
    write_gif(folder / "run" / "2.gif", frames(6, seed=2))
    write_film(folder / "walk" / "3.mp4", frames(4, seed=3))
    write_gif(folder / "walk" / "4.gif", frames(5, seed=4))
    return folder


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    for number in range(6):
        place = folder / ("run", "walk")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        rows = "".join(f"{number + step},{step},{10 * step}\n" for step in range(4 + number))
        (place / f"{number}.csv").write_text("x,y,time\n" + rows)
    return folder


def test_a_folder_for_each_class_with_clips_of_any_format(clips):
    found = VideoFiles(colour="rgb").read(str(clips))
    found.check()
    assert found.labels == ["run"] * 3 + ["walk"] * 2
    assert [len(sequence) for sequence in found.sequences] == [5, 6, 7, 4, 5]
    assert found.names[2] == str(clips / "run" / "tuesday" / "1")
    assert (
        found.frame_shape == (3, 16, 24) and found.sequences[0].shape[1] == len(found.channels) == 3 * 16 * 24
    )


def test_tables_of_features(tables):
    found = VideoFiles(leave_out=["time"], stride=2).read(str(tables))
    assert found.channels == ("x", "y") and found.frame_shape is None
    np.testing.assert_array_equal(found.sequences[3], [[1, 0], [3, 2], [5, 4]])


def test_prediction_reads_as_training_did(clips, tables, tmp_path):
    source = VideoFiles(size=[8, 8], stride=2)
    trained = source.read(str(clips))
    again = source_from_state(source_state(source))
    found = again.read_for_prediction([clips / "walk" / "3.mp4", clips / "run", clips / "run" / "1"])
    assert found.names == [*(trained.names[place] for place in (3, 0, 1, 2, 0))]
    np.testing.assert_array_equal(found.sequences[1], trained.sequences[0])
    assert set(found.labels) == {None} and found.channels == trained.channels
    with pytest.raises(UserError, match=r"0\.csv is a table of features, but the others have frames"):
        again.read_for_prediction([tables / "run" / "0.csv"])
    with pytest.raises(UserError, match=r"nowhere\.mp4 does not exist"):
        again.read_for_prediction([tmp_path / "nowhere.mp4"])


def test_clips_of_another_size_or_with_other_features_are_named(clips, tables):
    source = VideoFiles()
    source.read(str(clips))
    write_gif(clips / "walk" / "5.gif", frames(3, 10, 12))
    with pytest.raises(
        UserError, match=r"5\.gif has frames of 10 x 12 pixels, but the others have 16 x 24; data\.s"
    ):
        source_from_state(source_state(source)).read_for_prediction([clips / "walk" / "5.gif"])
    (tables / "walk" / "7.csv").write_text("x,y\n1,2\n")
    with pytest.raises(
        UserError, match=r"7\.csv has 2 features \(x, y\), but the others have 3 features \(x, y, time"
    ):
        VideoFiles().read(str(tables))


def test_folders_that_are_empty_or_of_another_shape_are_named(clips, tmp_path):
    (clips / "swim").mkdir()
    with pytest.raises(UserError, match="swim is empty"):
        VideoFiles().read(str(clips))
    (clips / "swim" / "1").mkdir()
    with pytest.raises(UserError, match="swim/1 is empty; a clip needs frames"):
        VideoFiles().read(str(clips))
    (clips / "swim" / "1" / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"notes\.txt is no clip that is known"):
        VideoFiles().read(str(clips))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no folder in it"):
        VideoFiles().read(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="is no folder"):
        VideoFiles().read(str(clips / "run" / "2.gif"))
    with pytest.raises(UserError, match=r"1 has pictures in it, but a clip is a folder of its own"):
        VideoFiles().read(str(clips / "run"))


def test_a_class_with_one_clip_is_named(clips):
    write_gif(clips / "swim" / "1.gif", frames())
    with pytest.raises(UserError, match="the class swim has 1 sequence, too few for 2 parts"):
        split_sequences(VideoFiles().read(str(clips)), (0.5, 0.0, 0.5))


def test_more_than_the_memory_is_refused_before_it_is_taken(clips, monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 2 * 4 * 16 * 24 * 10)
    with pytest.raises(
        UserError, match=r"2\.gif: the data up to this file need more .* set data\.source\.size"
    ):
        VideoFiles().read(str(clips))
    assert len(VideoFiles(size=[4, 4]).read(str(clips))) == 5


@pytest.mark.parametrize(
    "given", [{"colour": "blue"}, {"size": [8]}, {"size": [0, 8]}, {"stride": 0}, {"longest": 0}]
)
def test_unknown_settings_are_refused(given):
    with pytest.raises(UserError, match=r"^data\.source\."):
        VideoFiles(**given)


@pytest.fixture
def people(tmp_path):
    """Clips of four people with three takes of each of two classes."""
    folder = tmp_path / "people"
    for number in range(24):
        name = ("ann", "bob", "eve", "joe")[number % 4]
        write_folder(
            folder / ("run", "walk")[number // 12] / f"{name}_{number // 4 % 3}", frames(3, 4, 20, number % 7)
        )
    return folder


def test_no_person_is_in_two_parts(people):
    for group, pattern in (("person", "{person}_{take}"), (True, "{person}_*")):
        data = LabelledData(
            VideoFiles(pattern=pattern), path=str(people), group=group, split=(0.5, 0.25, 0.25)
        )
        data.setup()
        parts = [set(data.part(name).groups) for name in ("train", "val", "test")]
        assert sum(map(len, parts)) == 4 and set.union(*parts) == {"ann", "bob", "eve", "joe"}
    assert VideoFiles(pattern="{kind}/{person}_*").read(str(people)).groups is None  # none of two is chosen


def test_groups_that_no_name_has_are_named(people):
    with pytest.raises(UserError, match=r"data\.group=person: .*; it has none"):
        LabelledData(VideoFiles(), path=str(people), group="person").setup()
    with pytest.raises(UserError, match=r"data\.group=camera: .*; it has person, take"):
        LabelledData(VideoFiles(pattern="{person}_{take}"), path=str(people), group="camera").setup()
    write_folder(people / "run" / "zoe", frames(3, 4, 20))
    with pytest.raises(UserError, match=r"zoe does not match data\.source\.pattern=\{person\}_\*"):
        VideoFiles(pattern="{person}_*").read(str(people))
