"""Running text: lanes of one long stream of symbols, cut into chunks."""

from collections.abc import Sequence
from typing import Any

from lightning import LightningDataModule

from throughtime.data.lanes import Lanes
from throughtime.data.text.corpus import Corpus, check_connected, check_seed, text_artifacts
from throughtime.data.text.source import find_sources
from throughtime.data.text.split import check_split, split_characters
from throughtime.errors import UserError, check_positive
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.restore import tokenizer_from_state


class TextData(LightningDataModule):
    """Running text for a model that predicts the next symbol.

    `connect(tokenizer)` comes first, then `setup()`: it reads the text, fits the tokenizer on the training
    split (one that is fitted is used as it is) and encodes what the cache does not have. With `test_path`
    alone, other text is evaluated by a tokenizer that is fitted. A lane's state starts anew where a file
    begins.

    Args:
        path: a file, a folder (all files below, hidden ones left out) or a glob; None for the text that
            Python ships.
        train_path, val_path, test_path: ready splits, instead of `path`.
        encoding: the files' encoding; a byte order mark and any kind of line end are understood.
        split: the fractions of characters for training, validation and test, in this order; 0 for none.
        chunk_length: T, the steps between two updates (k1 of truncated backpropagation through time).
        batch_size: B, the lanes of the training split.
        eval_batch_size: the lanes of the others; their number is fixed, as a lane that starts without
            context pays for it.
        random_offset: whether each epoch begins at another place of the text.
        cache_dir: the folder of encoded text; None for `$THROUGHTIME_CACHE` or `~/.cache/throughtime`.
        seed: of the random offsets.
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
        chunk_length: int = 64,
        batch_size: int = 32,
        eval_batch_size: int = 16,
        random_offset: bool = False,
        cache_dir: str | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        sizes = {"chunk_length": chunk_length, "batch_size": batch_size, "eval_batch_size": eval_batch_size}
        check_positive(**{f"data.{name}": size for name, size in sizes.items()})
        check_seed(seed)
        self.paths = (path, train_path, val_path, test_path)
        self.encoding = encoding
        self.split = check_split(split)
        self.chunk_length = chunk_length
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.random_offset = random_offset
        self.cache_dir = cache_dir
        self.seed = seed
        self.tokenizer: Tokenizer | None = None
        self._corpus: Corpus | None = None
        self._train: Lanes | None = None

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
        parts = split_characters(sources, self.split)
        corpus = Corpus(sources, parts, check_connected(self.tokenizer), self.cache_dir, boundaries=False)
        for name, (ids, _) in corpus.encoded.items():
            if len(ids) <= self.chunk_length:
                raise UserError(
                    f"the {name} split has {len(ids)} symbols, but one chunk of data.chunk_length="
                    f"{self.chunk_length} needs {self.chunk_length + 1}; give more text, a larger fraction "
                    "in data.split, or a shorter chunk"
                )
        self._corpus = corpus
        if "train" in corpus.encoded:
            self._train = self._lanes("train", self.batch_size, self.random_offset)

    def _lanes(self, name: str, lanes: int, random_offset: bool = False) -> Lanes:
        ids, documents = self._corpus.encoded[name]
        return Lanes(ids, lanes, self.chunk_length, documents, random_offset, self.seed)

    def train_dataloader(self) -> Lanes | list:
        """The training lanes, always the same object; an empty list where there is no such split."""
        return [] if self._train is None else self._train

    def val_dataloader(self) -> Lanes | list:
        """The validation lanes, or an empty list."""
        return self._lanes("val", self.eval_batch_size) if "val" in self._corpus.encoded else []

    def test_dataloader(self) -> Lanes | list:
        """The test lanes, or an empty list."""
        return self._lanes("test", self.eval_batch_size) if "test" in self._corpus.encoded else []

    def artifacts(self) -> dict[str, Any]:
        """What was fitted here and a task needs, in plain containers; a checkpoint keeps it."""
        return text_artifacts(self.tokenizer, self.characters_per_token)

    def describe(self) -> str:
        """Where the text comes from, in a few words."""
        return self._corpus.describe()

    @property
    def sizes(self) -> dict[str, int]:
        """The symbols of each split."""
        return {name: len(ids) for name, (ids, _) in self._corpus.encoded.items()}

    @property
    def characters_per_token(self) -> dict[str, float]:
        """The characters that a target covers on average; the first symbol of a split is no target."""
        characters = self._corpus.characters
        return {
            name: (characters[name] - len(self.tokenizer.decode(ids[:1]))) / (len(ids) - 1)
            for name, (ids, _) in self._corpus.encoded.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """What the data are, in plain values: sources, characters and symbols of each split."""
        return self._corpus.fingerprint() | {"tokens": self.sizes, "split": list(self.split)}
