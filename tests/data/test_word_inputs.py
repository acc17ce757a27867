"""The two ids that no character of the training text has, and words that keep their letters in any choice of lanes."""

import numpy as np

from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentence_batches import SentenceBatches
from throughtime.data.tagged.sentences import Sentence
from throughtime.data.word_inputs import PAD, UNKNOWN


def test_padding_and_unknown_characters_have_ids_of_their_own():
    lexicon = Lexicon.fit([Sentence(("ab",), ("X",), "file", 1)])
    assert len({PAD, UNKNOWN, *lexicon.spell("ab")}) == 4
    assert lexicon.spell("é") == [UNKNOWN]


def test_some_lanes_have_the_words_and_the_letters_they_had():
    words = [("a", "bcde", "a"), ("fg",), ("bcde", "h"), ("a", "fg", "ij", "k")]
    sentences = [Sentence(tokens, ("X",) * len(tokens), "file", 1) for tokens in words]
    whole = SentenceBatches(sentences, Lexicon.fit(sentences), 4, shuffle=False).batch(np.arange(4)).inputs
    part = whole.lanes(slice(1, None, 2))
    assert part.characters.shape == (2, 4)  # of bcde and h no letter is left
    for lane, tokens in enumerate(words[1::2]):
        for step, word in enumerate(tokens):
            for inputs, column in ((whole, 2 * lane + 1), (part, lane)):
                spelling = inputs.spellings[step, column]
                letters = inputs.characters[: inputs.lengths[spelling], spelling]
                assert letters.tolist() == list(Lexicon.fit(sentences).spell(word))
            assert part.words[step, lane] == whole.words[step, 2 * lane + 1]
    for name in ("words", "seen", "majority_tag"):
        assert (getattr(part, name) == getattr(whole, name)[:, 1::2]).all()
