"""Ids of what training has, and one for all the rest."""

from throughtime.data.tagged.lexicon import LONGEST_WORD, Lexicon
from throughtime.data.tagged.sentences import Sentence

SENTENCES = [
    Sentence(("The", "cat", "saw", "the", "saw"), ("D", "N", "V", "D", "N"), "file", 1),
    Sentence(("the", "saw", "cat"), ("D", "N", "V"), "file", 2),
]


def test_words_are_numbered_by_frequency_and_unseen_ones_are_zero():
    lexicon = Lexicon.fit(SENTENCES)
    assert [lexicon.word(word) for word in ("saw", "cat", "the", "The", "dog")] == [1, 2, 3, 4, 0]
    assert lexicon.input_sizes["word_count"] == 5


def test_case_may_not_matter_to_words_but_does_to_characters():
    lexicon = Lexicon.fit(SENTENCES, lowercase=True)
    assert lexicon.word("The") == lexicon.word("the") == lexicon.word("THE")
    assert lexicon.spell("The") != lexicon.spell("the")


def test_the_majority_tag_is_the_most_frequent_one():
    lexicon = Lexicon.fit(SENTENCES)
    tags = {word: lexicon.tags[lexicon.majority_tag(word)] for word in ("saw", "cat", "The", "dog")}
    assert tags == {"saw": "N", "cat": "N", "The": "D", "dog": "D"}


def test_a_rare_word_has_no_id_but_is_not_unseen():
    lexicon = Lexicon.fit(SENTENCES, min_count=2)
    assert lexicon.word("The") == 0
    assert lexicon.is_seen("The")
    assert lexicon.tags[lexicon.majority_tag("The")] == "D"
    assert not lexicon.is_seen("dog")


def test_further_words_have_ids_and_stay_unseen():
    lexicon = Lexicon.fit(SENTENCES, min_count=2, further_words=["dog", "The", "dog"])
    assert lexicon.word("dog") > 0
    assert lexicon.word("The") > 0
    assert not lexicon.is_seen("dog")
    assert lexicon.input_sizes["word_count"] == 6


def test_a_tag_that_training_lacks_is_the_number_of_tags():
    assert Lexicon.fit(SENTENCES).tag("X") == 3


def test_a_long_word_keeps_its_beginning_and_its_end():
    lexicon = Lexicon.fit([Sentence(("abcxyz",), ("X",), "file", 1)])
    spelled = lexicon.spell("abc" + "x" * 100 + "xyz")
    assert len(spelled) == LONGEST_WORD
    assert spelled[:3] == lexicon.spell("abc")
    assert spelled[-3:] == lexicon.spell("xyz")


def test_the_state_makes_the_same_lexicon():
    for options in ({}, {"min_count": 2}, {"lowercase": True, "further_words": ["dog"]}):
        lexicon = Lexicon.fit(SENTENCES, **options)
        again = Lexicon(**lexicon.state())
        assert again.state() == lexicon.state()
        for word in ("The", "the", "saw", "dog", "é"):
            assert (again.word(word), again.majority_tag(word), again.is_seen(word), again.spell(word)) == (
                lexicon.word(word),
                lexicon.majority_tag(word),
                lexicon.is_seen(word),
                lexicon.spell(word),
            )
