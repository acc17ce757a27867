"""What holds for every tokenizer."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.tokenizer.restore import TOKENIZERS, tokenizer_from_state
from throughtime.tokenizer.stream import Origin, Piece, recut

TRAINING = (
    "To be, or not to be: that's the question.\n\n  Straße «naïve» 東京 don't 12 _x_\t🙂\x1c!\r\x85" * 20
)
SIZES = {"words": {"vocabulary_size": 100}, "bpe": {"vocabulary_size": 300}}
TEXTS = st.text(st.sampled_from(sorted(set(TRAINING))), max_size=200)


def fitted(name: str, boundaries: bool = False):
    tokenizer = TOKENIZERS[name](**SIZES.get(name, {}))
    tokenizer.fit([TRAINING], boundaries)
    return tokenizer


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request):
    return fitted(request.param)


def test_the_training_text_survives_a_round_trip(tokenizer):
    assert tokenizer.decode(tokenizer.encode(TRAINING)) == TRAINING


@settings(max_examples=50, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 200)))
def test_a_text_in_pieces_has_the_ids_of_the_whole_text(tokenizer, text, cuts):
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [Piece(text[a:b], Origin("test", a), begins=a == 0) for a, b in itertools.pairwise(ends)]
    parts = [tokenizer.encode(piece.text) for piece in recut(pieces)]
    assert np.array_equal(np.concatenate([*parts, np.zeros(0, np.int64)]), tokenizer.encode(text))


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_text_that_streams_equals_text_at_once_for_any_ids(tokenizer, data):
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocabulary_size - 1), max_size=30))
    streamed = list(tokenizer.decode_stream(ids))
    assert "".join(streamed) == tokenizer.decode(ids)
    assert len(streamed) == len(ids) + 1


def test_ids_lie_within_the_vocabulary_and_each_has_a_symbol(tokenizer):
    ids = tokenizer.encode(TRAINING + "unseen: ∮")
    assert ids.min() >= 0
    assert ids.max() < tokenizer.vocabulary_size == len(tokenizer.symbols)


def test_an_empty_text_has_no_ids(tokenizer):
    assert len(tokenizer.encode("")) == 0
    assert tokenizer.decode([]) == ""


def test_a_lone_surrogate_typed_into_a_terminal_does_no_harm(tokenizer):
    assert len(tokenizer.encode("a\udcff")) >= 2


@pytest.mark.parametrize("boundaries", [False, True])
@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_state_of_plain_containers_restores_the_tokenizer(name, boundaries):
    tokenizer = fitted(name, boundaries)
    restored = tokenizer_from_state(tokenizer.state())
    assert restored.fitted
    assert restored.fingerprint() == tokenizer.fingerprint()
    assert restored.symbols == tokenizer.symbols
    assert np.array_equal(restored.encode(TRAINING), tokenizer.encode(TRAINING))


@pytest.mark.parametrize("name", TOKENIZERS)
def test_boundaries_are_two_more_ids_that_stand_for_no_text(name):
    tokenizer = fitted(name, boundaries=True)
    start, end = tokenizer.vocabulary.start, tokenizer.vocabulary.end
    assert [tokenizer.symbols[start], tokenizer.symbols[end]] == ["<start>", "<end>"]
    assert tokenizer.decode([start, *tokenizer.encode("To be"), end]) == "To be"
    assert not {start, end} & set(tokenizer.encode(TRAINING).tolist())
    assert tokenizer.fingerprint() != fitted(name).fingerprint()


@pytest.mark.parametrize("name", TOKENIZERS)
def test_two_fits_of_one_text_agree_and_nothing_is_fitted_before(name):
    assert not TOKENIZERS[name](**SIZES.get(name, {})).fitted
    assert fitted(name).fingerprint() == fitted(name).fingerprint()
