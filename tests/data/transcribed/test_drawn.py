"""The contract of drawn sources: all of it must be there."""

import pytest

from throughtime.data.transcribed.drawn import Drawn, DrawnSource


def test_a_source_needs_all_methods_and_a_sequence_need_not_be_sound():
    with pytest.raises(TypeError, match="draw"):
        DrawnSource()
    assert Drawn(None, "a").samples is None
