import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.errors import UserError
from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.words import Words


def symbols(text: str) -> list[str]:
    tokenizer = Words(unknown="error")
    tokenizer.fit([text])
    return [tokenizer.symbols[index] for index in tokenizer.encode(text)]


def test_a_word_has_its_space_and_punctuation_and_white_space_stand_alone():
    assert symbols("No, don't go!\n  He  did.") == [
        *["No", ",", " don't", " go", "!", "\n", " ", " He", " ", " did", "."]
    ]


@given(st.text())
def test_no_character_of_any_text_is_lost(text):
    assert "".join(symbols(text)) == text


def test_the_most_frequent_words_are_kept_and_all_ids_counted():
    tokenizer = Words(vocabulary_size=6)
    tokenizer.fit(["a a a b b c c d"], boundaries=True)
    assert tokenizer.symbols == [" a", " b", " c", "<unk>", "<start>", "<end>"]


def test_a_rare_word_is_unk_or_an_error_that_names_it_and_its_place():
    tokenizer = Words()
    tokenizer.fit(["one two"])
    assert tokenizer.decode(tokenizer.encode("one three two")) == "one\ufffd two"
    tokenizer = Words(unknown="error")
    tokenizer.fit(["one two"])
    with pytest.raises(UserError, match=r"' three' at character 4 of the prompt"):
        tokenizer.encode("one three two", Origin("the prompt"))


def test_a_size_without_room_is_refused():
    with pytest.raises(UserError, match=r"tokenizer\.vocabulary_size must be above 0"):
        Words(vocabulary_size=0)
