"""Data of several tasks: one vocabulary, classes and splits of their own, and batches of one task."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.multitask import MultitaskData
from throughtime.data.text.labelled_text import LabelledText
from throughtime.errors import UserError
from throughtime.tokenizer.words import Words

SETS = {
    "films": (("good", "bad"), ("a fine film", "a poor film", "what a film this was"), 40),
    "moods": (("calm", "glad", "sad"), ("so quiet here", "so happy", "tears and rain"), 30),
}


@pytest.fixture
def paths(tmp_path):
    """A table of texts of each task."""
    found = {}
    for name, (labels, texts, count) in SETS.items():
        rows = [f"{labels[n % len(labels)]},{texts[n % len(texts)]} {n}" for n in range(count)]
        found[name] = str(tmp_path / f"{name}.csv")
        (tmp_path / f"{name}.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    return found


def data_of(paths, restored=None, **settings):
    data = MultitaskData(LabelledText(), paths, **({"batch_size": 4, "standardise": "none"} | settings))
    if restored is None:
        data.connect(Words())
    else:
        data.restore(restored)
    data.setup()
    return data


def test_classes_are_named_by_their_task_and_numbered_over_all(paths):
    data = data_of(paths)
    assert data.labels == ["films/bad", "films/good", "moods/calm", "moods/glad", "moods/sad"]
    artifacts = data.artifacts()
    assert artifacts["output_sizes"]["label_sets"] == [2, 3]
    assert [one["labels"] for one in artifacts["tasks"]] == [["bad", "good"], ["calm", "glad", "sad"]]
    assert sum(artifacts["output_sizes"]["class_counts"]) == data.sizes["train"]


def test_sampling_says_how_often_an_epoch_reads_the_texts_of_a_task(paths):
    with open(paths["films"], "a") as file:  # three times as many as of moods
        file.writelines(f"good,one more fine film {number}\n" for number in range(50))
    read = {}
    for sampling in ("equal", "proportional"):
        data = data_of(paths, sampling=sampling)
        read[sampling] = Counter(
            data.labels[number].partition("/")[0]
            for batch in data.loader("train")
            for number in batch.targets.tolist()
        )
    sizes = Counter(label.partition("/")[0] for label in data.part("train").labels)
    assert read["proportional"] == sizes
    assert read["equal"] == {"films": sizes["films"], "moods": 3 * sizes["moods"]}
    for batch in data.loader("train"):  # every batch has one task
        assert len({data.labels[number].partition("/")[0] for number in batch.targets.tolist()}) == 1


def test_ids_tell_the_task_and_the_symbol_of_every_step(paths):
    data = data_of(paths)
    artifacts = data.artifacts()
    size = artifacts["input_sizes"]["vocabulary_size"] // artifacts["input_sizes"]["tasks"]
    assert (
        len(artifacts["symbols"]) == 2 * size and artifacts["symbols"][:size] == artifacts["symbols"][size:]
    )
    for part in ("train", "val", "test"):
        found = data.part(part)
        for sequence, label, name in zip(found.sequences, found.labels, found.names, strict=True):
            assert set((sequence // size).tolist()) == {list(SETS).index(label.partition("/")[0])}
            line = int(name.rpartition(":")[2])
            text = "".join(artifacts["symbols"][number] for number in sequence)
            lines = Path(name.rpartition(":")[0]).read_text().splitlines()
            expected = lines[line - 1].partition(",")[2]
            assert part != "train" or text == expected


def test_the_vocabulary_is_that_of_the_training_parts_of_all_tasks(paths):
    for chosen in (None, "films"):
        symbols = data_of(paths, task=chosen).artifacts()["symbols"]
        assert " film" in symbols and " happy" in symbols


def test_each_task_is_split_as_it_is_alone(paths):
    data = data_of(paths)
    for name, path in paths.items():
        single = LabelledData(LabelledText(), path, standardise="none")
        single.connect(Words())
        single.setup()
        for part in ("train", "val", "test"):
            own = [one for one in data.part(part).names if one.startswith(path)]
            assert own == single.part(part).names, name


def test_a_batch_has_sequences_and_targets_of_one_task(paths):
    data = data_of(paths)
    size = data.artifacts()["input_sizes"]["vocabulary_size"] // 2
    seen = set()
    for part in ("train", "val", "test"):
        assert part == "train" or sum(batch.count() for batch in data.loader(part)) == data.sizes[part]
        for batch in data.loader(part):
            (task,) = set((batch.inputs[0] // size).tolist())
            assert {target >= 2 for target in batch.targets.tolist()} == {task == 1}
            seen.add(task)
    assert seen == {0, 1}


def test_one_chosen_task_is_measured_and_trained_with_the_sizes_of_all(paths):
    data, films = data_of(paths), data_of(paths, task="films")
    assert films.artifacts()["input_sizes"] == data.artifacts()["input_sizes"]
    assert films.labels == data.labels
    assert films.sizes == {"train": 28, "val": 4, "test": 8}
    assert {label.partition("/")[0] for label in films.part("train").labels} == {"films"}


def test_restored_artifacts_read_one_other_file_of_the_chosen_task(paths, tmp_path):
    data = data_of(paths, task="moods")
    (tmp_path / "more.csv").write_text("label,text\nsad,tears again\n" * 1)
    more = MultitaskData(
        LabelledText(), test_path=str(tmp_path / "more.csv"), task="moods", standardise="none"
    )
    more.restore(data.artifacts())
    more.setup()
    (batch,) = more.loader("test")
    assert batch.targets.tolist() == [data.labels.index("moods/sad")]
    (tmp_path / "more.csv").write_text("label,text\nangry,tears again\n")
    other = MultitaskData(
        LabelledText(), test_path=str(tmp_path / "more.csv"), task="moods", standardise="none"
    )
    other.restore(data.artifacts())
    with pytest.raises(UserError, match="the label moods/angry is none of the model's"):
        other.setup()


def test_a_task_may_read_other_columns(paths, tmp_path):
    (tmp_path / "moods.csv").write_text(
        "mood,said\n" + "".join(f"{('calm', 'sad')[n % 2]},words {n}\n" for n in range(20))
    )
    sources = {"moods": {"text_column": "said", "label_column": "mood"}}
    data = data_of(paths, sources=sources)
    assert data.labels[2:] == ["moods/calm", "moods/sad"]
    assert data.artifacts()["tasks"][1]["source"] == sources["moods"]


def test_the_fingerprint_and_the_paths_are_those_of_all_files(paths):
    data = data_of(paths)
    assert data.paths()["data.path.films"] == paths["films"]
    assert data.fingerprint()["paths"] == {f"data.path.{name}": path for name, path in paths.items()}
    assert "films 40, moods 30" in data.describe()


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"moods": None}, {}, "there is one task, films, and several are needed"),
        ({}, {"task": "songs"}, r"data\.task: songs is none of the tasks, which are films, moods"),
        ({}, {"sources": {"songs": {}}}, r"data\.sources: songs is none of the tasks"),
        ({}, {"sources": {"moods": {"colour": 1}}}, r"data\.sources\.moods: colour is no argument"),
        ({"a b": "films"}, {}, "the task a b must have a name of letters"),
        ({"moods": "no_such.csv"}, {}, r"task moods: .*no_such\.csv does not exist"),
        ({}, {"sampling": "fair"}, r"data\.sampling=fair is not known"),
    ],
)
def test_bad_input_is_told_in_a_sentence(paths, changes, settings, message):
    with pytest.raises(UserError, match=message):
        data_of(paths | changes, **settings)


def test_a_task_with_one_class_or_with_several_labels_at_once_is_refused(paths, tmp_path):
    (tmp_path / "moods.csv").write_text("label,text\n" + "sad,tears\n" * 9)
    with pytest.raises(UserError, match="task moods: the training part has only one class, sad"):
        data_of(paths)
    with pytest.raises(UserError, match="task moods: several labels hold at once"):
        data_of(paths, sources={"moods": {"label_separator": ";"}})


def test_a_path_that_names_no_task_is_refused(paths):
    with pytest.raises(UserError, match=r"data\.path=.*films\.csv names no task"):
        data_of(paths["films"])
    with pytest.raises(UserError, match=r"films\.csv can be of any of the tasks films, moods"):
        data_of(paths["films"], restored=data_of(paths).artifacts())


def test_chunks_and_epochs_are_the_same_in_another_process(paths):
    first, second = (data_of(paths, chunk_length=3, seed=5).loader("train") for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.targets, other.targets)
