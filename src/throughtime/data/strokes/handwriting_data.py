"""`HandwritingData`: ink for models that draw, alone or conditioned on its class or its text."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Integer

from throughtime.data.base import DataModule
from throughtime.data.batch import Batch, Chunk
from throughtime.data.buckets import LengthBuckets
from throughtime.data.conditioned import Conditioned
from throughtime.data.fractions import SPLIT_NAMES, check_split_fractions
from throughtime.data.labelled.batches import lengths_of
from throughtime.data.labelled.sequences import SequenceSet, joined
from throughtime.data.labelled.splits import Parts, split_sequences
from throughtime.data.memory import largest_batch
from throughtime.data.strokes.distort import StrokeDistortions
from throughtime.data.strokes.normalise import InkNormaliser
from throughtime.data.strokes.points import CHANNELS, to_sequence
from throughtime.data.strokes.stroke_files import StrokeFiles
from throughtime.data.strokes.written_words import LETTERS, WrittenWords
from throughtime.errors import UserError, check_choice, check_positive, check_seed

CONDITIONS = ("none", "label", "text")

MARKS = 2
"""Marks of a point beside its offset: whether the pen is lifted after it, and whether the ink ends with it."""


class HandwritingData(DataModule):
    """Ink as sequences of points, of which a model predicts the next: (Δx, Δy, pen up, end).

    Ink has no place of its own: its first point is the origin and is given, the T points after it are targets. Offsets
    are divided by σ, their root mean square over the training part.

    Args:
        source: reads stroke files, or writes words without a file.
        condition: `none`; `label`: the class of an ink; `text`: its label, symbol by symbol.
        path: a file, a folder or a glob, to be split.
        train_path, val_path, test_path: ready splits, instead of path.
        split: fractions for training, validation and test; 0 for none.
        split_seed: of the split, which is not that of the run.
        group: whether no group, such as a writer, is in two parts; or the name of the groups.
        longest: the points of the longest ink.
        chunk_length: T, the most points of a training batch (k1 of truncated backpropagation through time), through
            which the state is carried; None for whole inks.
        augmentation: random changes of training inks, anew in every epoch; None for none.
        batch_size: B, of training.
        eval_batch_size: B, of validation and test; no metric depends on it.
        seed: of the order of training.

    Raises:
        UserError: an argument is out of its range.
    """

    kind: ClassVar[str] = "ink"
    unit: ClassVar[str] = "points"

    def __init__(
        self,
        source: StrokeFiles | WrittenWords,
        condition: str = "none",
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        split: Sequence[float | int] = (0.8, 0.1, 0.1),
        split_seed: int = 1,
        group: bool | str = False,
        longest: int = 1000,
        chunk_length: int | None = None,
        augmentation: StrokeDistortions | None = None,
        batch_size: int = 32,
        eval_batch_size: int = 128,
        seed: int = 1,
    ) -> None:
        super().__init__()
        check_choice(CONDITIONS, **{"data.condition": condition})
        if condition == "label" and isinstance(source, WrittenWords):
            raise UserError(
                "data.condition=label: these words have no classes; set data.condition=text or none"
            )
        sizes = {"longest": longest, "batch_size": batch_size, "eval_batch_size": eval_batch_size}
        sizes |= {} if chunk_length is None else {"chunk_length": chunk_length}
        check_positive(**{f"data.{name}": size for name, size in sizes.items()})
        self.source = source
        self.condition = condition
        self._paths = {"path": path, "train_path": train_path, "val_path": val_path, "test_path": test_path}
        self.split = check_split_fractions(split)
        self.split_seed = check_seed(split_seed)
        self.group = group
        self.longest = longest
        self.chunk_length = chunk_length
        self.augmentation = augmentation
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = check_seed(seed)
        self.scale: float | None = None
        self.symbols: list[str] = []
        self._restored: dict[str, Any] | None = None
        self._found: SequenceSet | None = None
        self._parts: Parts = {}
        self._train: InkBatches | None = None

    def paths(self) -> dict[str, str | None]:
        if isinstance(self.source, WrittenWords):
            return {}
        return {f"data.{name}": path for name, path in self._paths.items()}

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take σ and the classes or symbols of a trained task instead of fitting them in `setup`."""
        self._restored = artifacts
        self.scale = artifacts["scale"]
        self.symbols = list(artifacts["symbols"])

    def setup(self, stage: str | None = None) -> None:
        """Read, split and fit; called for every stage, done once."""
        if self._found is not None:
            return
        found = self._read()
        self._check(found)
        as_one = found if self.condition == "label" else replace(found, labels=["ink"] * len(found))
        self._parts = split_sequences(as_one, self.split, by_group=bool(self.group), seed=self.split_seed)
        if self._restored is None:
            self._fit(found)
        self._check_symbols(found)
        self._found = found
        if self.augmentation is not None:
            is_read = isinstance(self.source, StrokeFiles)
            self.augmentation.connect(self.source if is_read else StrokeFiles(size="none", position="start"))
        if "train" in self._parts:
            self._train = self._loader("train", self.batch_size, shuffle=True)

    def _read(self) -> SequenceSet:
        """All inks that the paths name, or that the source writes."""
        path = self._paths["path"]
        ready = {name: self._paths[f"{name}_path"] for name in SPLIT_NAMES}
        given = {name: place for name, place in ready.items() if place is not None}
        if isinstance(self.source, WrittenWords):
            if path is not None or given:
                raise UserError(
                    f"data.{'path' if path is not None else next(iter(given)) + '_path'}: these words are written "
                    "without a file; leave the path out, or choose the data that read stroke files"
                )
            return joined([_written(self.source, split) for split in SPLIT_NAMES])
        if isinstance(self.group, str):
            self.source.group_by(self.group)
        if path is not None and given:
            raise UserError(
                f"data.path and data.{next(iter(given))}_path exclude each other; give data.path to split, or "
                "data.train_path, data.val_path and data.test_path as ready splits"
            )
        if given:
            return joined(
                [
                    replace(one, split=[name] * len(one))
                    for name in given
                    for one in [self._read_files(given[name])]
                ]
            )
        if path is None:
            raise UserError(
                "there is no ink to read; give data.path to be split, or data.train_path, data.val_path and "
                "data.test_path as ready splits"
            )
        return self._read_files(path)

    def _read_files(self, path: str) -> SequenceSet:
        if self.condition == "none":  # labels are not needed
            return self.source.read_for_prediction([Path(path)])
        return self.source.read(path)

    def _check(self, found: SequenceSet) -> None:
        found.check()
        for name, sequence in zip(found.names, found.sequences, strict=True):
            if len(sequence) < 2:
                raise UserError(f"{name} has one point; an ink needs two or more, or leave it out")
            if len(sequence) > self.longest:
                raise UserError(
                    f"{name} has {len(sequence):,} points, more than data.longest={self.longest}; give a larger "
                    "data.longest, or fewer points by data.source.resample, data.source.points and data.source.spacing"
                )

    def _fit(self, found: SequenceSet) -> None:
        if "train" not in self._parts:
            raise UserError("there is nothing to train on; give data.path or data.train_path")
        numbers = self._parts["train"]
        offsets = np.concatenate([found.sequences[number][1:, :2] for number in numbers]).astype(np.float64)
        self.scale = float(np.sqrt(np.square(offsets).mean()))
        labels = [found.labels[number] for number in numbers]
        if self.condition == "label":
            self.symbols = sorted(set(labels))
        elif self.condition == "text":
            written = isinstance(self.source, WrittenWords)
            self.symbols = list(LETTERS) if written else sorted(set("".join(labels)))

    def _check_symbols(self, found: SequenceSet) -> None:
        """Raise `UserError` for a class, or a character of a text, that training does not have."""
        if self.condition == "none":
            return
        known = set(self.symbols)
        for numbers in self._parts.values():
            for number in numbers:
                label = found.labels[number]
                if self.condition == "text" and not label:
                    raise UserError(f"{found.names[number]} has an empty text; give it one, or leave it out")
                for symbol in [label] if self.condition == "label" else label:
                    if symbol not in known:
                        noun = "class" if self.condition == "label" else "character"
                        raise UserError(
                            f"{found.names[number]}: the {noun} {symbol!r} is not in training, which has "
                            f"{listed(self.symbols)}"
                        )

    def _loader(self, part: str, batch_size: int, shuffle: bool = False) -> "InkBatches":
        numbers = self._parts[part]
        sequences = [self._found.sequences[number] for number in numbers]
        is_training = part == "train"
        return InkBatches(
            sequences,
            [self.encoded(self._found.labels[number]) for number in numbers],
            self.condition,
            self.scale,
            LengthBuckets(
                lengths_of(sequences) - 1,
                batch_size,
                shuffle,
                self.seed,
                self.chunk_length if is_training else None,
            ),
            self.augmentation if is_training else None,
        )

    def encoded(self, label: str | None) -> list[int]:
        """The ids of what an ink is conditioned on: of its class, of the symbols of its text, or none."""
        if self.condition == "none":
            return []
        return [self.symbols.index(symbol) for symbol in ([label] if self.condition == "label" else label)]

    def loader(self, split: str) -> "InkBatches | None":
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        return self._loader(split, self.eval_batch_size) if split in self._parts else None

    def artifacts(self) -> dict[str, Any]:
        """σ, the classes or symbols, and sizes, in plain containers."""
        count = len(self.symbols)
        return {
            "input_sizes": {
                "input_size": 2 + MARKS,
                "classes": count if self.condition == "label" else 0,
                "symbols": count if self.condition == "text" else 0,
            },
            "output_sizes": {"marks": MARKS},
            "scale": self.scale,
            "condition": self.condition,
            "symbols": list(self.symbols),
            "chunk_length": self.chunk_length,
            "largest_batch": largest_batch(
                max(len(sequence) for sequence in self._found.sequences) - 1,
                {name: len(numbers) for name, numbers in self._parts.items()},
                self.batch_size,
                self.eval_batch_size,
            ),
        }

    def describe(self) -> str:
        """The origin of the ink, its points, and what it is conditioned on."""
        lengths = lengths_of(self._found.sequences)
        on = {
            "none": "unconditioned",
            "label": f"conditioned on {len(self.symbols)} classes",
            "text": f"conditioned on texts of {len(self.symbols)} symbols",
        }
        described = self._found.description
        return f"{described}, {lengths.min()} to {lengths.max()} points, {on[self.condition]}"

    @property
    def sizes(self) -> dict[str, int]:
        """The points of each split that are targets."""
        return {
            name: sum(len(self._found.sequences[number]) - 1 for number in numbers)
            for name, numbers in self._parts.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """The source and a hash of all inks with their labels, and how they are split."""
        digest = hashlib.sha256()
        for sequence, label in zip(self._found.sequences, self._found.labels, strict=True):
            digest.update(f"{sequence.shape}{label}".encode())
            digest.update(np.ascontiguousarray(sequence).tobytes())
        return {
            "source": {"name": type(self.source).__name__, **self.source.state()},
            "paths": {name: path for name, path in self.paths().items() if path is not None},
            "sha256": digest.hexdigest(),
            "points": self.sizes,
            "condition": self.condition,
            "split": {"fractions": list(self.split), "seed": self.split_seed, "group": self.group},
        }


class InkBatches:
    """Batches of inks of about equal lengths; the inputs of a step are the point before its target.

    An ink longer than a chunk goes on in the next batch, through which a model carries its state; only inks of as many
    chunks are in one batch.

    Args:
        sequences: `[n, 3]` each: (Δx, Δy, pen up), the first point included.
        conditions: the ids of what each ink is conditioned on.
        condition: one of `CONDITIONS`.
        scale: σ.
        buckets: which inks are in which batch.
        augmentation: changes each ink anew in every epoch, and not the number of its points; None for none.
    """

    def __init__(
        self,
        sequences: Sequence[Float[np.ndarray, "_ 3"]],
        conditions: Sequence[Sequence[int]],
        condition: str,
        scale: float,
        buckets: LengthBuckets,
        augmentation: StrokeDistortions | None = None,
    ) -> None:
        self.sequences = sequences
        self.conditions = conditions
        self.condition = condition
        self.scale = scale
        self.buckets = buckets
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.buckets)

    def __iter__(self) -> Iterator[Batch]:
        return (self.batch(lanes, chunk) for lanes, chunk in self.buckets.chunks())

    def batch(self, lanes: Integer[np.ndarray, " B"], chunk: int = 0) -> Batch:
        """The batch of some inks: the chunk of them with this number, from 0."""
        found = [ended(self._sequence(int(lane)), self.scale) for lane in lanes]
        ends = lengths_of(found) - 1
        first, last = 0, int(ends.max())
        if self.buckets.chunk_length is not None:
            first = chunk * self.buckets.chunk_length
            last = min(last, first + self.buckets.chunk_length)
        lengths = np.clip(ends - first, 0, last - first)
        points = np.zeros((last - first + 1, len(lanes), 2 + MARKS), dtype=np.float32)
        for place, sequence in enumerate(found):
            points[: lengths[place] + 1, place] = sequence[first : last + 1]
        inputs = conditioned(
            torch.from_numpy(points[:-1]), self.condition, [self.conditions[lane] for lane in lanes]
        )
        steps = Chunk(inputs, lengths=torch.from_numpy(lengths), fresh=first == 0)
        return Batch(steps, torch.from_numpy(points[1:]))

    def _sequence(self, number: int) -> Float[np.ndarray, "_ 3"]:
        """One ink as it is in this epoch: a function of the seed, the epoch and its number alone."""
        if self.augmentation is None:
            return self.sequences[number]
        generator = np.random.default_rng((self.buckets.seed, self.buckets.position.epoch, number))
        return self.augmentation(self.sequences[number], generator)

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the next batch."""
        return self.buckets.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, at the next `__iter__`, at the position that `state_dict` gave."""
        self.buckets.load_state_dict(state)


