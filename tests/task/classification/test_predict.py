"""Predictions are written as a table: a row a sequence, or with --stream a row a step."""

import csv
import io

import numpy as np
import pytest
from toy_sequences import ToySource, toy_set

from throughtime.data.labelled import sources
from throughtime.errors import UserError
from throughtime.task.classification import predict as module
from throughtime.task.classification.predict import classes_of, label_of, predict


@pytest.fixture
def task(make, monkeypatch):
    """A classifier whose source gives the toy sequences whatever files are named."""
    made = make().float()
    monkeypatch.setattr(module, "source_from_state", lambda state: ToySource(toy_set(seed=3)))
    return made


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def test_a_row_for_each_sequence_with_its_label_and_probabilities(task, capsys, tmp_path):
    predict(task, [tmp_path])
    header, *rows = rows_of(capsys.readouterr().out)
    assert header == ["name", "label", "c0", "c1", "c2"] and len(rows) == 60
    expected = task.probabilities(toy_set(seed=3).sequences).numpy()
    np.testing.assert_allclose(np.array([row[2:] for row in rows], float), expected, atol=6e-5)
    assert [row[1] for row in rows] == [f"c{number}" for number in expected.argmax(-1)]
    assert rows[4][0] == "file:5"


def test_a_stream_ends_with_the_prediction_for_the_whole(task, capsys, tmp_path):
    predict(task, [tmp_path], tmp_path / "out.csv", stream=True)
    assert capsys.readouterr().out == ""
    header, *rows = rows_of((tmp_path / "out.csv").read_text())
    assert header[:3] == ["name", "step", "label"]
    found = toy_set(seed=3)
    assert len(rows) == sum(map(len, found.sequences))
    last = {row[0]: row for row in rows}
    for name, probabilities in zip(found.names, task.probabilities(found.sequences), strict=True):
        np.testing.assert_allclose([float(one) for one in last[name][3:]], probabilities, atol=6e-5)


def test_the_files_of_a_call_are_one_group(make, monkeypatch, capsys, tmp_path):
    groups = [str(number // 10) for number in range(60)]
    own = make(toy_set(groups=groups), group=True, standardise="group").float()
    outputs = []
    for shift in (0, 5):  # of all recordings, as of another microphone
        found = toy_set(seed=3)
        found.sequences[:] = [sequence + shift for sequence in found.sequences]
        monkeypatch.setattr(module, "source_from_state", lambda state, found=found: ToySource(found))
        predict(own, [tmp_path])
        outputs.append(np.array([row[2:] for row in rows_of(capsys.readouterr().out)[1:]], float))
    np.testing.assert_allclose(*outputs, atol=2e-4)
    predict(own, [tmp_path], stream=True)
    last = {row[0]: row[3:] for row in rows_of(capsys.readouterr().out)[1:]}
    np.testing.assert_allclose(np.array(list(last.values()), float), outputs[1], atol=2e-4)


def test_several_labels_are_those_of_a_half_or_more(make):
    several = make(toy_set(labels=[("a",), ("a", "b"), (), ("b", "c")] * 15)).float()
    import torch

    assert label_of(classes_of(several), torch.tensor([0.5, 0.4, 0.9])) == "a;c"


def test_files_of_another_kind_are_refused(task, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "source_from_state", lambda state: ToySource(toy_set(features=3)))
    with pytest.raises(UserError, match="has 3 features a step, but the model was trained on 2"):
        predict(task, [tmp_path])


def test_a_source_of_the_users_own_is_not_made_from_a_checkpoint(make, tmp_path):
    assert "ToySource" not in sources.PACKAGES
    with pytest.raises(UserError, match="not one of throughtime's sources"):
        predict(make().float(), [tmp_path])


def test_the_classes_of_one_of_several_tasks_are_predicted(several_tasks, capsys, tmp_path):
    predict(several_tasks, [tmp_path / "films.csv"], chosen="moods")
    header, *rows = rows_of(capsys.readouterr().out)
    assert header == ["name", "label", "calm", "glad", "sad"] and len(rows) == 30
    found = several_tasks.data.part("train")
    first = next(number for number, label in enumerate(found.labels) if label.startswith("moods/"))
    predict(several_tasks, [tmp_path / "moods.csv"], chosen="moods")
    row = {row[0]: row for row in rows_of(capsys.readouterr().out)}[found.names[first]]
    expected = several_tasks.probabilities([found.sequences[first]])[0, 2:]
    np.testing.assert_allclose(np.array(row[2:], float), expected, atol=6e-5)
    for chosen, message in (
        (None, "the model has several tasks; name one by --task: films, moods"),
        ("songs", "--task songs is none of the model's tasks; name one"),
    ):
        with pytest.raises(UserError, match=message):
            predict(several_tasks, [tmp_path / "films.csv"], chosen=chosen)


def test_a_model_of_one_task_takes_no_name_of_one(task, tmp_path):
    with pytest.raises(UserError, match="trained on one task alone; leave --task out"):
        predict(task, [tmp_path], chosen="films")
