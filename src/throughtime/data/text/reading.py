"""Bytes to text, in pieces: encodings, byte order marks and line ends."""

import codecs
import io
from collections.abc import Iterable, Iterator

from throughtime.errors import UserError

BLOCK = 1 << 20
"""Bytes that are read at once."""


def check_encoding(encoding: str) -> None:
    """Raise `UserError` unless Python knows the encoding as one of text."""
    try:
        "".encode(encoding)
    except LookupError:
        raise UserError(
            f"data.encoding={encoding} is no text encoding of Python; try utf-8, latin-1, cp1252 or utf-16"
        ) from None


def decode(blocks: Iterable[bytes], encoding: str, name: str) -> Iterator[str]:
    """The text of some blocks of bytes, with every line end (LF, CRLF, CR) as a line feed.

    A byte order mark at the beginning of UTF-8 is left out (those of UTF-16 and UTF-32 Python leaves out
    itself).

    Args:
        blocks: the bytes, cut anywhere.
        encoding: any text encoding of Python.
        name: what the bytes are, for the error.

    Raises:
        UserError: naming the file and the offset of the first byte that is no text in this encoding.
    """
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8-sig" if is_utf8 else encoding)()
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    read = 0
    for block in blocks:
        yield line_ends.decode(_decoded(decoder, block, read, encoding, name))
        read += len(block)
    yield line_ends.decode(_decoded(decoder, b"", read, encoding, name), final=True)


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, read: int, encoding: str, name: str) -> str:
    """The text of one more block; an empty block is the end, where nothing may be left over."""
    try:
        return decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        # The decoder was given this block and what it had kept of the ones before.
        offset = read + len(block) - len(error.object) + error.start
        raise UserError(
            f"byte {error.object[error.start]:#04x} at offset {offset:,} of {name} is no {encoding}; "
            "name the file's own encoding by data.encoding=..., or leave files without text out by a glob "
            "in data.path"
        ) from None
