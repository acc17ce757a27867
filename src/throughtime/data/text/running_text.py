"""Running text: contiguous lanes of one long stream of symbols, in chunks."""

from collections.abc import Sequence
from typing import Any, ClassVar

from throughtime.data.lanes import Lanes
from throughtime.data.text.corpus import Corpus, TokenizedText
from throughtime.data.text.source import TextSource
from throughtime.data.text.split import TextPart, split_characters
from throughtime.errors import UserError, check_positive


class TextData(TokenizedText):
    """Running text for a model that predicts the next symbol; a lane's state starts anew where a file begins.

    Args:
        path, train_path, val_path, test_path, encoding, cache_dir: as in `TokenizedText`.
        split: the fractions of characters for training, validation and test, in this order; 0 for none.
        chunk_length: T, the steps between two updates (k1 of truncated backpropagation through time).
        batch_size: B, the lanes of the training split.
        eval_batch_size: the lanes of the other splits. Their number does not follow `batch_size`, because the loss
            depends on it: each lane starts without context.
        random_offset: whether each epoch begins at another position of the text.
        seed: of the random offsets.
    """

    boundaries: ClassVar[bool] = False

    def __init__(
        self,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        encoding: str = "utf-8",
        split: Sequence[float | int] = (0.9, 0.05, 0.05),
        chunk_length: int = 64,
        batch_size: int = 32,
        eval_batch_size: int = 16,
        random_offset: bool = False,
        cache_dir: str | None = None,
        seed: int = 1,
    ) -> None:
        check_positive(**{"data.chunk_length": chunk_length})
        paths = (path, train_path, val_path, test_path)
        super().__init__(paths, encoding, split, batch_size, eval_batch_size, cache_dir, seed)
        self.chunk_length = chunk_length
        self.random_offset = random_offset

    def _split(self, sources: dict[str, TextSource]) -> dict[str, TextPart]:
        return split_characters(sources, self.split)

    def _check(self, corpus: Corpus) -> None:
        for name, (ids, _) in corpus.encoded.items():
            if len(ids) <= self.chunk_length:
                raise UserError(
                    f"the {name} split has {len(ids)} symbols, but one chunk of data.chunk_length="
                    f"{self.chunk_length} needs {self.chunk_length + 1}; give more text, a larger fraction "
                    "in data.split, or a shorter chunk"
                )

    def _loader(self, split: str, batch_size: int, training: bool) -> Lanes:
        ids, documents = self._corpus.encoded[split]
        random_offset = training and self.random_offset
        return Lanes(ids, batch_size, self.chunk_length, documents, random_offset, self.seed)

    @property
    def sizes(self) -> dict[str, int]:
        """The symbols of each split."""
        return {name: len(ids) for name, (ids, _) in self._corpus.encoded.items()}

    @property
    def characters_per_token(self) -> dict[str, float]:
        """The characters that one target covers on average; the first symbol of a split is no target."""
        characters = self._corpus.characters
        return {
            name: (characters[name] - len(self.tokenizer.decode(ids[:1]))) / (len(ids) - 1)
            for name, (ids, _) in self._corpus.encoded.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """The sources, and the characters and symbols of each split."""
        return self._corpus.fingerprint() | {"tokens": self.sizes, "split": list(self.split)}
