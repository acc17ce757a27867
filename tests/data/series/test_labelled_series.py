"""Labelled series become sequences of one kind; splits by file pairs, missing values, and sktime's sets."""

from collections import Counter

import numpy as np
import pytest

from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.labelled.splits import split_sequences
from throughtime.data.series.labelled_series import SETS, LabelledSeries
from throughtime.errors import UserError

HEADER = "@univariate true\n@classLabel true a b\n@data\n"
ROWS = "1,2,3:a\n4,5:b\n"


@pytest.fixture
def pair(tmp_path):
    folder = tmp_path / "Toy"
    folder.mkdir()
    (folder / "Toy_TRAIN.ts").write_text(HEADER + ROWS * 3)
    (folder / "Toy_TEST.ts").write_text(HEADER + ROWS)
    (folder / "README.md").write_text("about")
    return folder


def test_a_pair_of_files_is_a_usual_split(pair):
    for path in (pair, f"{pair}/*.ts"):
        found = LabelledSeries().read(str(path))
        found.check()
        assert found.split == ["test"] * 2 + ["train"] * 6
        assert found.labels == ["a", "b"] * 4 and found.channels == ("x1",)
        assert [len(sequence) for sequence in found.sequences] == [3, 2] * 4


def test_one_file_alone_is_to_be_split(pair):
    found = LabelledSeries().read(str(pair / "Toy_TRAIN.ts"))
    assert found.split is None and len(found) == 6


def test_of_several_formats_ts_is_read(pair):
    (pair / "Toy_TRAIN.tsv").write_text("a\t1\t2\n")
    assert len(LabelledSeries().read(str(pair))) == 8


def test_tsv_and_ts_of_the_same_series_are_the_same(tmp_path):
    (tmp_path / "a.ts").write_text(HEADER.replace("a b", "1 2") + "1,?,3:1\n4,5:2\n")
    (tmp_path / "a.tsv").write_text("1\t1\tNaN\t3\n2.0\t4\t5\tNaN\n")
    ts, tsv = (LabelledSeries().read(str(tmp_path / name)) for name in ("a.ts", "a.tsv"))
    assert ts.labels == tsv.labels == ["1", "2"]
    for one, other in zip(ts.sequences, tsv.sequences, strict=True):
        np.testing.assert_array_equal(one, other)


def test_missing_values_lie_on_the_line_between_their_neighbours(tmp_path):
    (tmp_path / "a.ts").write_text("@classLabel true a\n@data\n?,1,?,?,4,?:2,?,4,5,6,7:a\n")
    found = LabelledSeries().read(str(tmp_path / "a.ts"))
    assert found.sequences[0].T.tolist() == [[1, 1, 2, 3, 4, 4], [2, 3, 4, 5, 6, 7]]
    assert "5 missing values interpolated" in found.description
    with pytest.raises(UserError, match=r"a\.ts, line 3: x1 at step 1 is missing"):
        LabelledSeries(missing="error").read(str(tmp_path / "a.ts"))


def test_a_channel_without_values_is_named(tmp_path):
    (tmp_path / "a.ts").write_text("@classLabel true a\n@data\n1,2:?,?:a\n")
    with pytest.raises(UserError, match=r"a\.ts, line 3: all values of x2 are missing"):
        LabelledSeries().read(str(tmp_path / "a.ts"))


