"""Bytes cut anywhere give the text, and a byte that is none is named with its offset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.encoding import check_encoding, decode, wide_encoding
from throughtime.errors import UserError


def blocks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(text=st.text("ab\r\né🙂"), size=st.integers(1, 5))
@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_blocks_cut_anywhere_give_the_text_with_line_feeds(encoding, text, size):
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert "".join(decode(blocks(text.encode(encoding), size), encoding, "f")) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_byte_order_mark_is_no_text(size):
    assert "".join(decode(blocks("\ufeffabc".encode(), size), "utf-8", "f")) == "abc"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_error_names_the_offset_of_the_byte_in_the_file(mark, size):
    data = mark + "naïve ".encode() + b"caf\xe9 noir"
    offset = data.index(b"\xe9")
    with pytest.raises(UserError, match=rf"byte 0xe9 at offset {offset} of a\.txt is no utf-8"):
        list(decode(blocks(data, size), "utf-8", "a.txt"))


def test_a_character_that_the_end_cuts_off_is_an_error():
    with pytest.raises(UserError, match=r"byte 0xc3 at offset 1 of"):
        list(decode([b"a\xc3"], "utf-8", "a.txt"))


@pytest.mark.parametrize("encoding", ["utf-9", "base64"])
def test_what_is_no_text_encoding_is_refused(encoding):
    with pytest.raises(UserError, match=rf"data\.encoding={encoding}"):
        check_encoding(encoding)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32-le", "utf-32-le"),
        ("utf-32-be", "utf-32-be"),
    ],
)
def test_wide_text_in_place_of_utf_8_is_told_with_its_encoding(written, found):
    text = "the first lines\nof a file, Ätna\n"
    assert wide_encoding(text.encode(written)) == found
    with pytest.raises(UserError, match=rf"^f is text in UTF-.., not in utf-8; set data\.encoding={found}$"):
        list(decode([text.encode(written)], "utf-8", "f"))
    assert "".join(decode([text.encode(written)], found, "f")) == text


@pytest.mark.parametrize(
    "start", [b"", b"a", b"plain text of ASCII", "naïve café".encode(), b"a\0b c d e f g h"]
)
def test_other_text_is_not_taken_for_wide(start):
    assert wide_encoding(start) is None
