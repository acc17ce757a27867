"""Sentences and their tags, as every file format reads and writes them."""

import random

import pytest

from throughtime.data.tagged.entity_schemes import EntitySpan, encode, spans
from throughtime.data.tagged.sentences import Sentence, SentenceTags, cut_sentence, document_at, lines_of


def test_lines_have_no_ends_whatever_the_file_has(tmp_path):
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "file"
        path.write_bytes(f"a{end}b{end}".encode())
        assert lines_of(document_at(path)) == ["a", "b", ""]


def test_probabilities_have_four_digits():
    assert list(SentenceTags(("X", "Y"), (0.5, 1 / 3)).probability_texts()) == ["0.5000", "0.3333"]
    assert list(SentenceTags(("X",)).probability_texts()) == []


def test_columns_of_predictions_are_tags_and_where_asked_for_probabilities():
    assert SentenceTags(("X", "Y")).columns() == [("X", "Y")]
    assert SentenceTags(("X",), (0.5,)).columns() == [("X",), ("0.5000",)]


def test_a_long_sentence_is_cut_into_pieces_that_are_the_whole():
    sentence = Sentence(tuple(map(str, range(11))), tuple("XYZXYZXYZXY"), "file", 3)
    pieces = cut_sentence(sentence, longest=4)
    assert [len(piece.tokens) for piece in pieces] == [4, 4, 3]
    assert sum((piece.tokens for piece in pieces), ()) == sentence.tokens
    assert sum((piece.tags for piece in pieces), ()) == sentence.tags
    assert cut_sentence(sentence, longest=11) == [sentence]


@pytest.mark.parametrize("seed", range(20))
def test_no_entity_is_cut_that_fits_into_a_piece(seed):
    """The entities of the pieces, put together, are those of the whole; one that is longer than a piece is cut."""
    generator = random.Random(seed)
    entities, place = [], 0
    while place < 200:
        length = generator.choice((1, 2, 3, 7, 8))
        if generator.random() < 0.7:
            entities.append((generator.choice("XY"), place, place + length))
        place += length
    entities = [one for one in entities if one[2] <= 200]
    tags = encode(spans_of(entities), 200, "BIO")
    pieces = cut_sentence(Sentence(tuple(map(str, range(200))), tags, "file", 1), 8, spans_of(entities))
    assert all(0 < len(piece.tokens) <= 8 for piece in pieces)
    assert sum((piece.tokens for piece in pieces), ()) == tuple(map(str, range(200)))
    assert sum((piece.tags for piece in pieces), ()) == tags
    found, start = [], 0
    for piece in pieces:
        found += [(kind, start + first, start + stop) for kind, first, stop in spans(piece.tags)]
        start += len(piece.tokens)
    assert found == entities


def spans_of(entities):
    return [EntitySpan(*one) for one in entities]


def test_an_entity_that_is_longer_than_a_piece_is_cut_as_late_as_can_be():
    tags = ("O", "O", "B-X", *("I-X",) * 6, "O")
    pieces = cut_sentence(Sentence(tuple("abcdefghij"), tags, "file", 1), 4, spans(tags))
    assert ["".join(piece.tokens) for piece in pieces] == ["ab", "cdef", "ghij"]
