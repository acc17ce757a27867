"""`Tokenizer`: the base class of tokenizers."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, final

import numpy as np
from jaxtyping import Int

from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.vocabulary import Vocabulary

SOME_TEXT = Origin("the text")


class Tokenizer(ABC):
    """Turns text into ids 0 to V - 1 and ids into text.

    A tokenizer of your own sets `vocabulary` in `fit` and implements the four methods; what is `final`
    follows from them.

    Attributes:
        vocabulary: what the ids stand for; None until `fit`.
    """

    vocabulary: Vocabulary | None = None

    @abstractmethod
    def fit(self, texts: Iterable[str], boundaries: bool = False) -> None:
        """Make the vocabulary from the training text.

        Args:
            texts: the training text, cut by `recut`.
            boundaries: whether to have the ids `<start>` and `<end>` (lines that stand for themselves).
        """

    @abstractmethod
    def encode(self, text: str, origin: Origin = SOME_TEXT) -> Int[np.ndarray, " N"]:
        """The ids of a text, none of them a boundary.

        Args:
            text: any text; where it is a part of one, a part made by `recut`.
            origin: where the text comes from, to name the position of a symbol that is not known.

        Raises:
            UserError: a symbol is not in the vocabulary and the policy is `unknown="error"`.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """The whole tokenizer in plain containers: `name`, the arguments, and the vocabulary."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any]) -> "Tokenizer":
        """The tokenizer whose `state()` this is."""

    @final
    @property
    def fitted(self) -> bool:
        """Whether there is a vocabulary."""
        return self.vocabulary is not None

    @final
    @property
    def vocabulary_size(self) -> int:
        """V, the number of ids, special ones included."""
        return len(self.vocabulary)

    @final
    @property
    def symbols(self) -> list[str]:
        """The printed form of each id."""
        return self.vocabulary.symbols

    @final
    def decode(self, ids: Iterable[Any]) -> str:
        """The text of some ids; boundaries are left out, `<unk>` and broken characters are U+FFFD."""
        return self.vocabulary.decode(ids)

    @final
    def decode_stream(self, ids: Iterable[Any]) -> Iterator[str]:
        """The text of ids as they arrive; joined, it equals `decode` of them all."""
        return self.vocabulary.decode_stream(ids)

    @final
    def fingerprint(self) -> str:
        """A SHA-256 in hexadecimal that is the same for two tokenizers exactly when their states are."""
        return hashlib.sha256(json.dumps(self.state(), sort_keys=True).encode()).hexdigest()
