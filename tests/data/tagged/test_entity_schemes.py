"""Entities do not depend on the scheme that writes them down."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.tagged.entity_schemes import (
    EntitySpan,
    allowed,
    convert,
    encode,
    recognise,
    recognise_like,
    spans,
    to_standard,
    untyped_tag,
)
from throughtime.errors import UserError

SCHEMES = (
    "BIO",
    "IOB1",
    "BIOES",
    "BILOU",
    "BMES",
    "BMEWO",
    "brackets (X)",
    "brackets (X*)",
    "BIOES B_X",
    "BIO X-B|_",
)


@st.composite
def entities(draw):
    """Entities in order, without overlap, and the length of their sentence."""
    found, place = [], 0
    for gap, size, kind in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["PER", "LOC", "a-b"])))
    ):
        found.append(EntitySpan(kind, place + gap, place + gap + size))
        place += gap + size
    return found, place + draw(st.integers(0, 2))


@given(entities())
@settings(deadline=None)
def test_every_scheme_tells_the_same_entities(example):
    found, length = example
    for scheme in SCHEMES:
        tags = encode(found, length, scheme)
        assert spans(to_standard(tags, scheme)) == found
        assert all(convert(tags, other, scheme) == encode(found, length, other) for other in SCHEMES)


TAGS = st.sampled_from(["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"])


def conlleval(tags):
    """The rules of conlleval, one by one: whether a chunk ends before, and begins at, each tag."""

    def ends(before, kind_before, now, kind):
        return (
            (before in "BI" and now in "BSO") or before in "ES" or (before != "O" and kind_before != kind)
        ) and before != "O"

    def begins(before, kind_before, now, kind):
        return (
            now in "BS" or (before in "ESO" and now in "EI") or (now != "O" and kind_before != kind)
        ) and now != "O"

    found, start = [], None
    cut = [(tag[0], tag[2:]) for tag in tags]
    for place, ((before, kind_before), (now, kind)) in enumerate(
        zip([("O", ""), *cut], [*cut, ("O", "")], strict=True)
    ):
        if ends(before, kind_before, now, kind):
            found.append(EntitySpan(kind_before, start, place))
        if begins(before, kind_before, now, kind):
            start = place
    return found


@given(st.lists(TAGS, max_size=12))
def test_entities_of_any_tags_are_those_of_conlleval(tags):
    assert spans(tags) == conlleval(tags)


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        (["B-PER I-PER O", "O B-LOC B-LOC"], "BIO"),
        (["I-PER I-PER O", "O I-LOC B-LOC"], "IOB1"),
        (["B-PER E-PER O", "S-LOC"], "BIOES"),
        (["B-PER I-PER L-PER O", "U-LOC"], "BILOU"),
        (["B-LOC M-LOC E-LOC O", "S-PER"], "BMES"),
        (["B-LOC M-LOC E-LOC O", "W-PER"], "BMEWO"),
        (["B M M E S", "S B E"], "BMES"),
        (["B I E S", "S B E"], "BIOES"),
        (["B I O", "O B"], "BIO"),
        (["NOUN VERB", "X"], None),
        (["I O S", "E"], "BIOES"),
        (["S E U"], None),
        (["O O"], None),
        (["O B-PER", "NOUN"], None),
        (["I-PER O B-PER"], "BIO"),
        (["B_PER I_PER O"], "BIO B_X"),
        (["PER-B PER-I O", "a-b-B"], "BIO X-B"),
        (["B:LOC I:LOC L:LOC O"], "BILOU B:X"),
        (["b-loc i-loc o"], "BIO b-x|o"),
        (["B-LOC I-LOC _"], "BIO B-X|_"),
        (["B-LOC I-LOC OTHER"], "BIO B-X|OTHER"),
        (["B_NN I_NN B_VB"], "BIO B_X"),
        (["NN_B NN O"], None),
        (["B_NN O"], None),
        (["(PER* * *) * (LOC)"], "brackets (X)"),
        (["(ARG0* *) (V*) - *"], "brackets (X*)"),
        (["( NN )"], None),
    ],
)
def test_a_scheme_is_recognised(sentences, scheme):
    assert recognise([sentence.split() for sentence in sentences]) == scheme


@given(st.lists(entities(), min_size=1, max_size=4), st.sampled_from(SCHEMES))
def test_what_is_recognised_writes_the_same_tags_again(examples, scheme):
    sentences = [encode(found, length, scheme) for found, length in examples]
    again = recognise(sentences)
    if again is not None:
        assert [convert(convert(tags, "BIO", scheme), again) for tags in sentences] == sentences


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (["(TOP(S(NP* *) (VP*)))"], "brackets that nest, such as '.TOP.S.NP[*]'"),
        (["(A* (B* *) *)"], "brackets that nest, where one begins inside another"),
        (["(12 12) - (3)", "-"], "those of coreference, such as '.12'"),
    ],
)
def test_tags_of_which_a_token_has_several_are_refused(sentences, said):
    with pytest.raises(UserError, match=f"{said}.*set data.format.tag_column"):
        recognise([sentence.split() for sentence in sentences])


def test_a_scheme_that_could_be_two_is_that_of_training():
    short = [["B-LOC", "E-LOC", "O", "S-PER"]]
    assert recognise(short) == "BIOES"
    assert recognise_like(short, "BMES") == "BMES"
    assert recognise_like(short, "BMEWO") == recognise_like(short, "BIO") == "BIOES"
    assert recognise_like([["NN"]], "BMES") == recognise_like([], "BMES") == "BMES"
    assert recognise_like([["B-X", "I-X"]], "BMES") == "BIO"


def test_inside_follows_only_its_own_kind():
    tags = ["B-X", "B-Y", "I-X", "O"]
    first, pairs = allowed(tags)
    assert first.tolist() == [True, True, False, True]
    assert np.argwhere(~pairs).tolist() == [[1, 2], [3, 2]]


def test_a_tag_that_lost_its_type_is_found():
    assert untyped_tag({"B-PER", "I-PER", "O", "B-"}) == "B-"
    assert untyped_tag({"B-PER", "I"}) == "I"
    assert untyped_tag({"B-PER", "M-"}) == "M-"
    assert untyped_tag({"B", "I", "O"}) is None
    assert untyped_tag({"B-PER", "O"}) is None
    assert untyped_tag({"NN", "B-X"}) is None
