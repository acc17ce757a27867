"""Byte order mark and line ends of a file, for text that is written back as the file came."""

import codecs
import re
from collections import Counter
from itertools import repeat

from throughtime.data.text.source import Document
from throughtime.errors import UserError

LINE_END = re.compile("\r\n|\r|\n")
_MARKS = {
    "utf-8": [("utf-8", codecs.BOM_UTF8)],
    "utf-16": [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)],
    "utf-32": [("utf-32-le", codecs.BOM_UTF32_LE), ("utf-32-be", codecs.BOM_UTF32_BE)],
}
"""The byte orders of each encoding, and their marks."""


def written_like(text: str, document: Document) -> tuple[str, bytes]:
    """A text with line feeds, with the line ends and the byte order mark of a file: as text and in its encoding.

    Where both have as many lines, each line keeps its own end; else all have the most frequent one.

    Raises:
        UserError: the text has a character that the file's encoding lacks.
    """
    raw = b"".join(document.blocks())
    encoding, mark = _byte_order(raw, document.encoding)
    ends = LINE_END.findall(raw[len(mark) :].decode(encoding, errors="replace"))
    pieces = text.split("\n")
    if len(ends) == len(pieces) - 1:
        following = iter([*ends, ""])
    else:
        following = repeat(Counter(ends).most_common(1)[0][0] if ends else "\n", len(pieces) - 1)
        following = iter([*following, ""])
    whole = "".join(piece + end for piece, end in zip(pieces, following, strict=True))
    try:
        encoded = mark + whole.encode(encoding)
    except UnicodeEncodeError as error:
        raise UserError(
            f"the character {error.object[error.start]!r} of a tag cannot be written in {document.encoding}, the "
            f"encoding of {document.name}; save the file as UTF-8 and leave --encoding out"
        ) from None
    return ("\ufeff" if mark else "") + whole, encoded


def _byte_order(raw: bytes, encoding: str) -> tuple[str, bytes]:
    """The encoding with its byte order, and the mark that the bytes begin with; empty where there is none."""
    name = codecs.lookup(encoding).name
    name = "utf-8" if name == "utf-8-sig" else name
    for ordered, mark in _MARKS.get(name, []):
        if raw.startswith(mark):
            return ordered, mark
    native = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
    return native.get(name, name), b""
