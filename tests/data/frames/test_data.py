"""Recordings are split in time or by recordings, and standardised on training alone."""

import numpy as np
import pytest

from throughtime.data.frames.data import FramesData
from throughtime.errors import UserError

LENGTHS = (40, 60, 50)


@pytest.fixture
def folder(tmp_path):
    for number, length in enumerate(LENGTHS):
        rows = "".join(f"{100 * number + row},{row % 7},{'ab'[row // 3 % 2]}\n" for row in range(length))
        (tmp_path / f"{number}.csv").write_text("x,y,tag\n" + rows)
    return tmp_path


def made(folder, **settings):
    data = FramesData(path=str(folder), **{"standardise": "none", **settings})
    data.setup()
    return data


def test_a_split_in_time_keeps_the_order_and_loses_no_frame(folder):
    data = made(folder)
    for number, length in enumerate(LENGTHS):
        parts = [data.part(name).features[number] for name in ("train", "val", "test")]
        np.testing.assert_array_equal(np.concatenate(parts)[:, 0], 100 * number + np.arange(length))
    assert data.sizes == {"train": 105, "val": 15, "test": 30}


def test_folds_leave_out_each_recording_once(folder):
    left_out = []
    for fold in range(3):
        data = made(folder, folds=3, fold=fold, split=[0.8, 0.2, 0])
        test = data.part("test")
        left_out += test.names
        seen = {value for name in ("train", "val") for one in data.part(name).features for value in one[:, 0]}
        assert not seen & set(test.features[0][:, 0]) and len(test.features[0]) == LENGTHS[fold]
    assert sorted(left_out) == sorted(str(folder / f"{number}.csv") for number in range(3))


@pytest.mark.parametrize("piece", [2, 7, 16, 1000, None])
def test_pieces_cover_all_frames_and_are_of_one_length(folder, piece):
    data = made(folder, split=[1, 0, 0], piece=piece)
    values = {value for batch in data.loader("train") for value in batch.inputs[..., 0].flatten().tolist()}
    assert values >= {100 * number + row for number, length in enumerate(LENGTHS) for row in range(length)}
    if piece is not None and piece <= min(LENGTHS):
        assert all((batch.lengths == piece).all() for batch in data.loader("train"))


def test_standardisation_is_that_of_training_or_of_each_recording(folder):
    channel = made(folder, standardise="channel")
    train = np.concatenate(channel.part("train").features)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-4)
    whole = made(folder, standardise="sequence", folds=3)
    for one in whole.part("test").features:
        np.testing.assert_allclose(one.mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(one.std(0), 1, atol=1e-3)


def test_another_run_reads_by_the_artifacts(folder):
    first = made(folder, standardise="channel", lags=[2])
    again = FramesData(test_path=str(folder / "1.csv"))
    again.restore(first.artifacts())
    again.setup()
    assert again.tags == first.tags and again.artifacts()["input_sizes"] == {"input_size": 4}
    np.testing.assert_allclose(
        again.part("test").features[0][:42], first.part("train").features[1], rtol=1e-5
    )
    (folder / "1.csv").write_text("x,y,tag\n1,2,a\n2,3,c\n")
    other = FramesData(test_path=str(folder / "1.csv"))
    other.restore(first.artifacts())
    with pytest.raises(UserError, match=r"1\.csv, line 3: the tag c is none of a, b"):
        other.setup()
    with pytest.raises(UserError, match="the model tags words"):
        other.restore({"lexicon": {}})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 4}, r"data\.folds=4: there are 3 recordings"),
        ({"folds": 3, "fold": 3}, r"data\.fold=3"),
        ({"piece": 1}, r"data\.piece=1"),
        ({"split": [0.98, 0.01, 0.01]}, "too few for 3 parts"),
        ({"train_path": "x"}, "exclude each other"),
    ],
)
def test_what_does_not_fit_is_refused(folder, settings, message):
    with pytest.raises(UserError, match=message):
        made(folder, **settings)


def test_a_tag_that_training_lacks_is_named(folder):
    (folder / "2.csv").write_text("x,y,tag\n" + "1,2,a\n" * 35 + "1,2,c\n" * 15)
    with pytest.raises(
        UserError, match=r"2\.csv, line 37: the tag c is in the test part but on no training frame"
    ):
        made(folder, split=[0.6, 0.1, 0.3])


def test_there_must_be_a_path():
    with pytest.raises(UserError, match="there is nothing to read"):
        FramesData().setup()


@pytest.mark.parametrize(
    ("chunk_length", "steps", "chunked"), [(None, 42, False), (20, 20, True), (100, 42, False)]
)
def test_the_largest_batch_is_told_before_memory_is_taken(folder, chunk_length, steps, chunked):
    """The longest part of a recording is the training part of the one of 60 frames."""
    artifacts = made(folder, chunk_length=chunk_length).artifacts()
    assert artifacts["largest_batch"] == {"steps": steps, "lanes": 3}
    assert artifacts["frames"]["chunked"] is chunked
