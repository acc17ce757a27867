import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.errors import UserError
from throughtime.tokenizer.bpe import BPE

TRAINING = "the cat sat on the mat, the cat sat on the hat\n" * 50


@pytest.fixture(scope="module")
def tokenizer() -> BPE:
    tokenizer = BPE(vocabulary_size=280)
    tokenizer.fit([TRAINING])
    return tokenizer


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_every_text_survives_a_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_what_is_frequent_has_an_id_of_its_own(tokenizer):
    assert " cat" in tokenizer.symbols
    assert len(tokenizer.encode(TRAINING)) < len(TRAINING) / 2


def test_a_long_text_has_the_ids_of_its_parts(tokenizer):
    long = TRAINING * 100
    parts = tokenizer.encode(TRAINING).tolist() * 100
    assert tokenizer.encode(long).tolist() == parts


def test_the_vocabulary_is_no_larger_than_asked_boundaries_included():
    tokenizer = BPE(vocabulary_size=270)
    tokenizer.fit([TRAINING], boundaries=True)
    assert tokenizer.vocabulary_size == 270


def test_fewer_ids_than_bytes_and_boundaries_are_refused():
    with pytest.raises(UserError, match=r"at least 258"):
        BPE(vocabulary_size=256)
