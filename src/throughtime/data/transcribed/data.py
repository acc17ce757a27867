"""`TranscribedData`: sequences of frames with a transcript each, from files or composed on the fly."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Integer

from throughtime.data.audio.audio_files import AudioFiles
from throughtime.data.audio.decode import change_rate, read_info, read_samples
from throughtime.data.base import DataModule
from throughtime.data.fractions import SPLIT_NAMES, check_split_fractions
from throughtime.data.labelled.batches import lengths_of
from throughtime.data.labelled.sequences import Augmentation, SequenceSet, SequenceSource, Shown, joined
from throughtime.data.labelled.sources import source_state
from throughtime.data.labelled.splits import split_sequences
from throughtime.data.labelled.standardise import KINDS, Standardiser
from throughtime.data.memory import largest_batch
from throughtime.data.transcribed.batches import Loaded, TranscribedBatches
from throughtime.data.transcribed.drawn import DrawnSource
from throughtime.data.transcribed.manifest import clean_text, is_manifest, read_manifest
from throughtime.errors import UserError, check_choice, check_positive, check_seed

FITTED = 256
"""Training sequences that are composed to fit the standardisation."""

KEPT = 16
"""Sequences of a split whose sound is kept for figures."""

FEW = 5
"""Sequences that a message names."""


@dataclass(frozen=True)
class TranscribedPart:
    """The sequences of one split, as they were read.

    Attributes:
        sequences: `[n, F]` of each, not standardised; None of training sequences that are composed anew each time.
        texts: their transcripts.
        names: of the sequences.
        samples: the sound of the first ones, where they were composed.
    """

    sequences: list[np.ndarray]
    texts: list[str]
    names: list[str]
    samples: tuple[np.ndarray | None, ...] = ()

    def __len__(self) -> int:
        return len(self.sequences)


class TranscribedData(DataModule):
    """Frames with a transcript, whose symbols are characters: speech, or online handwriting.

    `data.path` is a manifest with a file and its transcript a line (CSV, TSV, JSON lines), or files that tell their
    transcripts by themselves: recordings by their names (`data.source.pattern`), ink by its annotations or columns. A
    `DrawnSource` composes sequences instead, those of training anew in every epoch.

    Args:
        source: reads files (`AudioFiles`, `StrokeFiles`), or composes sequences.
        path: to be split.
        train_path, val_path, test_path: ready splits, instead of `path`.
        file_column, text_column: the columns of a manifest; None for the usual ones.
        alphabet: all symbols; None for those of the training part.
        lower: whether transcripts are brought to lower case.
        split: the fractions for training, validation and test, in this order; 0 for none.
        split_seed: of the split, and of composed sequences of validation and test.
        group: whether all sequences of a speaker or writer are in one part; a name for a column or group of that name.
        batch_size: B, of training.
        eval_batch_size: of validation and test; no metric depends on it.
        standardise: `channel` by the mean and deviation of training, `sequence` by those of each sequence, `none`.
        augmentation: random changes of training sequences; None for none.
        seed: of the order and of the training sequences of each epoch.

    Raises:
        UserError: an argument is out of its range.
    """

    kind: ClassVar[str] = "transcribed"
    unit: ClassVar[str] = "symbols"

    def __init__(
        self,
        source: SequenceSource | DrawnSource,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        file_column: str | None = None,
        text_column: str | None = None,
        alphabet: str | None = None,
        lower: bool = False,
        split: Sequence[float | int] = (0.8, 0.1, 0.1),
        split_seed: int = 1,
        group: bool | str = False,
        batch_size: int = 32,
        eval_batch_size: int = 64,
        standardise: str = "channel",
        augmentation: Augmentation | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        check_positive(**{"data.batch_size": batch_size, "data.eval_batch_size": eval_batch_size})
        check_choice(KINDS, **{"data.standardise": standardise})
        if alphabet is not None and (not alphabet or len(set(alphabet)) < len(alphabet)):
            raise UserError(f"data.alphabet={alphabet} must have every symbol once, such as abcdefg")
        self.source = source
        self._paths = {"path": path, "train_path": train_path, "val_path": val_path, "test_path": test_path}
        self.file_column, self.text_column = file_column, text_column
        self.lower = lower
        self.split = check_split_fractions(split)
        self.split_seed = check_seed(split_seed)
        self.group = group
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.standardise = standardise
        self.augmentation = augmentation
        self.seed = check_seed(seed)
        self.symbols: list[str] | None = None if alphabet is None else list(alphabet)
        self.standardiser: Standardiser | None = None
        self._restored: dict[str, Any] | None = None
        self._parts: dict[str, TranscribedPart] = {}
        self._train: TranscribedBatches | None = None
        self._description = ""
        self._channels: list[str] = []
        self._longest = 0
        self._is_set_up = False

    @property
    def drawn(self) -> DrawnSource | None:
        """The source where it composes sequences; else None."""
        return self.source if isinstance(self.source, DrawnSource) else None

    @property
    def reader(self) -> SequenceSource:
        """The reader of files."""
        return self.source.reader if isinstance(self.source, DrawnSource) else self.source

    def paths(self) -> dict[str, str | None]:
        if self.drawn is not None:
            return {"data.path": self._paths["path"]}
        return {f"data.{name}": path for name, path in self._paths.items()}

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take the alphabet and the standardisation of a trained task instead of fitting them in `setup`."""
        self._restored = artifacts
        self.symbols = list(artifacts["symbols"])
        self.standardiser = Standardiser.from_state(artifacts["standardiser"])
        self.reader.restore(artifacts["source"])

    def setup(self, stage: str | None = None) -> None:
        """Read or compose, split and fit; called for every stage, done once."""
        if self._is_set_up:
            return
        if self.drawn is not None:
            self._compose(self.drawn)
        else:
            self._read_parts()
        self._check_symbols()
        if self.augmentation is not None:
            self.augmentation.connect(self.reader)
        if "train" in self._parts:
            sizes = (
                lengths_of(self._parts["train"].sequences)
                if self.drawn is None
                else self.drawn.sizes("train")
            )
            self._train = TranscribedBatches(
                sizes, self._load_train, self.batch_size, shuffle=True, seed=self.seed
            )
        self._is_set_up = True

    # Sequences that are composed

    def _compose(self, drawn: DrawnSource) -> None:
        given = [name for name, path in self._paths.items() if path is not None and name != "path"]
        if given:
            raise UserError(f"data.{given[0]}: these data compose their sequences; give data.path alone")
        drawn.prepare(self._paths["path"], self._restored is not None)
        self._description = drawn.description
        if self.symbols is None:
            self.symbols = drawn.alphabet()
        for split in SPLIT_NAMES:
            count = len(drawn.sizes(split))
            if not count:
                continue
            shown = min(count, FITTED) if split == "train" else count
            found = [
                drawn.draw(split, number, self._fixed_generator(split, number)) for number in range(shown)
            ]
            self._parts[split] = TranscribedPart(
                [one.sequence for one in found],
                [one.text for one in found],
                [f"{split}:{number + 1}" for number in range(shown)],
                tuple(one.samples for one in found[:KEPT]),
            )
        self._channels = list(drawn.channels())
        if self.standardiser is None:
            if "train" not in self._parts:
                raise UserError("there is nothing to learn from: the training part has no sequence")
            self.standardiser = Standardiser.fit(self.standardise, self._parts["train"].sequences)

    def _fixed_generator(self, split: str, number: int) -> np.random.Generator:
        return np.random.default_rng((self.split_seed, SPLIT_NAMES.index(split), number))

    def _first(self) -> np.ndarray:
        return next(iter(self._parts.values())).sequences[0]

    # Sequences of files

    def _read_parts(self) -> None:
        if isinstance(self.group, str):
            self._group_by(self.group)
        found = self._read()
        texts = [self._text(name, label) for name, label in zip(found.names, found.labels, strict=True)]
        found.check()
        # Transcripts are no classes: all are of one stratum.
        alike = replace(found, labels=["transcript"] * len(found))
        parts = split_sequences(alike, self.split, bool(self.group), None, 0, self.split_seed)
        self._parts = {
            name: TranscribedPart(
                [found.sequences[number] for number in numbers],
                [texts[number] for number in numbers],
                [found.names[number] for number in numbers],
            )
            for name, numbers in parts.items()
        }
        self._description = found.description
        self._channels = list(found.channels)
        if self._restored is not None and self._channels != self._restored["channels"]:
            raise UserError(
                f"{found.description} has {len(self._channels)} features a step, but the model was trained on "
                f"{len(self._restored['channels'])}; give data of the same kind"
            )
        if self.standardiser is None:
            if "train" not in self._parts:
                raise UserError("there is nothing to learn from; give data.path or data.train_path")
            train = self._parts["train"]
            self.standardiser = Standardiser.fit(self.standardise, train.sequences)
            if self.symbols is None:
                self.symbols = sorted(set("".join(train.texts)))

    def _group_by(self, key: str) -> None:
        manifests = [path for path in self._paths.values() if path is not None and self._is_manifest(path)]
        if not manifests:  # the column of a manifest needs nothing of the reader
            self.reader.group_by(key)

    def _is_manifest(self, path: str) -> bool:
        return is_manifest(Path(path).expanduser(), self.file_column)

    def _read(self) -> SequenceSet:
        """All sequences that the paths name; those of ready splits know their part."""
        path = self._paths["path"]
        given = {
            name: self._paths[f"{name}_path"]
            for name in SPLIT_NAMES
            if self._paths[f"{name}_path"] is not None
        }
        if path is not None and given:
            raise UserError(
                f"data.path and data.{next(iter(given))}_path exclude each other; give data.path to split, or "
                "data.train_path, data.val_path and data.test_path as ready splits"
            )
        if path is None and not given:
            raise UserError(
                "there is nothing to read; give data.path to be split, or data.train_path, data.val_path and "
                "data.test_path as ready splits"
            )
        if path is not None:
            return self._read_path(path)
        sets = {name: self._read_path(place) for name, place in given.items()}
        return joined([replace(one, split=[name] * len(one)) for name, one in sets.items()])

    def _read_path(self, path: str) -> SequenceSet:
        if not self._is_manifest(path):
            return self.reader.read(path)
        manifest = Path(path).expanduser()
        group = self.group if isinstance(self.group, str) else None
        entries = read_manifest(manifest, self.file_column, self.text_column, group)
        found = self.reader.read_for_prediction([entry.file for entry in entries])
        if len(found) != len(entries):
            for entry in entries:
                count = len(self.reader.read_for_prediction([entry.file]))
                if count != 1:
                    raise UserError(
                        f"{entry.place}: {entry.file} holds {count} sequences; give a file with one"
                    )
        parts = [entry.split for entry in entries]
        groups = [entry.group for entry in entries]
        for name, values in {"a part": parts, "a group": groups}.items():
            if any(values) and not all(values):
                place = entries[values.index(None)].place
                raise UserError(
                    f"{place}: this line has no {name[2:]}, and others have; give one to every line"
                )
        return replace(
            found,
            labels=[entry.text for entry in entries],
            groups=groups if all(groups) else None,
            split=parts if all(parts) else None,
            description=f"{found.description.partition(' (')[0]} ({path})",
        )

    def _text(self, name: str, label: Any) -> str:
        text = clean_text(label) if isinstance(label, str) else ""
        if not text:
            raise UserError(f"{name} has an empty transcript; write it, or leave the file out")
        return text.lower() if self.lower else text

    def _check_symbols(self) -> None:
        """Raise `UserError` for a symbol that the alphabet lacks."""
        known = set(self.symbols)
        for split, part in self._parts.items():
            for name, text in zip(part.names, part.texts, strict=True):
                lacking = next((one for one in text if one not in known), None)
                if lacking is not None:
                    instead = (
                        "the model was trained without it; correct the transcript, or leave the sequence out"
                        if self._restored is not None
                        else "add training sequences with it, set data.alphabet to all symbols, or data.lower=true"
                    )
                    raise UserError(
                        f"{name} ({split}): the symbol {lacking!r} of the transcript {text[:60]!r} is not in the "
                        f"alphabet {''.join(self.symbols)!r}; {instead}"
                    )

    # Batches

    def numbers_of(self, text: str) -> Integer[np.ndarray, " u"]:
        """The number of each symbol of a transcript, from 1 on."""
        numbers = {symbol: number for number, symbol in enumerate(self.symbols, start=1)}
        return np.array([numbers[symbol] for symbol in text], dtype=np.int64)

    def _load_train(self, number: int, epoch: int) -> Loaded:
        generator = np.random.default_rng((self.seed, 3, epoch, number))
        if self.drawn is not None:
            one = self.drawn.draw("train", number, generator)
            sequence, text = one.sequence, one.text
        else:
            part = self._parts["train"]
            sequence, text = part.sequences[number], part.texts[number]
        if self.augmentation is not None:
            sequence = self.augmentation(sequence, generator)
        return self.standardiser(sequence), self.numbers_of(text)

    def loader(self, split: str) -> TranscribedBatches | None:
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        if split not in self._parts:
            return None
        part = self._parts[split]

        def load(number: int, epoch: int) -> Loaded:
            return self.standardiser(part.sequences[number]), self.numbers_of(part.texts[number])

        return TranscribedBatches(lengths_of(part.sequences), load, self.eval_batch_size)

    def part(self, split: str) -> TranscribedPart:
        """The sequences of one split; of training ones that are composed, some of them."""
        return self._parts.get(split, TranscribedPart([], [], []))

    def shown(self, split: str, number: int) -> Shown:
        """The part of a sequence that a figure draws where it is no sound."""
        return self.reader.shown(self._parts[split].sequences[number])

    def waveform(self, split: str, number: int) -> Float[np.ndarray, " N"] | None:
        """The samples of a recording, at the rate of its features; None where a sequence is no sound."""
        part = self._parts[split]
        if self.drawn is not None:
            return part.samples[number] if number < len(part.samples) else None
        if not isinstance(self.reader, AudioFiles):
            return None
        file = Path(part.names[number])
        info = read_info(file, self.reader.longest)
        return change_rate(read_samples(file, info), info.rate, self.reader.log_mel.rate)

    # What a checkpoint keeps

    def artifacts(self) -> dict[str, Any]:
        """Sizes, alphabet, standardisation, and how files are read, in plain containers."""
        longest = max(len(sequence) for part in self._parts.values() for sequence in part.sequences)
        return {
            "input_sizes": {"input_size": self._first().shape[1]},
            "output_sizes": {"vocabulary_size": len(self.symbols)},
            "symbols": list(self.symbols),
            "standardiser": self.standardiser.state(),
            "source": source_state(self.reader),
            "channels": self._channels if self._restored is None else list(self._restored["channels"]),
            "step_seconds": self.reader.step_seconds(),
            "largest_batch": largest_batch(longest, self.sizes, self.batch_size, self.eval_batch_size),
        }

    def describe(self) -> str:
        """The origin of the sequences, their lengths, and the number of symbols."""
        lengths = [len(sequence) for part in self._parts.values() for sequence in part.sequences]
        return f"{self._description}, T={min(lengths)} to {max(lengths)}, {len(self.symbols)} symbols"

    @property
    def sizes(self) -> dict[str, int]:
        """The sequences of each split; of training ones that are composed, those of an epoch."""
        composed = {} if self.drawn is None else {name: len(self.drawn.sizes(name)) for name in self._parts}
        return {name: len(part) for name, part in self._parts.items()} | composed

    def fingerprint(self) -> dict[str, Any]:
        """The source and a hash of all sequences and transcripts, and how they are split."""
        digest = hashlib.sha256()
        if self.drawn is not None:
            digest.update(self.drawn.digest().encode())
        else:
            for split, part in self._parts.items():
                for sequence, text in zip(part.sequences, part.texts, strict=True):
                    digest.update(f"{split}{sequence.shape}{text}".encode())
                    digest.update(np.ascontiguousarray(sequence).tobytes())
        return {
            "source": source_state(self.reader),
            "paths": {name: path for name, path in self.paths().items() if path is not None},
            "sha256": digest.hexdigest(),
            "sequences": self.sizes,
            "split": {"fractions": list(self.split), "seed": self.split_seed, "group": self.group},
        }
