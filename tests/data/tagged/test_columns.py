"""Blocks of lines make up their file again, whatever it is."""

from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.tagged.columns import replace_tags, sentence_lines
from throughtime.data.tagged.sentences import Sentence, SentenceTags
from throughtime.data.text.source import Document


def block_list(path, text):
    path.write_text(text, newline="")
    return sentence_lines(Document(path, "utf-8"), lambda line, number, inside: not line.startswith("#"))


@given(st.lists(st.sampled_from(["", " ", "a", "b c", "# note"]), max_size=12))
def test_all_lines_are_in_one_block_in_their_order(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("columns") / "file"
    found = block_list(path, "\n".join(lines))
    assert [line for block in found for line in block.lines] == (lines or [""])
    for block in found:
        assert all((lines or [""])[block.number(row) - 1] == block.lines[row] for row in block.rows)


def test_comments_belong_to_the_sentence_after_them(tmp_path):
    found = block_list(tmp_path / "file", "# one\na\n\n\n# two\nb\nc")
    assert [(block.rows, block.first) for block in found] == [((1,), 1), ((1, 2), 5)]


def test_rows_are_written_anew_and_nothing_else(tmp_path):
    found = block_list(tmp_path / "file", "# one\na\nb\n\nc\n")
    sentences = [Sentence(("",) * len(block.rows), (), "file", 1, block) for block in found]
    predictions = [SentenceTags(("X", "Y"), (0.5, 0.25)), SentenceTags(("Z",), (1.0,))]
    text = replace_tags(sentences, predictions, lambda line, tag, probability: f"{line}-{tag}-{probability}")
    assert text == "# one\na-X-0.5000\nb-Y-0.2500\n\nc-Z-1.0000\n"
