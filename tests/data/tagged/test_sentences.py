"""Sentences and their tags, as every file format reads and writes them."""

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