def test_files_that_do_not_belong_together_are_named(pair, tmp_path):
    (pair / "Other_TRAIN.ts").write_text(HEADER + ROWS)
    with pytest.raises(UserError, match="holds several sets: Other, Toy; name one"):
        LabelledSeries().read(str(pair))
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "Toy_TRAIN.ts").write_text(HEADER + ROWS)
    (pair / "Other_TRAIN.ts").unlink()
    with pytest.raises(UserError, match="have one name, and both are the train part; name one of them"):
        LabelledSeries().read(f"{tmp_path}/*/*.ts")
    (tmp_path / "a.ts").write_text("@classLabel true a\n@data\n1,2:a\n1,2:3,4:a\n")
    with pytest.raises(
        UserError, match=r"line 4 has 2 channels \(x1, x2\), but .*line 3 has 1 channel \(x1\)"
    ):
        LabelledSeries().read(str(tmp_path / "a.ts"))
    (tmp_path / "a.dat").write_text("1 2 3")
    with pytest.raises(UserError, match=r"a\.dat is no file of series"):
        LabelledSeries().read(str(tmp_path / "a.dat"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="matches no file"):
        LabelledSeries().read(str(tmp_path / "empty"))
    (tmp_path / "empty" / "notes.md").write_text("nothing")
    with pytest.raises(UserError, match="holds no file of series"):
        LabelledSeries().read(str(tmp_path / "empty"))


def test_prediction_reads_as_training_did(pair):
    source = LabelledSeries(frame=2, hop=1, differences=True)
    trained = source.read(str(pair / "Toy_TRAIN.ts"))
    again = source_from_state(source_state(source)).read_for_prediction([pair / "Toy_TRAIN.ts"])
    assert again.channels == trained.channels and again.names == trained.names
    np.testing.assert_array_equal(again.sequences[1], trained.sequences[1])
    np.testing.assert_array_equal(source.series(trained.sequences[1])[:, 0], [4, 5])


def test_groups_are_a_column_of_a_long_table(tmp_path):
    rows = [f"p{case % 6},{case},{step},{case + step},c{case % 2}" for case in range(24) for step in range(3)]
    (tmp_path / "long.csv").write_text("patient,id,time,x,label\n" + "\n".join(rows) + "\n")
    data = LabelledData(LabelledSeries(), path=str(tmp_path / "long.csv"), group="patient")
    data.setup()
    parts = [set(data.part(name).groups) for name in ("train", "val", "test")]
    assert sum(map(len, parts)) == 6 == len(set.union(*parts))


@pytest.mark.parametrize("name", SETS)
def test_shipped_sets_are_read_as_sktime_reads_them(name):
    ts = pytest.importorskip("sktime.datasets._readers_writers.ts")
    source = LabelledSeries()
    source.choose(name)
    found = source.shipped()
    found.check()
    for part in ("train", "test"):
        file = next(name for name, own in zip(found.names, found.split, strict=True) if own == part)
        frame, labels = ts.load_from_tsfile_to_dataframe(file.rsplit(":", 1)[0])
        own = [number for number, given in enumerate(found.split) if given == part]
        assert [found.labels[number].lower() for number in own] == labels.tolist()
        for number, (_, row) in zip(own, frame.iterrows(), strict=True):
            wanted = np.stack([channel.to_numpy() for channel in row], axis=1)
            np.testing.assert_array_equal(found.sequences[number], wanted.astype(np.float32))


@pytest.mark.parametrize("name", SETS)
def test_the_thirty_resamples_of_a_shipped_set_have_the_classes_of_its_usual_split(name):
    pytest.importorskip("sktime")
    source = LabelledSeries()
    source.choose(name)
    found = source.shipped()
    usual, seen = {}, set()
    for resample in range(30):
        parts = split_sequences(found, (0.8, 0.0, 0.2), resample=resample)
        classes = {part: Counter(found.labels[number] for number in own) for part, own in parts.items()}
        usual = usual or classes
        assert classes == usual and set(classes) == {"train", "test"}
        seen.add(tuple(parts["train"].tolist()))
    assert len(seen) == 30


def test_a_name_that_is_not_shipped_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"data\.name"):
        LabelledData(LabelledSeries(), name="Wafer").setup()
    with pytest.raises(UserError, match=r"data\.name=GunPoint and the paths of files exclude each other"):
        LabelledData(LabelledSeries(), name="GunPoint", path=str(tmp_path)).setup()
