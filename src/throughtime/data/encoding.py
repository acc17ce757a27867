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


def wide_encoding(start: bytes) -> str | None:
    """UTF-16 or UTF-32 where the first bytes of a file show it, by a byte order mark or by their zero bytes."""
    marks = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for mark, encoding in zip(marks, ("utf-32", "utf-32", "utf-16", "utf-16"), strict=True):
        if start.startswith(mark):
            return encoding
    searched = start[: min(len(start) // 4 * 4, 64)]
    is_zero = [{byte == 0 for byte in searched[place::4]} for place in range(4)]
    for encoding, zeros, others in _ZEROS:
        if all(is_zero[place] == {True} for place in zeros) and all(
            is_zero[place] == {False} for place in others
        ):
            return encoding
    return None


_ZEROS = (("utf-32-le", (2, 3), (0,)), ("utf-32-be", (0, 1), (3,)))
_ZEROS += (("utf-16-le", (1, 3), (0, 2)), ("utf-16-be", (0, 2), (1, 3)))
"""Places of four bytes that are zero in text of mostly Latin letters, and places that are not."""


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
        if not read and is_utf8 and (wide := wide_encoding(block)):
            raise UserError(
                f"{name} is text in {wide.removesuffix('-le').removesuffix('-be').upper()}, not in {encoding}; set "
                f"{key}={wide}"
            )
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
