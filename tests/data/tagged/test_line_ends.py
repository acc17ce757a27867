"""Text is written back with the line ends and the byte order mark of its file."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.tagged.line_ends import written_like
from throughtime.data.tagged.sentences import document_at, lines_of
from throughtime.errors import UserError

ENDS = st.lists(st.tuples(st.sampled_from(["", "a", "b c"]), st.sampled_from(["\r\n", "\n"])), max_size=6)


@given(ENDS, st.sampled_from(["", "last"]), st.booleans())
def test_a_text_that_is_not_changed_gives_the_same_bytes(tmp_path_factory, lines, last, mark):
    raw = codecs.BOM_UTF8 * mark + ("".join(line + end for line, end in lines) + last).encode()
    path = tmp_path_factory.mktemp("ends") / "file"
    path.write_bytes(raw)
    document = document_at(path)
    text, encoded = written_like("\n".join(lines_of(document)), document)
    assert encoded == text.encode() == raw


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE])
def test_the_byte_order_is_kept(tmp_path, mark):
    order = "utf-16-be" if mark == codecs.BOM_UTF16_BE else "utf-16-le"
    (tmp_path / "file").write_bytes(mark + "ä\r\nb\r\n".encode(order))
    document = document_at(tmp_path / "file", "utf-16")
    assert lines_of(document) == ["ä", "b", ""]
    assert written_like("ä/X\nb/Y\n", document)[1] == mark + "ä/X\r\nb/Y\r\n".encode(order)


def test_another_number_of_lines_has_the_most_frequent_end(tmp_path):
    (tmp_path / "file").write_bytes(b"a\r\nb\nc\r\n")
    assert written_like("x\ny\n", document_at(tmp_path / "file"))[1] == b"x\r\ny\r\n"
    (tmp_path / "file").write_bytes(b"a")
    assert written_like("x\ny\n", document_at(tmp_path / "file"))[1] == b"x\ny\n"


def test_a_character_that_the_encoding_lacks_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"a\n")
    with pytest.raises(UserError, match=r"'→' of a tag cannot be written in latin-1"):
        written_like("a/→\n", document_at(tmp_path / "file", "latin-1"))
