"""Byte-pair encoding on bytes: every text has ids, frequent strings have ids of their own."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int
from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers, trainers

from throughtime.errors import UserError
from throughtime.tokenizer.base import SOME_TEXT, Tokenizer
from throughtime.tokenizer.stream import SAFE_CUT, Origin
from throughtime.tokenizer.vocabulary import Vocabulary

# Characters that the library is handed at once: it reads 256 segments ahead and encodes them in parallel.
_SEGMENT = 1 << 15


class BPE(Tokenizer):
    """Byte-pair encoding (Sennrich et al. 2016, ACL) on the bytes of UTF-8 (Radford et al. 2019), by
    `tokenizers`.

    Args:
        vocabulary_size: the most ids there may be, the 256 bytes and the special ones included.
    """

    def __init__(self, vocabulary_size: int = 2000) -> None:
        if vocabulary_size < 258:
            raise UserError(
                f"tokenizer.vocabulary_size={vocabulary_size} is too small for tokenizer=bpe, which needs "
                "at least 258 (256 bytes, <start> and <end>)"
            )
        self.maximum_size = vocabulary_size

    def fit(self, texts: Iterable[str], boundaries: bool = False) -> None:
        """Learn the merges of the most frequent neighbours."""
        library = Library(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=self.maximum_size - 2 * boundaries,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        segments = (segment for text in texts for segment in _segments(_encodable(text)))
        library.train_from_iterator(segments, trainer)
        self._set(library, boundaries)

    def _set(self, library: Library, boundaries: bool) -> None:
        pieces = [_symbol_bytes(library.id_to_token(index)) for index in range(library.get_vocab_size())]
        names = [piece.decode("utf-8", "replace") for piece in pieces]
        self.vocabulary = Vocabulary(pieces, names, False, boundaries)
        self._library = library

    def encode(self, text: str, origin: Origin = SOME_TEXT) -> Int[np.ndarray, " N"]:
        """The ids after all merges."""
        encodings = self._library.encode_batch_fast(_segments(_encodable(text)), add_special_tokens=False)
        return np.concatenate([np.array(encoding.ids, dtype=np.int64) for encoding in encodings])

    def state(self) -> dict[str, Any]:
        """The library's own JSON as a string."""
        return {
            "name": "bpe",
            "vocabulary_size": self.maximum_size,
            "json": self._library.to_str(),
            "boundaries": self.vocabulary.start is not None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "BPE":
        """The inverse of `state`."""
        tokenizer = cls(state["vocabulary_size"])
        tokenizer._set(Library.from_str(state["json"]), state["boundaries"])
        return tokenizer


def _encodable(text: str) -> str:
    """The text without lone surrogates (a terminal may type one), which have no bytes in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _segments(text: str) -> list[str]:
    """The text cut safely into segments of about `_SEGMENT` characters; at least one."""
    segments, start = [], 0
    while (cut := SAFE_CUT.search(text, start + _SEGMENT)) is not None:
        segments.append(text[start : cut.start()])
        start = cut.start()
    return [*segments, text[start:]]


def _symbol_bytes(symbol: str) -> bytes:
    """The bytes of a symbol, which the library spells with one printable character a byte."""
    return bytes(_BYTE_OF[character] for character in symbol)


def _spelling() -> dict[str, int]:
    """The byte that each of the library's 256 characters stands for: its own if printable, else 256, 257 ..."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [value for value in range(256) if value not in printable]
    return {chr(value): value for value in printable} | {
        chr(256 + n): value for n, value in enumerate(others)
    }


_BYTE_OF = _spelling()
