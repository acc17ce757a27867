"""Lines of text as separate sequences, such as names, formulas or verses, in padded batches."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Integer

from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets
from throughtime.data.text.corpus import TokenizedText
from throughtime.data.text.source import TextSource
from throughtime.data.text.split import SPLIT_ORDERS, TextPart, all_lines, split_lines
from throughtime.errors import check_choice, check_positive


class LinesData(TokenizedText):
    """Each line is a sequence with a start and an end, which starts from a fresh state.

    A line of more than `chunk_length` symbols is cut into chunks that follow each other: the state is carried from
    one to the next, and the gradient is that of the chunk (truncated backpropagation through time). So memory does
    not grow with the longest line.

    Empty lines are left out; the fingerprint has their number. A line's end counts as one character, the line feed
    that it stands for.

    Args:
        path, train_path, val_path, test_path, encoding, cache_dir: as in `TokenizedText`.
        split: the fractions of lines for training, validation and test, in this order; 0 for none.
        split_order: `contiguous` splits the lines in their order, `shuffled` at random by the seed (for files in
            alphabetical or other meaningful order).
        batch_size: B, the lines of a training batch.
        eval_batch_size: the lines of a batch of the other splits; no metric depends on it.
        chunk_length: the most steps of a batch.
        seed: of the shuffled split and of the order in each epoch.
    """

    boundaries: ClassVar[bool] = True

    def __init__(
        self,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        encoding: str = "utf-8",
        split: Sequence[float | int] = (0.9, 0.05, 0.05),
        split_order: str = "contiguous",
        batch_size: int = 32,
        eval_batch_size: int = 64,
        chunk_length: int = 1000,
        cache_dir: str | None = None,
        seed: int = 1,
    ) -> None:
        paths = (path, train_path, val_path, test_path)
        super().__init__(paths, encoding, split, batch_size, eval_batch_size, cache_dir, seed)
        check_choice(SPLIT_ORDERS, **{"data.split_order": split_order})
        check_positive(**{"data.chunk_length": chunk_length})
        self.split_order = split_order
        self.chunk_length = chunk_length
        self._empty_lines = 0

    def _split(self, sources: dict[str, TextSource]) -> dict[str, TextPart]:
        parts = split_lines(sources, self.split, self.split_order, self.seed)
        self._empty_lines = sum(not line.text for source in sources.values() for line in all_lines(source))
        return parts

    def _loader(self, split: str, batch_size: int, training: bool) -> "LineBatches":
        ids, starts = self._corpus.encoded[split]
        vocabulary = self.tokenizer.vocabulary
        ends = vocabulary.start, vocabulary.end
        return LineBatches(ids, starts, *ends, batch_size, training, self.seed, self.chunk_length)

    @property
    def sequences(self) -> dict[str, int]:
        """The lines of each split."""
        return {name: len(starts) for name, (_, starts) in self._corpus.encoded.items()}

    @property
    def sizes(self) -> dict[str, int]:
        """The symbols of each split, with one end for each line."""
        return {name: len(ids) + len(starts) for name, (ids, starts) in self._corpus.encoded.items()}

    @property
    def characters_per_token(self) -> dict[str, float]:
        """The characters that one target covers on average, an end being one character and one target."""
        characters, lines = self._corpus.characters, self.sequences
        return {name: (characters[name] + lines[name]) / size for name, size in self.sizes.items()}

    def fingerprint(self) -> dict[str, Any]:
        """The sources, and the characters, symbols and lines of each split."""
        chosen = {
            "split": list(self.split),
            "split_order": self.split_order,
            "empty_lines": self._empty_lines,
        }
        return self._corpus.fingerprint() | {"tokens": self.sizes, "lines": self.sequences} | chosen


class LineBatches:
    """Batches of whole sequences: `<start> a b c` is the input, `a b c <end>` the target.

    The steps of a batch are those of its longest sequence, up to `chunk_length`; the batches with the further chunks
    of longer sequences follow.

    Args:
        ids: the symbols of all sequences, one after another, `[N]`.
        starts: where each sequence begins in `ids`, `[n]`.
        start, end: the ids of the two boundaries.
        batch_size: B; the last batch of a pool may have fewer lanes.
        shuffle: whether each epoch has another order.
        seed: of the orders.
        chunk_length: the most steps of a batch; None for no limit.

    Attributes:
        buckets: which sequences are in which batch.
    """

    def __init__(
        self,
        ids: Integer[np.ndarray, " N"],
        starts: Integer[np.ndarray, " n"],
        start: int,
        end: int,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 1,
        chunk_length: int | None = None,
    ) -> None:
        self.ids = ids
        self.start = start
        self.end = end
        self._starts = starts
        self.chunk_length = chunk_length
        lengths = np.diff(starts, append=len(ids)) + 1
        self.buckets = LengthBuckets(lengths, batch_size, shuffle, seed, chunk_length)

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return (self._batch(*chunk) for chunk in self.buckets.chunks())

    def _batch(self, lines: Integer[np.ndarray, " B"], number: int) -> Batch:
        """The chunk of this number, from 0, of some sequences."""
        lengths = self.buckets.lengths[lines]
        first = number * (self.chunk_length or 0)
        stop = min(lengths.max(), first + self.chunk_length) if self.chunk_length else lengths.max()
        steps = np.arange(first, stop)[:, None]
        symbols = lengths - 1
        places = self._starts[lines] + steps
        targets = np.where(steps < symbols, self._symbols(places), np.where(steps == symbols, self.end, 0))
        inputs = np.where((steps > 0) & (steps <= symbols), self._symbols(places - 1), 0)
        inputs[steps[:, 0] == 0] = self.start
        chunk = Chunk(
            torch.from_numpy(inputs),
            lengths=torch.from_numpy(np.minimum(lengths - first, len(steps))),
            fresh=number == 0,
        )
        return Batch(chunk, torch.from_numpy(targets))

    def _symbols(self, places: Integer[np.ndarray, "T B"]) -> Integer[np.ndarray, "T B"]:
        """The symbols at some places; any symbol for a place outside."""
        return self.ids[np.clip(places, 0, len(self.ids) - 1)].astype(np.int64)

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)