def conditioned(
    features: Float[torch.Tensor, "*T B 4"], condition: str, ids: Sequence[Sequence[int]]
) -> Conditioned:
    """Points with what each lane is conditioned on.

    Args:
        features: of each step, or of one.
        condition: one of `CONDITIONS`.
        ids: of each lane: of its class, or of the symbols of its text.
    """
    device = features.device
    label = torch.zeros(len(ids), dtype=torch.int64, device=device)
    lengths = torch.zeros_like(label)
    text = torch.zeros(len(ids), 0, dtype=torch.int64, device=device)
    if condition == "label":
        label = torch.tensor([one[0] for one in ids], device=device)
    elif condition == "text":
        lengths = torch.tensor([len(one) for one in ids], device=device)
        longest = max(map(len, ids))
        text = torch.tensor([[*one, *[0] * (longest - len(one))] for one in ids], device=device)
    return Conditioned(features, label, text, lengths)


def ended(sequence: Float[np.ndarray, "n F"], scale: float) -> Float[np.ndarray, "n 4"]:
    """The points (Δx / σ, Δy / σ, pen up, end) of an ink that begins at the origin."""
    points = np.zeros((len(sequence), 2 + MARKS), dtype=np.float32)
    points[1:, :2] = sequence[1:, :2] / scale
    points[:, 2] = sequence[:, 2]
    points[-1, 2:] = 1
    return points


def listed(names: Sequence[str], most: int = 40) -> str:
    """Some names for a message, single characters without a separator."""
    separator = "" if all(len(name) == 1 for name in names) else ", "
    return repr(separator.join(names[:most]) + ("…" if len(names) > most else ""))


def _written(source: WrittenWords, split: str) -> SequenceSet:
    """The written words of one part, in heights of the writing as the hands have them."""
    normaliser = InkNormaliser("none", "start")
    inks = source.inks(split)
    return SequenceSet(
        sequences=[to_sequence(normaliser(ink.strokes)) for ink in inks],
        labels=[ink.facts["label"] for ink in inks],
        names=[ink.name for ink in inks],
        groups=[ink.facts["writer"] for ink in inks],
        split=[split] * len(inks),
        channels=CHANNELS,
        description=f"words under {source.hands} random hands",
    )
