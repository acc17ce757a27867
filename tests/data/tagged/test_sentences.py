"""Sentences and their tags, as every file format reads and writes them."""

from throughtime.data.tagged.sentences import SentenceTags, document_at, lines_of


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
