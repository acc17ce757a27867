"""The kinds of things that a tagger tags."""

import pytest

from throughtime.task.tagging.frames import FrameUnits
from throughtime.task.tagging.units import TagUnits
from throughtime.task.tagging.words import WordUnits


def test_words_and_frames_answer_every_question_of_a_tagger():
    with pytest.raises(TypeError, match="abstract"):
        TagUnits()
    for kind in (WordUnits, FrameUnits):
        assert kind.__abstractmethods__ == frozenset()
