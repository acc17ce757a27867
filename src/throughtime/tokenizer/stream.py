"""Pieces of text, and cuts between them that change no symbol."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LONGEST_RUN = 1 << 20
"""Characters without a white space that are kept together; a longer run is cut, to keep memory bounded."""

SAFE_CUT = re.compile(r"(?<=\S)(?=[ \t\n])")
"""Where a cut makes no difference: no symbol continues from something else into a white space."""


class Origin(NamedTuple):
    """Origin of a piece of text, for messages: a name, and the characters before the piece."""

    name: str
    offset: int = 0

    def place(self, position: int) -> str:
        """The position of the character at `position` of the piece, in words."""
        return f"character {self.offset + position + 1:,} of {self.name}"


class Piece(NamedTuple):
    """A part of a text; `begins` is true where a document, or a line on its own, begins with it."""

    text: str
    origin: Origin
    begins: bool = False


def recut(pieces: Iterable[Piece], longest_run: int = LONGEST_RUN) -> Iterator[Piece]:
    """The same text, cut where `SAFE_CUT` allows it.

    Encoding these pieces one by one gives the ids of the whole document, however the pieces were cut before.
    Only inside a run of more than `longest_run` characters without such a position may a word be cut in two.
    """
    held: Piece | None = None
    for piece in pieces:
        if held is not None and piece.begins:
            yield held
            held = None
        if held is not None:
            piece = Piece(held.text + piece.text, held.origin, held.begins)
        held = piece
        cut = _last_cut(piece.text, longest_run)
        if cut:
            yield piece._replace(text=piece.text[:cut])
            held = Piece(piece.text[cut:], piece.origin._replace(offset=piece.origin.offset + cut))
    if held is not None and held.text:
        yield held


def _last_cut(text: str, longest_run: int) -> int:
    """The last safe position to cut within the last `longest_run` characters; 0 where there is none."""
    window = 256
    while True:
        start = max(0, len(text) - window)
        cuts = [match.start() for match in SAFE_CUT.finditer(text, start)]
        if cuts:
            return cuts[-1]
        if start == 0 or window >= longest_run:
            return len(text) if len(text) > longest_run else 0
        window *= 16
