"""Splits by sentences, by files, or as they are given."""

import pytest

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.splits import describe, fingerprints, read_splits
from throughtime.data.text.source import find_sources
from throughtime.errors import UserError


def sources(path=None, train=None, val=None, test=None):
    return find_sources(*(None if part is None else str(part) for part in (path, train, val, test)), "utf-8")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("\n".join(f"word{number} X\n" for number in range(20)))
    return path


def test_one_file_is_split_by_sentences_as_they_stand(file):
    splits = read_splits(Conll(), sources(file), (0.8, 0.1, 0.1))
    words = {name: [sentence.tokens[0] for sentence in part] for name, part in splits.items()}
    assert [len(part) for part in words.values()] == [16, 2, 2]
    assert words["val"] == ["word16", "word17"]


def test_ready_splits_are_taken_whole(file):
    splits = read_splits(Conll(), sources(train=file, test=file), (0.8, 0.1, 0.1))
    assert {name: len(part) for name, part in splits.items()} == {"train": 20, "test": 20}


def test_python_is_split_by_whole_files(tmp_path):
    for number in range(10):
        (tmp_path / f"m{number}.py").write_text(f"name{number} = 1\n" * 10)
    splits = read_splits(PythonRoles(), sources(tmp_path), (0.6, 0.2, 0.2))
    files = {name: {sentence.name for sentence in part} for name, part in splits.items()}
    assert [len(part) for part in files.values()] == [6, 2, 2]
    assert not files["train"] & (files["val"] | files["test"])


def test_too_few_files_are_told(tmp_path):
    (tmp_path / "m.py").write_text("a = 1\n")
    with pytest.raises(UserError, match="too few"):
        read_splits(PythonRoles(), sources(tmp_path), (0.8, 0.1, 0.1))


def test_the_standard_library_is_there_without_a_path():
    splits = read_splits(PythonRoles(modules=12), None, (0.8, 0.1, 0.1))
    tokens = {name: sum(len(sentence.tokens) for sentence in part) for name, part in splits.items()}
    assert tokens["train"] > 4 * tokens["test"] > 0
    assert len(fingerprints(PythonRoles(modules=12), None)[PythonRoles.shipped_name]) == 12
    assert describe(PythonRoles(), None) == PythonRoles.shipped_name


def test_other_formats_need_a_path():
    with pytest.raises(UserError, match=r"data\.path"):
        read_splits(Conll(), None, (0.8, 0.1, 0.1))


def test_a_split_without_a_sentence_is_refused(file, tmp_path):
    with pytest.raises(UserError, match="val split"):
        read_splits(Conll(), sources(file), (0.99, 0.005, 0.005))
    (tmp_path / "blank").write_text("\n\n")
    with pytest.raises(UserError, match="test split"):
        read_splits(Conll(), sources(train=file, test=tmp_path / "blank"), (0.8, 0.1, 0.1))
