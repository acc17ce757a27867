"""WordFeatures by vector and by characters."""

from functools import partial

import pytest
import torch

from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentence_batches import SentenceBatches
from throughtime.data.tagged.sentences import Sentence
from throughtime.errors import UserError
from throughtime.model.inputs.characters import ConvolutionalCharacters
from throughtime.model.inputs.words import WordFeatures

SENTENCES = [
    Sentence(("the", "cat", "saw", "the", "cats"), ("D", "N", "V", "D", "N"), "file", 1),
    Sentence(("cats", "saw"), ("N", "V"), "file", 2),
]
LEXICON = Lexicon.fit(SENTENCES)


def front(**options):
    torch.manual_seed(0)
    characters = partial(ConvolutionalCharacters, filters=6)
    return WordFeatures(**LEXICON.input_sizes, size=5, characters=characters, **options)


def inputs_of(sentences, lexicon=LEXICON):
    (batch,) = SentenceBatches(sentences, lexicon, 100, shuffle=False)
    return batch.inputs


def test_the_same_word_has_the_same_features_wherever_it_stands():
    words, together = front(), front()(inputs_of(SENTENCES))
    assert together.shape == (5, 2, words.output_size) == (5, 2, 11)
    alone = words(inputs_of(SENTENCES[1:]))
    torch.testing.assert_close(together[:2, 0], alone[:, 0])
    torch.testing.assert_close(together[0, 1], together[3, 1])


def test_an_unseen_word_is_known_by_its_characters():
    unseen = [Sentence(("tac", "the"), (), "file", 1), Sentence(("sat", "the"), (), "file", 2)]
    features = front()(inputs_of(unseen))
    assert torch.equal(features[0, 0, :5], features[0, 1, :5])
    assert not torch.equal(features[0, 0, 5:], features[0, 1, 5:])
    assert torch.equal(features[1, 0], features[1, 1])


def test_word_dropout_hides_words_but_not_their_characters_and_only_in_training():
    words, inputs = front(word_dropout=0.5), inputs_of(SENTENCES * 20)
    shown = words.eval()(inputs)
    assert torch.equal(words(inputs), shown)
    hidden = words.train()(inputs)
    assert torch.equal(hidden[..., 5:], shown[..., 5:])
    is_unknown = (hidden[..., :5] == words.weight[0]).all(-1)
    running = inputs.words > 0
    assert 0.35 < is_unknown[running].float().mean() < 0.65
    assert torch.equal(hidden[~is_unknown], shown[~is_unknown])


def test_characters_may_be_left_out():
    assert WordFeatures(**LEXICON.input_sizes, size=5)(inputs_of(SENTENCES)).shape == (5, 2, 5)


def test_impossible_sizes_are_refused():
    with pytest.raises(UserError, match="word_dropout"):
        front(word_dropout=1.0)
    with pytest.raises(UserError, match="size"):
        WordFeatures(3, 3, size=0)


def test_numbers_are_handed_on():
    front, inputs = WordFeatures(input_size=3, dropout=0.5).eval(), torch.randn(5, 2, 3)
    assert torch.equal(front(inputs), inputs) and front.output_size == 3 and front.weight is None
