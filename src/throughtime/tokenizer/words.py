"""One id a word; the symbols of a text, joined, are the text."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from throughtime.errors import check_choice, check_positive
from throughtime.tokenizer.base import SOME_TEXT, Tokenizer
from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.vocabulary import UNKNOWN_CHOICES, Vocabulary, unknown_symbol

# A word with the space before it and the apostrophes inside it, one mark of punctuation, or one white space.
_SYMBOL = re.compile(r" ?\w+(?:['’]\w+)*|[^\w\s]|\s")


class Words(Tokenizer):
    """The most frequent words, marks of punctuation and white spaces of the training text.

    A word is written with the space before it, so that the symbols of a text, joined, are the text.

    Args:
        vocabulary_size: the most ids there may be, special ones included.
        unknown: `unk` reads a rarer word as `<unk>`; `error` names it and its position.
    """

    def __init__(self, vocabulary_size: int = 10_000, unknown: str = "unk") -> None:
        check_positive(**{"tokenizer.vocabulary_size": vocabulary_size})
        check_choice(UNKNOWN_CHOICES, **{"tokenizer.unknown": unknown})
        self.maximum_size = vocabulary_size
        self.unknown = unknown

    def fit(self, texts: Iterable[str], boundaries: bool = False) -> None:
        """Count the words and keep the most frequent; ties are kept in alphabetical order."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_SYMBOL.findall(text))
        special = (self.unknown == "unk") + 2 * boundaries
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        self._set(frequent[: max(1, self.maximum_size - special)], boundaries)

    def _set(self, words: Sequence[str], boundaries: bool) -> None:
        pieces = [word.encode("utf-8", "surrogatepass") for word in words]
        self.vocabulary = Vocabulary(pieces, words, self.unknown == "unk", boundaries)
        self._words = list(words)
        self._ids = {word: index for index, word in enumerate(words)}

    def encode(self, text: str, origin: Origin = SOME_TEXT) -> Int[np.ndarray, " N"]:
        """One id a word, mark of punctuation or white space."""
        unknown = -1 if self.vocabulary.unknown is None else self.vocabulary.unknown
        ids = np.array([self._ids.get(word, unknown) for word in _SYMBOL.findall(text)], dtype=np.int64)
        if self.unknown == "error" and ids.min(initial=0) < 0:
            word = list(_SYMBOL.finditer(text))[int(np.argmax(ids < 0))]
            raise unknown_symbol(word.group(), origin, word.start())
        return ids

    def state(self) -> dict[str, Any]:
        """The words in the order of their ids."""
        return {
            "name": "words",
            "vocabulary_size": self.maximum_size,
            "unknown": self.unknown,
            "words": list(self._words),
            "boundaries": self.vocabulary.start is not None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Words":
        """The inverse of `state`."""
        tokenizer = cls(state["vocabulary_size"], state["unknown"])
        tokenizer._set(state["words"], state["boundaries"])
        return tokenizer
