"""Words as the units of a tagger."""

from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentences import Sentence
from throughtime.task.tagging.words import WordUnits

LEXICON = Lexicon.fit([Sentence(("Ann", "saw"), ("B-PER", "O"), "file", 1)])


def units(scheme):
    return WordUnits({"lexicon": LEXICON.state(), "scheme": scheme, "signs": [], "format": {"name": "Conll"}})


def test_entities_are_measured_and_monitored_where_the_tags_are_those_of_entities():
    assert units("BIO").monitors[0] == "val/f1" and units("BIO").new_metrics().entities is not None
    assert units(None).monitors[0] == "val/accuracy" and "val/f1" not in units(None).monitors
    assert units(None).new_metrics().entities is None


def test_every_word_and_character_has_its_row_of_weights():
    axes = units(None).symbol_axes()
    assert len(axes["model.front.weight"][0].symbols) == len(LEXICON.words) + 1
    assert len(axes["model.front.characters.embedding.weight"][0].symbols) == len(LEXICON.characters) + 2
