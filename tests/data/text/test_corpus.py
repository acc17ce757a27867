import pytest

from throughtime.data.text.corpus import Corpus
from throughtime.data.text.running_text import TextData
from throughtime.data.text.source import TextSource
from throughtime.data.text.split import split_characters
from throughtime.errors import UserError
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.restore import tokenizer_from_state


def corpus(path, tokenizer, split=(0.5, 0.5, 0.0), boundaries=False, name="all") -> Corpus:
    sources = {name: TextSource(path)}
    return Corpus(sources, split_characters(sources, split), tokenizer, None, boundaries)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.txt").write_text("aaaabbbb")
    return tmp_path / "a.txt"


def test_only_the_training_split_makes_the_vocabulary(file):
    tokenizer = Characters()
    encoded = corpus(file, tokenizer).encoded
    assert tokenizer.symbols == ["a", "<unk>"]
    assert encoded["val"].ids.tolist() == [1] * 4


def test_a_tokenizer_that_is_fitted_is_used_as_it_is(file):
    tokenizer = Characters()
    tokenizer.fit(["xyzab"])
    before = tokenizer.fingerprint()
    corpus(file, tokenizer, name="test")
    assert tokenizer.fingerprint() == before


def test_what_cannot_be_is_one_sentence(file):
    with pytest.raises(UserError, match="no training text"):
        corpus(file, Characters(), name="test")
    with pytest.raises(UserError, match="the val split is empty"):
        corpus(file, Characters(), split=(0.99, 0.001, 0.009))
    fitted = Characters()
    fitted.fit(["ab"])
    with pytest.raises(UserError, match="no <start> and <end>"):
        corpus(file, fitted, boundaries=True)
    with pytest.raises(UserError, match="connect"):
        TextData(path=str(file)).setup()
    with pytest.raises(UserError, match="seed=-1 is not a whole number"):
        TextData(path=str(file), seed=-1)


def test_artifacts_are_all_a_task_needs_without_the_text(file):
    tokenizer = Characters()
    data = TextData(path=str(file), split=(0.5, 0.5, 0), chunk_length=2)
    data.connect(tokenizer)
    data.setup()
    artifacts = data.artifacts()
    assert artifacts["input_sizes"] == artifacts["output_sizes"] == {"vocabulary_size": 2}
    assert artifacts["characters_per_token"] == {"train": 1.0, "val": 1.0}
    assert artifacts["unknown_share"] == {"val": 1.0}  # the half that has no letter of the first
    assert tokenizer_from_state(artifacts["tokenizer"]).fingerprint() == tokenizer.fingerprint()


def test_the_fingerprint_tells_source_and_sizes(file):
    known = corpus(file, Characters()).fingerprint()
    assert known["characters"] == {"train": 4, "val": 4}
    assert known["sources"]["all"]["bytes"] == 8
