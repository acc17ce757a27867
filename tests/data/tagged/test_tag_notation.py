"""Entity tags are the same in every notation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.tagged.tag_notation import (
    OUTSIDE_TEXTS,
    SEPARATORS,
    STANDARD,
    TagNotation,
    find_notation,
    is_entity_tag,
    named_notation,
    read_brackets,
)

NOTATIONS = st.builds(
    TagNotation, st.sampled_from(SEPARATORS), st.booleans(), st.booleans(), st.sampled_from(OUTSIDE_TEXTS)
)
STANDARD_TAGS = ("O", "B-LOC", "I-LOC", "B-a_b", "I-a-b", "E-X")


@given(NOTATIONS)
@settings(deadline=None)
def test_what_is_written_is_read_and_found_again(notation):
    written = [notation.write(tag) for tag in STANDARD_TAGS]
    assert [notation.read(tag) for tag in written] == list(STANDARD_TAGS)
    assert find_notation(written) == notation
    assert named_notation(str(notation)) == notation


def test_other_tags_are_in_no_notation():
    for tags in (["NN", "VB"], ["B-LOC", "NN", "VB"], ["A_B", "O"], [], ["O"]):
        assert find_notation(tags) == STANDARD


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("(PER* * *) * (LOC)", "B-PER I-PER I-PER O B-LOC"),
        ("(ARG0*) (V*) (ARG1* *)", "B-ARG0 B-V B-ARG1 I-ARG1"),
        ("*) * (X*", "O O B-X"),
    ],
)
def test_brackets_are_read_as_entities(tags, expected):
    assert read_brackets(tags.split()) == tuple(expected.split())


@pytest.mark.parametrize("text", ["B_LOC", "LOC-I", "(LOC*", "*)", "(LOC)", "b-LOC", "_", "O"])
def test_tags_of_a_known_type_are_found_in_any_notation(text):
    assert is_entity_tag(text, {"LOC"})


@pytest.mark.parametrize("text", ["B_PER", "NN", "(PER*", "word"])
def test_other_texts_are_no_tags(text):
    assert not is_entity_tag(text, {"LOC"})
