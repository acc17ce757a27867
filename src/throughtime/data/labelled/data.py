"""`LabelledData`: sequences with a class, or with several labels at once, for each whole sequence."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Integer

from throughtime.data.base import DataModule
from throughtime.data.buckets import LengthBuckets
from throughtime.data.fractions import SPLIT_NAMES, check_split_fractions
from throughtime.data.labelled.batches import LabelledBatches
from throughtime.data.labelled.sequences import Augmentation, SequenceSet, SequenceSource, joined
from throughtime.data.labelled.sources import source_state
from throughtime.data.labelled.splits import Parts, label_names, split_sequences
from throughtime.data.labelled.standardise import KINDS_WITH_GROUPS, Standardiser
from throughtime.data.memory import largest_batch
from throughtime.errors import UserError, check_choice, check_positive, check_seed
from throughtime.tokenizer.base import Tokenizer

FEW = 8
"""Labels that a message lists."""


class LabelledData(DataModule):
    """Labelled sequences in batches of about equal lengths.

    Labels, standardisation and symbols are those of the training part; with `test_path` alone, `restore(artifacts)`
    gives them.

    Args:
        source: reads the sequences.
        path: a file, a folder or a glob; None for the data that the source brings itself.
        train_path, val_path, test_path: ready splits, instead of `path`.
        split: the fractions for training, validation and test, in this order; 0 for none. Of data with a usual split,
            the share of validation is that of the training part.
        split_seed: of the split; it is not the seed of the run, so that runs of several seeds share one test part.
        group: whether no group (speaker, writer, patient, …) is in two parts; or the name of what makes a group, where
            the source has several.
        folds, fold: k, and which of the k folds is the test part, from 0; None for a single split.
        name: which of the sets that the source brings itself, where it has several; None for its default.
        resample: which stratified resample of a usual split, of the same sizes; 0 for the split itself.
        batch_size: B, the sequences of a training batch.
        eval_batch_size: the sequences of a batch of the other splits; no metric depends on it.
        chunk_length: T of a chunk of longer sequences (k1 of truncated backpropagation); None for whole sequences.
        standardise: `channel` by the mean and the deviation of training, `sequence` by those of each sequence, `group`
            by those of all sequences of a group that are in the same part, `none`.
        augmentation: changes training sequences anew in every epoch.
        seed: of the order in each epoch, and of the augmentation.
    """

    kind: ClassVar[str] = "labels"
    unit: ClassVar[str] = "sequences"

    def __init__(
        self,
        source: SequenceSource,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        split: Sequence[float | int] = (0.7, 0.1, 0.2),
        split_seed: int = 1,
        group: bool | str = False,
        folds: int | None = None,
        fold: int = 0,
        name: str | None = None,
        resample: int = 0,
        batch_size: int = 32,
        eval_batch_size: int = 256,
        chunk_length: int | None = None,
        standardise: str = "channel",
        augmentation: Augmentation | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        sizes = {"batch_size": batch_size, "eval_batch_size": eval_batch_size}
        check_positive(**{f"data.{name}": size for name, size in sizes.items()})
        if chunk_length is not None:
            check_positive(**{"data.chunk_length": chunk_length})
        check_choice(KINDS_WITH_GROUPS, **{"data.standardise": standardise})
        if standardise == "group" and not group:
            raise UserError("data.standardise=group needs data.group, which says what a group is; set both")
        self.source = source
        self._paths = {"path": path, "train_path": train_path, "val_path": val_path, "test_path": test_path}
        self.split = check_split_fractions(split)
        self.split_seed = check_seed(split_seed)
        self.group = group
        self.folds, self.fold = folds, fold
        self.name = name
        self.resample = resample
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.chunk_length = chunk_length
        self.standardise = standardise
        self.augmentation = augmentation
        self.seed = check_seed(seed)
        self.labels: list[str] | None = None
        self.multilabel = False
        self.standardiser: Standardiser | None = None
        self._restored: dict[str, Any] | None = None
        self._found: SequenceSet | None = None
        self._parts: Parts = {}
        self._train: LabelledBatches | None = None

    def paths(self) -> dict[str, str | None]:
        return self.source.paths() | {f"data.{name}": path for name, path in self._paths.items()}

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take labels and standardisation of a trained task instead of fitting them in `setup`."""
        self._restored = artifacts
        self.labels = list(artifacts["labels"])
        self.multilabel = artifacts["multilabel"]
        self.standardiser = Standardiser.from_state(artifacts["standardiser"])
        self.source.restore(artifacts["source"])

    def connect(self, tokenizer: Tokenizer) -> None:
        """Take the tokenizer of a source of text."""
        self.source.connect(tokenizer)

    def setup(self, stage: str | None = None) -> None:
        """Read, split and fit; called for every stage, done once."""
        if self._found is not None:
            return
        if isinstance(self.group, str):
            self.source.group_by(self.group)
        if self.name is not None:
            self.source.choose(self.name)
        found, self._parts = self._prepared()
        if self.labels is None:
            self._fit(found)
        else:
            self._check_fits(found)
        if self.augmentation is not None:
            self.augmentation.connect(self.source)
        self._found = found
        if "train" in self._parts:
            self._train = self._loader("train", self.batch_size, shuffle=True)

    def _prepared(self) -> tuple[SequenceSet, Parts]:
        """The sequences as a model takes them, and the numbers of those of each part."""
        found, parts = self.divided()
        return self.source.encoded(found, parts.get("train", np.zeros(0, dtype=np.int64)).tolist()), parts

    def divided(self) -> tuple[SequenceSet, Parts]:
        """The sequences as they were read, and the numbers of those of each part."""
        found = self._read()
        found.check()
        _check_kinds(found)
        parts = split_sequences(
            found, self.split, bool(self.group), self.folds, self.fold, self.split_seed, self.resample
        )
        return found, parts

    def _read(self) -> SequenceSet:
        """All sequences that the paths name; those of ready splits know their part."""
        path = self._paths["path"]
        ready = {name: self._paths[f"{name}_path"] for name in SPLIT_NAMES}
        given = {name: place for name, place in ready.items() if place is not None}
        if path is not None and given:
            raise UserError(
                f"data.path and data.{next(iter(given))}_path exclude each other; give data.path to split, or "
                "data.train_path, data.val_path and data.test_path as ready splits"
            )
        if self.name is not None and (path is not None or given):
            raise UserError(
                f"data.name={self.name} and the paths of files exclude each other; set data.name=null to read files"
            )
        if "val" in given and "train" not in given:
            raise UserError("data.val_path needs data.train_path beside it")
        if given:
            sets = {name: self.source.read(place) for name, place in given.items()}
            return joined([replace(one, split=[name] * len(one)) for name, one in sets.items()])
        if path is not None:
            return self.source.read(path)
        shipped = self.source.shipped()
        if shipped is None:
            raise UserError(
                "there is nothing to read; give data.path to be split, or data.train_path, data.val_path and "
                "data.test_path as ready splits"
            )
        return shipped

    def _fit(self, found: SequenceSet) -> None:
        if "train" not in self._parts:
            raise UserError("there is nothing to learn labels from; give data.path or data.train_path")
        numbers = self._parts["train"]
        names = {name for number in numbers for name in label_names(found.labels[number])}
        self.multilabel = found.multilabel
        self.labels = sorted(names, key=label_order(names))
        least = 1 if self.multilabel else 2
        if len(self.labels) < least:
            one = f"only one class, {self.labels[0]}" if self.labels else "no label"
            raise UserError(f"the training part has {one}; at least {least} are needed")
        self.standardiser = self._fitted_standardiser(found)

    def _fitted_standardiser(self, found: SequenceSet) -> Standardiser:
        return Standardiser.fit(
            self.standardise, [found.sequences[number] for number in self._parts["train"]]
        )

    def _check_fits(self, found: SequenceSet) -> None:
        """Raise `UserError` unless the sequences are as those that the labels were learned from."""
        check_like(self._restored, found)
        if found.multilabel and not self.multilabel:
            raise UserError(
                f"{found.description}: several labels hold at once, but the model was trained on one class a sequence"
            )
        known = set(self.labels)
        for name, label in zip(found.names, found.labels, strict=True):
            unknown = next((one for one in label_names(label) if one not in known), None)
            if unknown is not None:
                raise UserError(
                    f"{name}: the label {unknown} is none of the model's, which are "
                    f"{', '.join(self.labels[:FEW])}{', …' if len(self.labels) > FEW else ''}"
                )

    def _loader(self, part: str, batch_size: int, shuffle: bool = False) -> LabelledBatches:
        numbers, groups = self._parts[part], self._found.groups
        sequences = [self._found.sequences[number] for number in numbers]
        return LabelledBatches(
            sequences,
            targets_of([self._found.labels[number] for number in numbers], self.labels, self.multilabel),
            self.standardiser,
            batch_size,
            shuffle,
            self.seed,
            self.chunk_length,
            self.augmentation if shuffle else None,
            self._buckets(sequences, batch_size, shuffle),
            None if groups is None else [groups[number] for number in numbers],
        )

    def _buckets(
        self, sequences: Sequence[np.ndarray], batch_size: int, shuffle: bool
    ) -> LengthBuckets | None:
        """The sequences of each batch of a part; None for those of about equal lengths."""
        return None

    def loader(self, split: str) -> LabelledBatches | None:
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        return self._loader(split, self.eval_batch_size) if split in self._parts else None

    def part(self, split: str) -> SequenceSet:
        """The sequences of one split, as they were read; empty where there is no such split."""
        numbers = self._parts.get(split, np.zeros(0, dtype=np.int64))
        found = self._found

        def chosen(values: list[Any] | None) -> list[Any] | None:
            return None if values is None else [values[number] for number in numbers]

        return replace(
            found,
            sequences=chosen(found.sequences),
            labels=chosen(found.labels),
            names=chosen(found.names),
            groups=chosen(found.groups),
            split=chosen(found.split),
        )

    def series(self) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
        """The series [n, C] of the training and of the test part; None where the sequences are not made of series."""
        if self.source.series(self._found.sequences[0]) is None:
            return None
        train, test = (
            [self.source.series(sequence) for sequence in self.part(name).sequences]
            for name in ("train", "test")
        )
        return train, test

    def artifacts(self) -> dict[str, Any]:
        """Labels, sizes, standardisation, and how the source reads, in plain containers."""
        found = self._found
        if found.symbols is not None:
            input_sizes: dict[str, Any] = {"vocabulary_size": len(found.symbols)}
        else:
            input_sizes = {"input_size": found.sequences[0].shape[1]}
            if found.frame_shape is not None:
                input_sizes["frame_shape"] = list(found.frame_shape)
        counts = Counter(
            name for number in self._parts.get("train", ()) for name in label_names(found.labels[number])
        )
        output_sizes: dict[str, Any] = {
            "vocabulary_size": len(self.labels),
            "class_counts": [counts[name] for name in self.labels],
        }
        if self.multilabel:
            output_sizes["examples"] = len(self._parts.get("train", ()))
        if self._restored is not None:
            output_sizes = dict(self._restored["output_sizes"])
        return {
            "input_sizes": input_sizes,
            "output_sizes": output_sizes,
            "labels": list(self.labels),
            "multilabel": self.multilabel,
            "standardiser": self.standardiser.state(),
            "source": source_state(self.source),
            "channels": list(found.channels),
            "symbols": None if found.symbols is None else list(found.symbols),
            "mirror": self.source.mirror(),
            "chunk_length": self.chunk_length,
            "chunked": self._longest > self._steps,
            "largest_batch": largest_batch(self._steps, self.sizes, self.batch_size, self.eval_batch_size),
        }

    @property
    def _longest(self) -> int:
        return max(len(sequence) for sequence in self._found.sequences)

    @property
    def _steps(self) -> int:
        """The most steps of a batch."""
        return self._longest if self.chunk_length is None else min(self._longest, self.chunk_length)

    def describe(self) -> str:
        """The origin of the sequences, their lengths, and the number of their labels."""
        lengths = [len(sequence) for sequence in self._found.sequences]
        steps = f"{min(lengths)}" if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)}"
        noun = "labels, several at once" if self.multilabel else "classes"
        fold = "" if self.folds is None else f", fold {self.fold} of {self.folds}"
        fold += f", resample {self.resample}" if self.resample else ""
        return f"{self._found.description}, T={steps}, {len(self.labels)} {noun}{fold}"

    @property
    def sizes(self) -> dict[str, int]:
        """The sequences of each split."""
        return {name: len(numbers) for name, numbers in self._parts.items()}

    def fingerprint(self) -> dict[str, Any]:
        """The source and a hash of all sequences and labels, and how they are split."""
        digest = hashlib.sha256()
        for sequence, label in zip(self._found.sequences, self._found.labels, strict=True):
            digest.update(f"{sequence.shape}{sequence.dtype}{label}".encode())
            digest.update(np.ascontiguousarray(sequence).tobytes())
        split = {"fractions": list(self.split), "seed": self.split_seed, "group": self.group}
        if self.resample:
            split["resample"] = self.resample
        return {
            "source": source_state(self.source),
            "paths": {name: path for name, path in self.paths().items() if path is not None},
            "sha256": digest.hexdigest(),
            "sequences": self.sizes,
            "split": split | {"folds": self.folds, "fold": self.fold},
        }


