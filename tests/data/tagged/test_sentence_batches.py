"""Sentences become ids and come back as they were."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentence_batches import SentenceBatches
from throughtime.data.tagged.sentences import Sentence

WORD = st.text("abcé", min_size=1, max_size=5)
PAIRS = st.lists(st.lists(st.tuples(WORD, st.sampled_from("XYZ")), max_size=6), min_size=1, max_size=12)


def sentences_of(pairs):
    return [
        Sentence(tuple(word for word, _ in one), tuple(tag for _, tag in one), "file", 1) for one in pairs
    ]


@given(PAIRS, st.integers(1, 5))
def test_each_sentence_comes_back_from_its_batch(pairs, batch_size):
    sentences = sentences_of(pairs)
    lexicon = Lexicon.fit(sentences)
    batches = SentenceBatches(sentences, lexicon, batch_size)
    letters = ["", "", *lexicon.characters]
    found = []
    for batch in batches:
        inputs = batch.inputs
        assert batch.fresh
        for lane, length in enumerate(batch.lengths.tolist()):
            words = [lexicon.words[number - 1] for number in inputs.words[:length, lane].tolist()]
            spelled = [
                "".join(
                    letters[letter] for letter in inputs.characters[: inputs.lengths[place], place].tolist()
                )
                for place in inputs.spellings[:length, lane].tolist()
            ]
            assert spelled == words
            tags = [lexicon.tags[number] for number in batch.targets[:length, lane].tolist()]
            found.append(list(zip(words, tags, strict=True)))
            assert not inputs.words[length:, lane].any()
    assert sorted(found) == sorted(list(one) for one in pairs if one)


def test_each_distinct_word_is_spelled_once():
    sentences = sentences_of([[("a", "X"), ("b", "X"), ("a", "X")], [("b", "X"), ("a", "X")]])
    (batch,) = SentenceBatches(sentences, Lexicon.fit(sentences), 2)
    assert batch.inputs.characters.shape == (1, 2)


def test_one_sentence_of_one_token_is_a_batch():
    sentences = sentences_of([[("a", "X")]])
    (batch,) = SentenceBatches(sentences, Lexicon.fit(sentences), 32)
    assert batch.targets.shape == (1, 1)


def test_sentences_without_tokens_are_in_no_batch():
    sentences = sentences_of([[], [("a", "X")], []])
    batches = SentenceBatches(sentences, Lexicon.fit(sentences), 32)
    assert batches.numbers == [1]
    assert len(SentenceBatches(sentences[:1], Lexicon.fit(sentences), 32, shuffle=False)) == 0
    assert list(SentenceBatches(sentences[:1], Lexicon.fit(sentences), 32, shuffle=False)) == []


def test_words_and_tags_that_training_lacks():
    lexicon = Lexicon.fit(sentences_of([[("a", "X"), ("b", "Y"), ("b", "Y")]]))
    (batch,) = SentenceBatches(sentences_of([[("a", "Z"), ("c", "X")]]), lexicon, 1)
    assert batch.targets[:, 0].tolist() == [2, 0]
    assert batch.inputs.words[:, 0].tolist() == [lexicon.word("a"), 0]
    assert batch.inputs.seen[:, 0].tolist() == [True, False]
    assert batch.inputs.majority_tag[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize("taken", [1, 3])
def test_a_loaded_position_goes_on_with_the_next_batch(taken):
    sentences = sentences_of([[("a" * (1 + number % 7), "X")] * (number % 5 + 1) for number in range(40)])
    lexicon = Lexicon.fit(sentences)
    whole, stopped, resumed = (SentenceBatches(sentences, lexicon, 4) for _ in range(3))
    iterator = iter(stopped)
    for _ in range(taken):
        next(iterator)
    resumed.load_state_dict(stopped.state_dict())
    for expected, batch in zip(list(whole)[taken:], resumed, strict=True):
        assert torch.equal(expected.inputs.words, batch.inputs.words)
