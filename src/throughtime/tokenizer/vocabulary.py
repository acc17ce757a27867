"""Vocabulary: the symbols that ids stand for, and the special ones after them."""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from throughtime.errors import UserError
from throughtime.tokenizer.stream import Origin

UNKNOWN_CHOICES = ("unk", "error")
"""Policies for a symbol that is not in the vocabulary: the one id `<unk>`, or an error that names it."""


class Vocabulary:
    """Ids 0 to V - 1: the ordinary symbols, then `<unk>`, `<start>` and `<end>` where a tokenizer has them.

    An id stands for a string of bytes of UTF-8, which need not be a whole number of characters; `<unk>`
    stands for U+FFFD, and `<start>` and `<end>` for nothing.

    Args:
        pieces: the bytes of each ordinary symbol.
        names: how each ordinary symbol is shown.
        unknown: whether there is an `<unk>`.
        boundaries: whether there are `<start>` and `<end>`, for sequences that stand for themselves.

    Attributes:
        symbols: how each id is shown, special ones included.
        unknown, start, end: the special ids, None where there is none.
    """

    def __init__(
        self, pieces: Sequence[bytes], names: Sequence[str], unknown: bool, boundaries: bool
    ) -> None:
        self.symbols = list(names)
        self._pieces = list(pieces)
        self.unknown = self._append("<unk>", "\ufffd") if unknown else None
        self.start = self._append("<start>", "") if boundaries else None
        self.end = self._append("<end>", "") if boundaries else None

    def _append(self, name: str, text: str) -> int:
        self.symbols.append(name)
        self._pieces.append(text.encode())
        return len(self.symbols) - 1

    @property
    def identities(self) -> list[bytes | str]:
        """The identity of each id in any vocabulary: its bytes, or the name of a special one."""
        special = (self.unknown, self.start, self.end)
        pairs = enumerate(zip(self._pieces, self.symbols, strict=True))
        return [name if place in special else piece for place, (piece, name) in pairs]

    def __len__(self) -> int:
        return len(self.symbols)

    def decode(self, ids: Iterable[Any]) -> str:
        """The text of some ids; bytes that make no character are shown as U+FFFD."""
        return b"".join(self._pieces[int(index)] for index in ids).decode("utf-8", "replace")

    def decode_stream(self, ids: Iterable[Any]) -> Iterator[str]:
        """The text of ids as they arrive, a string for each: empty while a character is incomplete."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for index in ids:
            yield decoder.decode(self._pieces[int(index)])
        yield decoder.decode(b"", final=True)


def unknown_symbol(symbol: str, origin: Origin, position: int) -> UserError:
    """The error that names a symbol outside the vocabulary and its position."""
    codes = f" (U+{ord(symbol):04X})" if len(symbol) == 1 else ""
    return UserError(
        f"{symbol!r}{codes} at {origin.place(position)} is not in the vocabulary, which is made from the "
        "training text; tokenizer.unknown=unk reads such symbols as <unk>"
    )
