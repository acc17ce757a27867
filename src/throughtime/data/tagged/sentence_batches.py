"""Sentences as ids, in padded batches of about equal lengths."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets
from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentences import Sentence
from throughtime.data.word_inputs import PAD, WordInputs


class SentenceBatches:
    """Batches of whole sentences, each from a fresh state; the steps are those of the longest one.

    Sentences without tokens are in no batch. Where a sentence has no tags, its targets are K.

    Args:
        sentences: what is read.
        lexicon: their ids.
        batch_size: B.
        shuffle: whether each epoch has another order.
        seed: of the orders.

    Attributes:
        numbers: which of the given sentences are in batches.
        buckets: which of those are in which batch.
    """

    def __init__(
        self,
        sentences: Sequence[Sentence],
        lexicon: Lexicon,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 1,
    ) -> None:
        self.numbers = [number for number, sentence in enumerate(sentences) if sentence.tokens]
        kept = [sentences[number] for number in self.numbers]
        lengths = np.array([len(sentence.tokens) for sentence in kept], dtype=np.int64)
        self.buckets = LengthBuckets(lengths, batch_size, shuffle, seed)
        self._starts = np.cumsum(lengths) - lengths
        tokens = [token for sentence in kept for token in sentence.tokens]
        distinct = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
        self._spellings = np.array([distinct[token] for token in tokens], dtype=np.int64)
        self._words = np.array([lexicon.word(token) for token in distinct], dtype=np.int64)
        self._seen = np.array([lexicon.is_seen(token) for token in distinct], dtype=bool)
        self._majority_tags = np.array([lexicon.majority_tag(token) for token in distinct], dtype=np.int64)
        self._letters, self._letter_counts = _spelled([lexicon.spell(token) for token in distinct])
        unknown = len(lexicon.tags)
        self._tags = np.array(
            [
                lexicon.tag(tag) if sentence.tags else unknown
                for sentence in kept
                for tag in (sentence.tags or sentence.tokens)
            ],
            dtype=np.int64,
        )

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return map(self.batch, self.buckets)

    def batch(self, lanes: Integer[np.ndarray, " B"]) -> Batch:
        """The batch of some sentences, by their index in `numbers`."""
        lengths = self.buckets.lengths[lanes]
        steps = np.arange(lengths.max())[:, None]
        running = steps < lengths
        places = np.where(running, self._starts[lanes] + steps, 0)
        distinct, which = np.unique(self._spellings[places[running]], return_inverse=True)
        letter_counts = self._letter_counts[distinct]

        def padded(values: np.ndarray) -> torch.Tensor:
            """One value a token of the batch, 0 after each sentence's end."""
            whole = np.zeros(running.shape, values.dtype)
            whole[running] = values
            return torch.from_numpy(whole)

        inputs = WordInputs(
            words=padded(self._words[distinct][which]),
            spellings=padded(which),
            characters=torch.from_numpy(self._letters[distinct, : letter_counts.max()].T.copy()),
            lengths=torch.from_numpy(letter_counts),
            seen=padded(self._seen[distinct][which]),
            majority_tag=padded(self._majority_tags[distinct][which]),
        )
        chunk = Chunk(inputs, lengths=torch.from_numpy(lengths))
        return Batch(chunk, targets=padded(self._tags[places[running]]))

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)


def _spelled(words: list[list[int]]) -> tuple[Integer[np.ndarray, "N C"], Integer[np.ndarray, " N"]]:
    """Words of ids as rows with padding, and their lengths."""
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    letters = np.full((len(words), lengths.max(initial=1)), PAD, dtype=np.int64)
    for row, word in zip(letters, words, strict=True):
        row[: len(word)] = word
    return letters, lengths
