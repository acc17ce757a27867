"""Two files, line by line."""

import pytest

from throughtime.data.tagged.parallel import Parallel
from throughtime.data.tagged.sentences import SentenceTags, document_at
from throughtime.errors import UserError


def pair(folder, tokens, tags):
    (folder / "seq.in").write_text(tokens)
    (folder / "seq.out").write_text(tags)
    return document_at(folder / "seq.in")


def test_lines_are_sentences_even_empty_ones(tmp_path):
    sentences = Parallel().read(pair(tmp_path, "a b\n\nc\n", "X Y\n\nZ\n"))
    assert [(sentence.tokens, sentence.tags, sentence.line) for sentence in sentences] == [
        (("a", "b"), ("X", "Y"), 1),
        ((), (), 2),
        (("c",), ("Z",), 3),
    ]
    written = Parallel().write(sentences, [SentenceTags(sentence.tags) for sentence in sentences])
    assert written == (tmp_path / "seq.out").read_text()


def test_probabilities_follow_each_tag(tmp_path):
    sentences = Parallel().read(pair(tmp_path, "a b\n", "X Y\n"))
    assert Parallel().write(sentences, [SentenceTags(("X", "Y"), (0.5, 1.0))]) == "X:0.5000 Y:1.0000\n"


@pytest.mark.parametrize(
    ("tokens", "tags", "words"),
    [
        ("a b\nc d\n", "X Y\nX\n", "line 2 has 2 tokens in .*seq.in, but 1 tags in .*seq.out"),
        ("a b\nc d\n", "X Y\n", "line 2 of the longer one"),
        ("a\n", "X\nY\n", "line 2 of the longer one"),
    ],
)
def test_files_that_do_not_match_are_named_with_the_line(tmp_path, tokens, tags, words):
    with pytest.raises(UserError, match=words):
        Parallel().read(pair(tmp_path, tokens, tags))


def test_without_the_file_of_tags_there_is_nothing_to_learn_but_all_to_tag(tmp_path):
    document = pair(tmp_path, "a b\n", "X Y\n")
    (tmp_path / "seq.out").unlink()
    with pytest.raises(UserError, match="no file of tags"):
        Parallel().read(document)
    assert Parallel().read(document, tagged=False)[0].tokens == ("a", "b")


def test_names_tell_the_files_apart(tmp_path):
    (tmp_path / "train.words.txt").write_text("a\n")
    (tmp_path / "train.tags.txt").write_text("X\n")
    format = Parallel(tokens="words", tags="tags")
    assert format.read(document_at(tmp_path / "train.words.txt"))[0].tags == ("X",)
    with pytest.raises(UserError, match=r"data\.format\.tokens"):
        format.read(document_at(tmp_path / "train.tags.txt"))
    with pytest.raises(UserError, match="different parts of the two files"):
        Parallel("in", "in")
    assert Parallel(**format.state()).state() == format.state()
