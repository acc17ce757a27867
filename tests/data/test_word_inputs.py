"""The two ids that no character of the training text has."""

from throughtime.data.lexicon import Lexicon
from throughtime.data.tagged import Sentence
from throughtime.data.word_inputs import PAD, UNKNOWN


def test_padding_and_unknown_characters_have_ids_of_their_own():
    lexicon = Lexicon.fit([Sentence(("ab",), ("X",), "file", 1)])
    assert len({PAD, UNKNOWN, *lexicon.spell("ab")}) == 4
    assert lexicon.spell("é") == [UNKNOWN]
