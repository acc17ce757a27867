"""One id a byte of UTF-8: every text has ids, and V is 256."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int

from throughtime.tokenizer.base import SOME_TEXT, Tokenizer
from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.vocabulary import Vocabulary


class Bytes(Tokenizer):
    """The 256 bytes, each its own id; no text has a symbol outside them."""

    def fit(self, texts: Iterable[str], boundaries: bool = False) -> None:
        """Nothing is learned from the text, which is not read."""
        pieces = [bytes([value]) for value in range(256)]
        self.vocabulary = Vocabulary(pieces, [repr(piece)[2:-1] for piece in pieces], False, boundaries)

    def encode(self, text: str, origin: Origin = SOME_TEXT) -> Int[np.ndarray, " N"]:
        """One id a byte."""
        return np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8).astype(np.int64)

    def state(self) -> dict[str, Any]:
        """The name, and whether there are boundaries."""
        return {"name": "bytes", "boundaries": self.vocabulary.start is not None}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Bytes":
        """The inverse of `state`."""
        tokenizer = cls()
        tokenizer.fit([], state["boundaries"])
        return tokenizer
