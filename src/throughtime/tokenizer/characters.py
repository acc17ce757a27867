"""One id a character (a Unicode code point)."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int

from throughtime.errors import check_choice
from throughtime.tokenizer.base import SOME_TEXT, Tokenizer
from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.vocabulary import UNKNOWN_CHOICES, Vocabulary, unknown_symbol


class Characters(Tokenizer):
    """The characters of the training text, in the order of their code points.

    Args:
        unknown: `unk` reads a character that the training text does not have as `<unk>`; `error` names it and
            its position.
    """

    def __init__(self, unknown: str = "unk") -> None:
        check_choice(UNKNOWN_CHOICES, **{"tokenizer.unknown": unknown})
        self.unknown = unknown

    def fit(self, texts: Iterable[str], boundaries: bool = False) -> None:
        """Collect the characters that occur."""
        occurs = np.zeros(sys.maxunicode + 1, dtype=bool)
        for text in texts:
            occurs[_code_points(text)] = True
        self._set("".join(map(chr, np.flatnonzero(occurs))), boundaries)

    def _set(self, characters: str, boundaries: bool) -> None:
        pieces = [character.encode("utf-8", "surrogatepass") for character in characters]
        self.vocabulary = Vocabulary(pieces, list(characters), self.unknown == "unk", boundaries)
        self._characters = characters
        codes = _code_points(characters)
        # The last entry of the table belongs to no character: every code point beyond the table is looked up there.
        self._ids = np.full(int(codes.max(initial=0)) + 2, -1, dtype=np.int64)
        if self.vocabulary.unknown is not None:
            self._ids[:] = self.vocabulary.unknown
        self._ids[codes] = np.arange(len(codes))

    def encode(self, text: str, origin: Origin = SOME_TEXT) -> Int[np.ndarray, " N"]:
        """One id a character."""
        ids = self._ids[np.minimum(_code_points(text), len(self._ids) - 1)]
        if self.unknown == "error" and ids.min(initial=0) < 0:
            position = int(np.argmax(ids < 0))
            raise unknown_symbol(text[position], origin, position)
        return ids

    def state(self) -> dict[str, Any]:
        """The characters as one string."""
        boundaries = self.vocabulary.start is not None
        return {
            "name": "characters",
            "unknown": self.unknown,
            "characters": self._characters,
            "boundaries": boundaries,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Characters":
        """The inverse of `state`."""
        tokenizer = cls(state["unknown"])
        tokenizer._set(state["characters"], state["boundaries"])
        return tokenizer


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
