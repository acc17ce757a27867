"""`TaggingData`: sentences with a tag for every token (parts of speech, named entities, slots)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.data.base import DataModule
from throughtime.data.fractions import check_split_fractions
from throughtime.data.tagged.entity_schemes import convert, recognise, recognise_like, spans
from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentence_batches import SentenceBatches
from throughtime.data.tagged.sentences import LONGEST_SENTENCE, Format, Sentence, cut_sentence
from throughtime.data.tagged.splits import describe, fingerprints, read_splits
from throughtime.data.tagged.vectors import checksum, read_vectors
from throughtime.data.text.source import find_sources
from throughtime.errors import UserError, check_positive, check_seed


class TaggingData(DataModule):
    """Sentences in batches of about equal lengths; every batch starts from a fresh state.

    Tags of entities (`entity_schemes`) are recognised and turned into BIO. The lexicon is fitted on the training
    split; with `test_path` alone, `restore(artifacts)` gives one that is.

    Args:
        format: how files hold sentences and tags.
        path: a file, a folder or a glob.
        train_path, val_path, test_path: ready splits, instead of `path`.
        encoding: the files' encoding.
        split: the fractions for training, validation and test, in this order; 0 for none.
        batch_size: B, the sentences of a training batch.
        eval_batch_size: the sentences of a batch of the other splits; no metric depends on it.
        lowercase: whether words that differ in case alone have one vector.
        min_count: how often training must have a word for it to have a vector of its own.
        vectors: a file of pretrained vectors in the text format of GloVe or fastText.
        vector_words: how many of its first words join the vocabulary besides those of training.
        seed: of the order in each epoch.
    """

    kind: ClassVar[str] = "tags"

    def __init__(
        self,
        format: Format,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        encoding: str = "utf-8",
        split: Sequence[float | int] = (0.8, 0.1, 0.1),
        batch_size: int = 32,
        eval_batch_size: int = 64,
        lowercase: bool = False,
        min_count: int = 1,
        vectors: str | None = None,
        vector_words: int = 100_000,
        seed: int = 1,
    ) -> None:
        super().__init__()
        sizes = {"batch_size": batch_size, "eval_batch_size": eval_batch_size, "min_count": min_count}
        check_positive(**{f"data.{name}": size for name, size in sizes.items()})
        if vector_words < 0:
            raise UserError(f"data.vector_words must be at least 0, not {vector_words}")
        self.format = format
        self._paths = (path, train_path, val_path, test_path)
        self.encoding = encoding
        self.split = check_split_fractions(split)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.lowercase = lowercase
        self.min_count = min_count
        self._vectors_path = vectors
        self.vector_words = vector_words
        self.seed = check_seed(seed)
        self.lexicon: Lexicon | None = None
        self.scheme: str | None = None
        self._vectors: Float[Tensor, "V I"] | None = None
        self._vectors_read: dict[str, str] | None = None
        self._splits: dict[str, list[Sentence]] | None = None
        self._remarks: list[str] = []
        self._train: SentenceBatches | None = None

    def paths(self) -> dict[str, str | None]:
        names = ("data.path", "data.train_path", "data.val_path", "data.test_path")
        return {"data.vectors": self._vectors_path} | dict(zip(names, self._paths, strict=True))

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take the lexicon of a trained task instead of fitting one in `setup`."""
        self.lexicon = Lexicon(**artifacts["lexicon"])
        self.scheme = artifacts["scheme"]

    def setup(self, stage: str | None = None) -> None:
        """Read, split and fit; called for every stage, done once."""
        if self._splits is not None:
            return
        self._sources = find_sources(*self._paths, self.encoding) if any(self._paths) else None
        splits = read_splits(self.format, self._sources, self.split)
        if self.lexicon is None:
            if "train" not in splits:
                raise UserError("there is nothing to learn tags from; give data.path or data.train_path")
            self.scheme = recognise(sentence.tags for sentence in splits["train"])
        if self.scheme is not None:
            splits = {name: _in_bio(part, self.scheme) for name, part in splits.items()}
        sentences = [sentence for part in splits.values() for sentence in part]
        self._remarks = [*self.format.remarks(sentences), *_long_sentences(sentences)]
        splits = {
            name: [piece for sentence in part for piece in self._cut(sentence)]
            for name, part in splits.items()
        }
        if self.lexicon is None:
            self._fit(splits["train"])
        for name in splits.keys() - {"train"}:
            self._remarks += _unknown_tags(name, splits[name], set(self.lexicon.tags))
        self._splits = splits
        if "train" in splits:
            self._train = self._loader("train", self.batch_size, shuffle=True)

    def _cut(self, sentence: Sentence) -> list[Sentence]:
        """A long sentence in pieces, cut between entities where its tags have some."""
        is_cut = self.scheme is not None and len(sentence.tokens) > LONGEST_SENTENCE
        return cut_sentence(sentence, entities=spans(sentence.tags) if is_cut else ())

    def _fit(self, sentences: list[Sentence]) -> None:
        words: dict[str, Any] = {}
        if self._vectors_path is not None:
            own = {
                form for sentence in sentences for token in sentence.tokens for form in (token, token.lower())
            }
            words = read_vectors(self._vectors_path, own, self.vector_words, self.encoding)
            self._vectors_read = {"path": self._vectors_path, "sha256": checksum(self._vectors_path)}
        further = (word.lower() if self.lowercase else word for word in words)
        self.lexicon = Lexicon.fit(sentences, self.lowercase, self.min_count, further)
        if not words:
            return
        found = [words.get(word, words.get(word.lower())) for word in self.lexicon.words]
        size = len(next(iter(words.values())))
        self._vectors = torch.full((len(found) + 1, size), torch.nan)
        for number, vector in enumerate(found, 1):
            if vector is not None:
                self._vectors[number] = torch.from_numpy(vector)

    def _loader(self, name: str, batch_size: int, shuffle: bool = False) -> SentenceBatches:
        return SentenceBatches(self._splits[name], self.lexicon, batch_size, shuffle, self.seed)

    def loader(self, split: str) -> SentenceBatches | None:
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        return self._loader(split, self.eval_batch_size) if split in self._splits else None

    def pretrained(self) -> dict[str, Tensor]:
        """The word vectors of `data.vectors`, `[V, I]`, for the embedding of words."""
        return {} if self._vectors is None else {"model.front.weight": self._vectors}

    def artifacts(self) -> dict[str, Any]:
        """Sizes, lexicon, tag scheme and file format, in plain containers."""
        return {
            "input_sizes": self.lexicon.input_sizes,
            "output_sizes": {"vocabulary_size": len(self.lexicon.tags)},
            "lexicon": self.lexicon.state(),
            "scheme": self.scheme,
            "signs": sorted(self.format.signs & set(self.lexicon.tags)),
            "format": {"name": type(self.format).__name__, **self.format.state()},
        }

    def describe(self) -> str:
        """The origin of the sentences, the number of their tags, and the lines that are no tokens."""
        tags = f"{len(self.lexicon.tags)} tags" + (f" ({self.scheme})" if self.scheme else "")
        return ", ".join([describe(self.format, self._sources), tags, *self._remarks])

    @property
    def sizes(self) -> dict[str, int]:
        """The tokens of each split."""
        return {name: sum(len(sentence.tokens) for sentence in part) for name, part in self._splits.items()}

    def fingerprint(self) -> dict[str, Any]:
        """The sources, and the tokens and sentences of each split."""
        sentences = {name: len(part) for name, part in self._splits.items()}
        sources = fingerprints(self.format, self._sources)
        found = {"sources": sources, "tokens": self.sizes, "sentences": sentences, "split": list(self.split)}
        return found if self._vectors_read is None else found | {"vectors": self._vectors_read}


