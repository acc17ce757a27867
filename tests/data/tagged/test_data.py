"""From files to batches, with what a checkpoint needs to know."""

import hashlib

import pytest
import torch

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.data import TaggingData
from throughtime.data.tagged.lexicon import Lexicon
from throughtime.errors import UserError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("\n".join(f"word{number} I-X\nRome I-Y\nParis B-Y\nthe O\n" for number in range(20)))
    return path


def ready(**arguments):
    data = TaggingData(Conll(), **arguments)
    data.setup()
    return data


def test_every_split_has_its_batches(file):
    data = ready(path=str(file), batch_size=4)
    assert data.sizes == {"train": 64, "val": 8, "test": 8}
    assert sum(int(batch.lengths.sum()) for batch in data.train_dataloader()) == 64
    assert data.train_dataloader() is data.train_dataloader()
    assert [len(batch.lengths) for batch in data.test_dataloader()] == [2]
    assert ready(train_path=str(file)).val_dataloader() == []


def test_tags_of_entities_become_bio(file):
    data = ready(path=str(file))
    assert data.scheme == "IOB1"
    assert data.lexicon.tags == ["B-X", "B-Y", "O"]
    assert "IOB1" in data.describe()


def test_the_lexicon_is_that_of_training_alone(file):
    data = ready(path=str(file))
    (batch,) = data.test_dataloader()
    assert data.lexicon.word("word0") > 0
    assert data.lexicon.word("word19") == 0
    assert batch.inputs.seen.sum() == 3 * 2


def test_artifacts_are_plain_and_enough(file):
    artifacts = ready(path=str(file)).artifacts()
    assert artifacts["output_sizes"] == {"vocabulary_size": 3}
    data = TaggingData(Conll(), test_path=str(file))
    data.restore(artifacts)
    data.setup()
    assert data.artifacts() == artifacts
    assert data.train_dataloader() == []
    assert sum(len(batch.lengths) for batch in data.test_dataloader()) == 20
    assert Lexicon(**artifacts["lexicon"]).tags == ["B-X", "B-Y", "O"]


def test_vectors_join_the_vocabulary(file, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("london 1 2\nrome 3 4\nthe 5 6\n")
    data = ready(path=str(file), vectors=str(path), vector_words=1)
    lexicon, vectors = data.lexicon, data.pretrained()["model.front.weight"]
    assert lexicon.word("london") > 0
    assert not lexicon.is_seen("london")
    assert vectors.shape == (lexicon.input_sizes["word_count"], 2)
    for word, vector in (("london", [1, 2]), ("Rome", [3, 4]), ("the", [5, 6])):
        assert vectors[lexicon.word(word)].tolist() == vector
    assert torch.isnan(vectors[[0, lexicon.word("Paris")]]).all()
    recorded = data.fingerprint()["vectors"]
    assert recorded == {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_the_fingerprint_tells_the_files(file):
    fingerprint = ready(path=str(file)).fingerprint()
    assert fingerprint["sentences"] == {"train": 16, "val": 2, "test": 2}
    assert len(fingerprint["sources"]["all"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, r"data\.path"),
        ({"path": "absent"}, r"data\.path=absent"),
        ({"test_path": "FILE"}, r"data\.train_path"),
        ({"path": "FILE", "train_path": "FILE"}, "exclude each other"),
        ({"path": "FILE", "batch_size": 0}, r"data\.batch_size"),
        ({"path": "FILE", "min_count": 0}, r"data\.min_count"),
        ({"path": "FILE", "vector_words": -1}, r"data\.vector_words"),
        ({"path": "FILE", "seed": -1}, "seed"),
        ({"path": "EMPTY"}, "empty"),
    ],
)
def test_mistakes_are_told(file, tmp_path, arguments, words):
    (tmp_path / "empty").write_text("")
    places = {"FILE": str(file), "EMPTY": str(tmp_path / "empty")}
    with pytest.raises(UserError, match=words):
        ready(**{key: places.get(value, value) for key, value in arguments.items()})


@pytest.mark.parametrize(
    ("tagged", "scheme"),
    [
        ("New B_LOC\nYork I_LOC\nis O\nbig O\n", "BIO B_X"),
        ("New LOC-B\nYork LOC-I\nis O\nbig O\n", "BIO X-B"),
        ("New (LOC*\nYork *)\nis *\nbig *\n", "brackets (X*)"),
        ("New B-LOC\nYork I-LOC\nis _\nbig _\n", "BIO B-X|_"),
    ],
)
def test_entities_are_those_of_any_notation(tmp_path, tagged, scheme):
    (tmp_path / "train").write_text(f"{tagged}\n" * 3)
    (tmp_path / "val").write_text("New B-LOC\nYork I-LOC\nis O\n\n")
    data = ready(train_path=str(tmp_path / "train"), val_path=str(tmp_path / "val"))
    assert (data.scheme, data.lexicon.tags) == (scheme, ["B-LOC", "I-LOC", "O"])
    (batch,) = data.val_dataloader()
    assert batch.targets[:, 0].tolist() == [0, 1, 2]


def test_a_file_without_empty_lines_is_cut_and_that_is_told(tmp_path):
    (tmp_path / "train").write_text("".join(f"w{place % 50} T{place % 3}\n" for place in range(50_001)))
    (tmp_path / "val").write_text("a T0\nb T1\n")
    data = ready(train_path=str(tmp_path / "train"), val_path=str(tmp_path / "val"))
    assert max(len(batch.targets) for batch in data.train_dataloader()) == 2_000
    assert sum(int(batch.lengths.sum()) for batch in data.train_dataloader()) == 50_001
    assert "1 sentences of up to 50,001 tokens" in data.describe()
    assert "cut into pieces of up to 2,000 (an empty line ends a sentence)" in data.describe()


def test_tags_that_training_lacks_are_told_and_a_split_of_nothing_else_is_refused(tmp_path):
    (tmp_path / "train").write_text("a X\nb Y\n\n" * 5)
    (tmp_path / "some").write_text("a X\n\nc Z\na X\n\n")
    (tmp_path / "all").write_text("c Z\na X\n\nd Q\n\n")
    data = ready(train_path=str(tmp_path / "train"), val_path=str(tmp_path / "some"))
    assert (
        "1 of 2 sentences of the val split with tags that training lacks, such as 'Z' of 'c'"
        in data.describe()
    )
    with pytest.raises(
        UserError, match=r"every sentence of the val split has a tag that training lacks.*all, line 1"
    ):
        ready(train_path=str(tmp_path / "train"), val_path=str(tmp_path / "all"))
