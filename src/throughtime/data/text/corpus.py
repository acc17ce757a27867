"""Tokenized text: sources, splits, tokenizer and encoded ids, and the base class of all text data."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Integer

from throughtime.data.base import DataModule
from throughtime.data.fractions import check_split_fractions
from throughtime.data.text.cache import Cache, Encoded
from throughtime.data.text.source import SHIPPED, TextSource, find_sources
from throughtime.data.text.split import TextPart
from throughtime.errors import UserError, check_positive, check_seed
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.restore import tokenizer_from_state
from throughtime.tokenizer.stream import recut

_BLOCK = 1 << 24  # symbols


class Corpus:
    """The encoded splits of a text. The tokenizer is fitted on the training split unless it is already fitted.

    Args:
        sources: of the text.
        parts: the splits, by name.
        tokenizer: fitted or not.
        cache_dir: the folder of encoded text, None for the default one.
        boundaries: whether the tokenizer needs `<start>` and `<end>`.

    Attributes:
        encoded: the ids of each split.

    Raises:
        UserError: a split is empty, there is no training split to fit the tokenizer on, or a fitted one lacks
            boundaries.
    """

    def __init__(
        self,
        sources: dict[str, TextSource],
        parts: dict[str, TextPart],
        tokenizer: Tokenizer,
        cache_dir: str | os.PathLike[str] | None,
        boundaries: bool,
    ) -> None:
        for name, part in parts.items():
            if part.characters == 0:
                raise UserError(
                    f"the {name} split is empty; give it a larger fraction in data.split, or more text"
                )
        _fit(tokenizer, parts, boundaries)
        self.sources = sources
        self._parts = parts
        # Kept, as a cache that had to fall back lives in a temporary folder of its own.
        self._cache = Cache(cache_dir)
        self.encoded: dict[str, Encoded] = {
            name: self._cache.encoded(part, tokenizer) for name, part in parts.items()
        }

    @property
    def characters(self) -> dict[str, int]:
        """The characters of each split."""
        return {name: part.characters for name, part in self._parts.items()}

    def fingerprint(self) -> dict[str, Any]:
        """The sources (path, bytes, SHA-256) and the characters of each split, in plain values."""
        sources = {name: source.fingerprint() for name, source in self.sources.items()}
        return {"sources": sources, "characters": self.characters}

    def describe(self) -> str:
        """The names of the sources."""
        return ", ".join(str(source.path or SHIPPED) for source in self.sources.values())


def _fit(tokenizer: Tokenizer, parts: dict[str, TextPart], boundaries: bool) -> None:
    if not tokenizer.fitted:
        if "train" not in parts:
            raise UserError(
                "there is no training text to make a vocabulary from; give data.path or data.train_path, "
                "or the tokenizer of a checkpoint"
            )
        tokenizer.fit((piece.text for piece in recut(parts["train"].pieces())), boundaries)
    if boundaries and tokenizer.vocabulary.start is None:
        raise UserError(
            "this tokenizer was made from running text and has no <start> and <end>; "
            "evaluate its checkpoint on running text, not on lines"
        )


def _count(ids: Integer[np.ndarray, " N"], symbol: int) -> int:
    """The number of places with this symbol, by blocks: the ids may be larger than the memory."""
    return sum(int((ids[at : at + _BLOCK] == symbol).sum()) for at in range(0, len(ids), _BLOCK))


class TokenizedText(DataModule):
    """Base class of text data: symbols of one tokenizer, for a model that predicts the next one.

    `connect(tokenizer)` comes first, then `setup()`: it reads the text, fits the tokenizer on the training split (one
    that is already fitted is used as it is) and encodes what the cache does not have. With `test_path` alone, other
    text is evaluated by a fitted tokenizer.

    Args:
        paths: `path` (a file, a folder with all files below it, hidden ones excepted, or a glob; None for the text
            that Python ships), then the ready splits `train_path`, `val_path` and `test_path`, instead of `path`.
        encoding: the files' encoding; a byte order mark and any kind of line end are understood.
        split: the fractions for training, validation and test, in this order; 0 for none.
        batch_size: B of the training split.
        eval_batch_size: B of the other splits.
        cache_dir: the folder of encoded text; None for `$THROUGHTIME_CACHE` or `~/.cache/throughtime`.
        seed: of everything random.

    Attributes:
        boundaries: whether the tokenizer has `<start>` and `<end>`.
    """

    kind: ClassVar[str] = "text"
    boundaries: ClassVar[bool]

    def __init__(
        self,
        paths: tuple[str | None, str | None, str | None, str | None],
        encoding: str,
        split: Sequence[float | int],
        batch_size: int,
        eval_batch_size: int,
        cache_dir: str | None,
        seed: int,
    ) -> None:
        super().__init__()
        check_positive(**{"data.batch_size": batch_size, "data.eval_batch_size": eval_batch_size})
        self.encoding = encoding
        self.split = check_split_fractions(split)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.cache_dir = cache_dir
        self.seed = check_seed(seed)
        self.tokenizer: Tokenizer | None = None
        self._paths = paths
        self._corpus: Corpus | None = None
        self._train: Any = None

    def paths(self) -> dict[str, str | None]:
        names = ("data.path", "data.train_path", "data.val_path", "data.test_path")
        return dict(zip(names, self._paths, strict=True))

    def connect(self, tokenizer: Tokenizer) -> None:
        """Take the tokenizer that `setup` is to use."""
        self.tokenizer = tokenizer

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take the tokenizer that another run fitted."""
        self.connect(tokenizer_from_state(artifacts["tokenizer"]))

    def setup(self, stage: str | None = None) -> None:
        """Read, fit and encode; called for every stage, done once."""
        if self._corpus is not None:
            return
        if self.tokenizer is None:
            raise UserError("text data need a tokenizer: call connect(tokenizer) before setup()")
        sources = find_sources(*self._paths, self.encoding)
        parts = self._split(sources)
        self._corpus = Corpus(sources, parts, self.tokenizer, self.cache_dir, self.boundaries)
        self._check(self._corpus)
        if "train" in parts:
            self._train = self._loader("train", self.batch_size, training=True)

    @abstractmethod
    def _split(self, sources: dict[str, TextSource]) -> dict[str, TextPart]:
        """The parts of the sources that belong to each split."""

    def _check(self, corpus: Corpus) -> None:
        """Raise `UserError` where a split cannot be loaded."""

    @abstractmethod
    def _loader(self, split: str, batch_size: int, training: bool) -> Any:
        """A new loader of one split."""

    def loader(self, split: str) -> Any:
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        return (
            self._loader(split, self.eval_batch_size, training=False)
            if split in self._corpus.encoded
            else None
        )

    @property
    @abstractmethod
    def characters_per_token(self) -> dict[str, float]:
        """The characters that one target of each split covers on average."""

    @property
    def unknown_share(self) -> dict[str, float]:
        """The share of `<unk>` among the symbols of each split that is measured; {} where the tokenizer has none."""
        unknown = self.tokenizer.vocabulary.unknown
        if unknown is None:
            return {}
        return {
            name: _count(ids, unknown) / self.sizes[name]
            for name, (ids, _) in self._corpus.encoded.items()
            if name != "train"
        }

    def artifacts(self) -> dict[str, Any]:
        """The tokenizer, its size, the characters per token and the share of unknown symbols, in plain containers."""
        sizes = {"vocabulary_size": self.tokenizer.vocabulary_size}
        return {
            "input_sizes": sizes,
            "output_sizes": sizes,
            "tokenizer": self.tokenizer.state(),
            "characters_per_token": self.characters_per_token,
            "unknown_share": self.unknown_share,
        }

    def describe(self) -> str:
        """The names of the sources."""
        return self._corpus.describe()