def _in_bio(sentences: list[Sentence], trained: str) -> list[Sentence]:
    """The sentences of one split with their entities in BIO, whichever scheme they are in."""
    scheme = recognise_like((sentence.tags for sentence in sentences), trained)
    return [sentence._replace(tags=convert(sentence.tags, "BIO", scheme)) for sentence in sentences]


def _long_sentences(sentences: list[Sentence]) -> list[str]:
    """A statement on sentences that are cut into pieces."""
    long = [sentence for sentence in sentences if len(sentence.tokens) > LONGEST_SENTENCE]
    if not long:
        return []
    longest = max(len(sentence.tokens) for sentence in long)
    return [
        f"{len(long):,} sentences of up to {longest:,} tokens, the first at {long[0].name}, line {long[0].line}, cut "
        f"into pieces of up to {LONGEST_SENTENCE:,} (an empty line ends a sentence)"
    ]


def _unknown_tags(split: str, sentences: list[Sentence], tags: set[str]) -> list[str]:
    """A statement on the sentences of a split that have tags which training lacks, and so no loss.

    Raises:
        UserError: these are all of them.
    """
    filled = [sentence for sentence in sentences if sentence.tokens]
    unknown = [sentence for sentence in filled if not tags.issuperset(sentence.tags)]
    if not unknown:
        return []
    first = unknown[0]
    place, tag = next((place, tag) for place, tag in enumerate(first.tags) if tag not in tags)
    shown = f"such as {tag!r} of {first.tokens[place]!r} in the sentence at {first.name}, line {first.line}"
    if len(unknown) == len(filled):
        raise UserError(
            f"every sentence of the {split} split has a tag that training lacks, {shown}, so that there is no loss "
            "to measure; give training and the other splits the same tags, or shuffle the sentences of the file"
        )
    return [
        f"{len(unknown):,} of {len(filled):,} sentences of the {split} split with tags that training lacks, "
        f"{shown}, which are left out of its loss"
    ]
