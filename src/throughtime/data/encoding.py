"""Encodings of text files, and their line ends."""

import codecs
import io
from collections.abc import Iterable, Iterator

from throughtime.errors import UserError

NOT_OF_FILES = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
"""Codecs of Python that turn bytes into text and are no encodings of files."""


def check_encoding(encoding: str, key: str = "data.encoding") -> None:
    """Raise `UserError`, which names the setting, unless Python knows the encoding as one of text."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)  # refuses codecs of bytes, such as base64
        is_known = codecs.lookup(encoding).name not in NOT_OF_FILES
        codecs.getincrementaldecoder(encoding)
    except (LookupError, UnicodeError, ValueError):  # ValueError: a NUL in the name
        is_known = False
    if not is_known:
        raise UserError(
            f"{key}={encoding} is no text encoding of Python; try utf-8, latin-1, cp1252 or utf-16"
        )


def decode(blocks: Iterable[bytes], encoding: str, name: str, key: str = "data.encoding") -> Iterator[str]:
    """The text of some blocks of bytes, with every line end (LF, CRLF, CR) as a line feed.

    A byte order mark at the beginning of UTF-8 is left out (those of UTF-16 and UTF-32 Python leaves out
    itself).

    Args:
        blocks: the bytes, cut anywhere.
        encoding: any text encoding of Python.
        name: what the bytes are, for the error.
        key: the setting of the encoding, for the error.

    Raises:
        UserError: naming the file and the offset of the first byte that is no text in this encoding.
    """
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8-sig" if is_utf8 else encoding)()
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    read = 0
    for block in blocks:
        yield line_ends.decode(_decoded(decoder, block, read, encoding, name, key))
        read += len(block)
    yield line_ends.decode(_decoded(decoder, b"", read, encoding, name, key), final=True)


def _decoded(
    decoder: codecs.IncrementalDecoder, block: bytes, read: int, encoding: str, name: str, key: str
) -> str:
    """The text of one more block; an empty block is the end, where nothing may be left over."""
    try:
        return decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        # The decoder was given this block and what it had kept of the ones before.
        offset = read + len(block) - len(error.object) + error.start
        raise UserError(
            f"byte {error.object[error.start]:#04x} at offset {offset:,} of {name} is no {encoding}; "
            f"name the file's own encoding by {key}=..., or leave files without text out by a glob "
            "in data.path"
        ) from None
