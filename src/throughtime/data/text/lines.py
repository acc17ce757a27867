"""Lines that stand for themselves: names, formulas, verses."""

from collections.abc import Sequence
from typing import Any

from lightning import LightningDataModule

from throughtime.data.text.corpus import Corpus, check_connected, check_seed, text_artifacts
from throughtime.data.text.line_batches import LineBatches
from throughtime.data.text.source import find_sources
from throughtime.data.text.split import ORDERS, check_split, lines, split_lines
from throughtime.errors import check_choice, check_positive
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.restore import tokenizer_from_state


class LinesData(LightningDataModule):
    """Each line is a sequence with a start and an end; every batch starts from a fresh state.

    `connect(tokenizer)` and `setup()` as in `TextData`; the tokenizer is fitted with `<start>` and `<end>`.
    Empty lines are left out; the fingerprint tells how many. A line's end counts as one character, the line
    feed that it stands for.

    Args:
        path: a file, a folder (all files below, hidden ones left out) or a glob; None for the text that
            Python ships.
        train_path, val_path, test_path: ready splits, instead of `path`.
        encoding: the files' encoding; a byte order mark and any kind of line end are understood.
        split: the fractions of lines for training, validation and test, in this order; 0 for none.
        split_order: `contiguous` splits the lines as they stand, `shuffled` deals them at random by the seed
            (for files in alphabetical or other meaningful order).
        batch_size: B, the lines of a training batch.
        eval_batch_size: the lines of a batch of the other splits; no measure depends on it.
        cache_dir: the folder of encoded text; None for `$THROUGHTIME_CACHE` or `~/.cache/throughtime`.
        seed: of the shuffled split and of the order in each epoch.
    """

    kind = "text"

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
        cache_dir: str | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        check_positive(**{"data.batch_size": batch_size, "data.eval_batch_size": eval_batch_size})
        check_choice(ORDERS, **{"data.split_order": split_order})
        check_seed(seed)
        self.paths = (path, train_path, val_path, test_path)
        self.encoding = encoding
        self.split = check_split(split)
        self.split_order = split_order
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.cache_dir = cache_dir
        self.seed = seed
        self.tokenizer: Tokenizer | None = None
        self._corpus: Corpus | None = None
        self._train: LineBatches | None = None
        self._empty_lines = 0

    def connect(self, tokenizer: Tokenizer) -> None:
        """Take the tokenizer that `setup` is to use."""
        self.tokenizer = tokenizer

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take what another run fitted, so that `setup` fits nothing."""
        self.connect(tokenizer_from_state(artifacts["tokenizer"]))

    def setup(self, stage: str | None = None) -> None:
        """Read, fit and encode, once whatever the stage."""
        if self._corpus is not None:
            return
        sources = find_sources(*self.paths, self.encoding)
        parts = split_lines(sources, self.split, self.split_order, self.seed)
        self._empty_lines = sum(not line.text for source in sources.values() for line in lines(source))
        self._corpus = Corpus(
            sources, parts, check_connected(self.tokenizer), self.cache_dir, boundaries=True
        )
        if "train" in parts:
            self._train = self._batches("train", self.batch_size, shuffle=True)

    def _batches(self, name: str, batch_size: int, shuffle: bool = False) -> LineBatches:
        ids, starts = self._corpus.encoded[name]
        vocabulary = self.tokenizer.vocabulary
        return LineBatches(ids, starts, vocabulary.start, vocabulary.end, batch_size, shuffle, self.seed)

    def train_dataloader(self) -> LineBatches | list:
        """The training batches, always the same object; an empty list where there is no such split."""
        return [] if self._train is None else self._train

    def val_dataloader(self) -> LineBatches | list:
        """The validation batches, or an empty list."""
        return self._batches("val", self.eval_batch_size) if "val" in self._corpus.encoded else []

    def test_dataloader(self) -> LineBatches | list:
        """The test batches, or an empty list."""
        return self._batches("test", self.eval_batch_size) if "test" in self._corpus.encoded else []

    def artifacts(self) -> dict[str, Any]:
        """What was fitted here and a task needs, in plain containers; a checkpoint keeps it."""
        return text_artifacts(self.tokenizer, self.characters_per_token)

    def describe(self) -> str:
        """Where the text comes from, in a few words."""
        return self._corpus.describe()

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
        """The characters that a target covers on average, an end being one character and one target."""
        characters, lines_of = self._corpus.characters, self.sequences
        return {name: (characters[name] + lines_of[name]) / size for name, size in self.sizes.items()}

    def fingerprint(self) -> dict[str, Any]:
        """What the data are, in plain values: sources, characters, symbols and lines of each split."""
        chosen = {
            "split": list(self.split),
            "split_order": self.split_order,
            "empty_lines": self._empty_lines,
        }
        return self._corpus.fingerprint() | {"tokens": self.sizes, "lines": self.sequences} | chosen
