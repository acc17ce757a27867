"""Inputs of a tagger: words as ids and as characters."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

PAD, UNKNOWN = 0, 1
"""The ids of a position after a word's end, and of a character that training does not have."""


class WordInputs(NamedTuple):
    """The words of a batch. C is the characters of its longest word, N its distinct words.

    Attributes:
        words: ids of the vocabulary, 0 for a word that it lacks.
        spellings: which of the distinct words each one is.
        characters: the distinct words, letter by letter.
        lengths: the characters of each distinct word, at least 1.
        seen: whether the word is in the training text; only metrics read this and the next.
        majority_tag: the word's most frequent tag in training, or that of all words for one not seen.
    """

    words: Int[Tensor, "T B"]
    spellings: Int[Tensor, "T B"]
    characters: Int[Tensor, "C N"]
    lengths: Int[Tensor, " N"]
    seen: Bool[Tensor, "T B"]
    majority_tag: Int[Tensor, "T B"]

    def lanes(self, chosen: slice) -> "WordInputs":
        """The words of some of the lanes, with the letters of those words alone."""
        distinct, spellings = torch.unique(self.spellings[:, chosen], return_inverse=True)
        lengths = self.lengths[distinct]
        return WordInputs(
            words=self.words[:, chosen],
            spellings=spellings,
            characters=self.characters[: int(lengths.max()), distinct],
            lengths=lengths,
            seen=self.seen[:, chosen],
            majority_tag=self.majority_tag[:, chosen],
        )