def targets_of(
    labels: Sequence[Any], known: Sequence[str], multilabel: bool
) -> Integer[np.ndarray, " N"] | Float[np.ndarray, "N K"]:
    """The numbers of the classes `[N]`, or marks of the labels that hold `[N, K]`."""
    numbers = {name: number for number, name in enumerate(known)}
    if not multilabel:
        return np.array([numbers[label] for label in labels], dtype=np.int64)
    marks = np.zeros((len(labels), len(known)), dtype=np.float32)
    for row, label in zip(marks, labels, strict=True):
        row[[numbers[name] for name in label_names(label)]] = 1
    return marks


def check_like(artifacts: dict[str, Any], found: SequenceSet) -> None:
    """Raise `UserError` unless sequences have the features, or the symbols, of those that a model was trained on."""
    symbols = None if found.symbols is None else list(found.symbols)
    if symbols != artifacts["symbols"] or list(found.channels) != artifacts["channels"]:
        own = f"{len(symbols)} symbols" if symbols else f"{len(found.channels)} features a step"
        trained = artifacts["symbols"]
        theirs = f"{len(trained)} symbols" if trained else f"{len(artifacts['channels'])} features a step"
        raise UserError(
            f"{found.description or found.names[0]} has {own}, but the model was trained on {theirs}; "
            "give data of the same kind"
        )


def check_classes(names: Collection[str], count: int, place: str = "", noun: str = "labels") -> None:
    """Raise `UserError` where many of the different names of `count` labels are fractions: measurements, no classes."""
    fractional = [name for name in names if _is_fraction(name)]
    if len(fractional) > max(10, count / 4):
        raise UserError(
            f"{place}{': ' * bool(place)}the {noun} are numbers ({', '.join(sorted(fractional)[:3])}, …), not classes; "
            "name the column of the classes, or turn the numbers into classes first"
        )


def _check_kinds(found: SequenceSet) -> None:
    """Raise `UserError` for a sequence without a label, and for labels that are measurements and no classes."""
    for name, label in zip(found.names, found.labels, strict=True):
        if label is None or (label == "" and not found.multilabel):
            raise UserError(f"{name} has no label; give it one, or leave it out")
    counts = Counter(name for label in found.labels for name in label_names(label))
    check_classes(counts, len(found))


def _is_fraction(name: str) -> bool:
    try:
        return not float(name).is_integer()
    except ValueError:
        return False


def label_order(names: set[str]) -> Any:
    """The order of labels: as numbers where all are, else by their letters."""
    try:
        numbers = {name: float(name) for name in names}
    except ValueError:
        return None
    return lambda name: (numbers[name], name)
