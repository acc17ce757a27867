"""`FramesData`: recordings with a tag for every frame, such as the phases of gestures in a video."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from throughtime.data.base import DataModule
from throughtime.data.fractions import SPLIT_NAMES, check_split_fractions
from throughtime.data.frames.batches import FrameBatches
from throughtime.data.frames.recordings import FrameReader, Recording, check_tags
from throughtime.data.labelled.standardise import KINDS, Standardiser
from throughtime.data.memory import largest_batch
from throughtime.errors import UserError, check_choice, check_positive, check_seed


@dataclass(frozen=True)
class FramePart:
    """The recordings of one split as a model reads them.

    Attributes:
        names: of the recordings.
        features: `[n, F]` of each.
        targets: the numbers of the tags, `[n]` of each.
    """

    names: list[str]
    features: list[np.ndarray]
    targets: list[np.ndarray]


class FramesData(DataModule):
    """Tables with a row a frame and a tag for every frame; a file is a recording.

    A single path is split in time: each recording begins with its training part and ends with its test part. With
    folds, the test part is whole recordings, and the rest is split in time into training and validation; with as many
    folds as files, one recording is left out. Training reads pieces that overlap by half, all else whole recordings.

    Args:
        path: a file, a folder or a glob.
        train_path, val_path, test_path: ready splits, instead of `path`.
        tag_column, leave_out, lags, rename, encoding: how a file is read (`FrameReader`).
        tags: all tags that there are; None for those of the files, of which a very rare one is an error.
        split: the fractions for training, validation and test, in this order; 0 for none.
        folds, fold: k, and which of the k folds of recordings is the test part, from 0; None for a split in time.
        piece: frames of a training sequence; None for whole recordings.
        batch_size: B, the pieces of a training batch.
        eval_batch_size: the recordings of a batch of the other splits; no metric depends on it.
        chunk_length: T of a chunk of longer recordings or pieces (k1 of truncated backpropagation), through which the
            state is carried; None for all frames at once.
        standardise: `channel` by the mean and the deviation of training, `sequence` by those of each recording, `none`.
        seed: of the order in each epoch.
    """

    kind: ClassVar[str] = "tags"
    unit: ClassVar[str] = "frames"

    def __init__(
        self,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        tag_column: str | int = -1,
        leave_out: Sequence[str] = (),
        lags: Sequence[int] = (),
        rename: Mapping[str, str] | str | None = None,
        encoding: str = "utf-8",
        tags: Sequence[str] | None = None,
        split: Sequence[float | int] = (0.7, 0.1, 0.2),
        folds: int | None = None,
        fold: int = 0,
        piece: int | None = 256,
        batch_size: int = 16,
        eval_batch_size: int = 4,
        chunk_length: int | None = None,
        standardise: str = "channel",
        seed: int = 1,
    ) -> None:
        super().__init__()
        check_positive(**{"data.batch_size": batch_size, "data.eval_batch_size": eval_batch_size})
        if piece is not None and piece < 2:
            raise UserError(f"data.piece={piece} must be at least 2 frames, or null for whole recordings")
        if chunk_length is not None:
            check_positive(**{"data.chunk_length": chunk_length})
        check_choice(KINDS, **{"data.standardise": standardise})
        self.reader = FrameReader(tag_column, leave_out, lags, rename, encoding)
        self._paths = {"path": path, "train_path": train_path, "val_path": val_path, "test_path": test_path}
        self.known_tags = None if tags is None else list(tags)
        self.split = check_split_fractions(split)
        self.folds, self.fold = folds, fold
        self.piece = piece
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.chunk_length = chunk_length
        self.standardise = standardise
        self.seed = check_seed(seed)
        self.tags: list[str] | None = None
        self.standardiser: Standardiser | None = None
        self._parts: dict[str, FramePart] = {}
        self._recordings: dict[str, list[Recording]] | None = None
        self._train: FrameBatches | None = None

    def paths(self) -> dict[str, str | None]:
        return {f"data.{name}": path for name, path in self._paths.items()}

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take tags, columns and standardisation of a trained task instead of fitting them in `setup`."""
        if "frames" not in artifacts:
            raise UserError("the model tags words, and these data are frames; give data of the same kind")
        frames = artifacts["frames"]
        self.tags = list(frames["tags"])
        self.known_tags = self.tags
        self.standardiser = Standardiser.from_state(frames["standardiser"])
        rename = self.reader.rename
        self.reader = FrameReader.from_state(frames["reader"])
        self.reader.rename = rename or self.reader.rename

    def setup(self, stage: str | None = None) -> None:
        """Read, split and fit; called for every stage, done once."""
        if self._recordings is not None:
            return
        splits = self._read()
        if self.tags is None:
            self._fit(splits)
        self._check_known(splits)
        numbers = {tag: number for number, tag in enumerate(self.tags)}
        self._parts = {
            name: FramePart(
                [one.name for one in part],
                [self.standardiser(one.values) for one in part],
                [np.array([numbers[tag] for tag in one.tags], dtype=np.int64) for one in part],
            )
            for name, part in splits.items()
        }
        self._recordings = splits
        if "train" in splits:
            self._train = self._training_batches()

    def _read(self) -> dict[str, list[Recording]]:
        """The recordings of each split."""
        path = self._paths["path"]
        ready = {name: self._paths[f"{name}_path"] for name in SPLIT_NAMES}
        given = {name: place for name, place in ready.items() if place is not None}
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
        if given:
            splits = {name: self.reader.read(place, f"data.{name}_path") for name, place in given.items()}
            check_tags([one for part in splits.values() for one in part], self.known_tags)
            return splits
        recordings = self.reader.read(path)
        check_tags(recordings, self.known_tags)
        if self.folds is None:
            return _split_in_time(recordings, dict(zip(SPLIT_NAMES, self.split, strict=True)))
        if not 2 <= self.folds <= len(recordings) or not 0 <= self.fold < self.folds:
            raise UserError(
                f"data.fold={self.fold} of data.folds={self.folds}: there are {len(recordings)} recordings in {path}; "
                f"give 2 to {len(recordings)} folds, and a fold from 0 to one less"
            )
        test = recordings[self.fold :: self.folds]
        rest = [one for number, one in enumerate(recordings) if number % self.folds != self.fold]
        return _split_in_time(rest, dict(zip(SPLIT_NAMES, self.split[:2], strict=False))) | {"test": test}

    def _fit(self, splits: Mapping[str, list[Recording]]) -> None:
        if "train" not in splits:
            raise UserError("there is nothing to learn tags from; give data.path or data.train_path")
        self.tags = sorted({tag for one in splits["train"] for tag in one.tags})
        if len(self.tags) < 2:
            raise UserError(f"all training frames have the tag {self.tags[0]}; at least two tags are needed")
        self.standardiser = Standardiser.fit(self.standardise, [one.values for one in splits["train"]])

    def _check_known(self, splits: Mapping[str, list[Recording]]) -> None:
        known = set(self.tags)
        for name, part in splits.items():
            for one in part:
                tag = next((tag for tag in one.tags if tag not in known), None)
                if tag is not None:
                    raise UserError(
                        f"{one.name}, line {one.lines[one.tags.index(tag)]}: the tag {tag} is in the {name} part but "
                        "on no training frame; add training frames of it, or set data.rename"
                    )

    def _training_batches(self) -> FrameBatches:
        part = self._parts["train"]
        features: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        for values, numbers in zip(part.features, part.targets, strict=True):
            for start, stop in _pieces(len(values), self.piece):
                features.append(values[start:stop])
                targets.append(numbers[start:stop])
        return FrameBatches(features, targets, self.batch_size, True, self.seed, self.chunk_length)

    def loader(self, split: str) -> FrameBatches | None:
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        if split not in self._parts:
            return None
        part = self._parts[split]
        return FrameBatches(part.features, part.targets, self.eval_batch_size, chunk_length=self.chunk_length)

    def part(self, split: str) -> FramePart:
        """The recordings of one split as a model reads them; empty where there is no such split."""
        return self._parts.get(split, FramePart([], [], []))

    def artifacts(self) -> dict[str, Any]:
        """Sizes, tags, standardisation, and how files are read, in plain containers."""
        size = len(self.reader.channels) * (1 + len(self.reader.lags))
        longest = max(len(values) for part in self._parts.values() for values in part.features)
        steps = longest if self.chunk_length is None else min(longest, self.chunk_length)
        counts = {name: len(part.features) for name, part in self._parts.items()}
        if "train" in counts:
            counts["train"] = sum(
                len(_pieces(len(values), self.piece)) for values in self._parts["train"].features
            )
        return {
            "input_sizes": {"input_size": size},
            "output_sizes": {"vocabulary_size": len(self.tags)},
            "frames": {
                "tags": list(self.tags),
                "standardiser": self.standardiser.state(),
                "reader": self.reader.state(),
                "chunk_length": self.chunk_length,
                "chunked": longest > steps,
            },
            "largest_batch": largest_batch(steps, counts, self.batch_size, self.eval_batch_size),
        }

    def describe(self) -> str:
        """The origin of the recordings, the number of their features, and the number of their tags."""
        origin = ", ".join(path for path in self._paths.values() if path is not None)
        fold = "" if self.folds is None else f", fold {self.fold} of {self.folds}"
        return f"frames of {len(self.reader.channels)} features ({origin}), {len(self.tags)} tags{fold}"

    @property
    def sizes(self) -> dict[str, int]:
        """The frames of each split."""
        return {name: sum(len(values) for values in part.features) for name, part in self._parts.items()}

    def fingerprint(self) -> dict[str, Any]:
        """A hash of all frames and tags, and how they are split."""
        digest = hashlib.sha256()
        for name, part in self._recordings.items():
            for one in part:
                digest.update(f"{name}{one.values.shape}{one.tags}".encode())
                digest.update(np.ascontiguousarray(one.values).tobytes())
        return {
            "paths": {name: path for name, path in self.paths().items() if path is not None},
            "sha256": digest.hexdigest(),
            "frames": self.sizes,
            "split": {"fractions": list(self.split), "folds": self.folds, "fold": self.fold},
        }


def _split_in_time(
    recordings: Sequence[Recording], fractions: Mapping[str, float]
) -> dict[str, list[Recording]]:
    """Consecutive parts of each recording, in the order of the fractions, by their shares.

    Raises:
        UserError: a recording is too short for its parts.
    """
    taken = {name: fraction for name, fraction in fractions.items() if fraction > 0}
    edges = np.cumsum([0, *taken.values()]) / sum(taken.values())
    parts: dict[str, list[Recording]] = {name: [] for name in taken}
    for one in recordings:
        cuts = np.round(edges * len(one.values)).astype(int).tolist()
        for name, start, stop in zip(taken, cuts[:-1], cuts[1:], strict=True):
            if start == stop:
                raise UserError(
                    f"{one.name} has {len(one.values)} frames, too few for {len(taken)} parts in time; leave it out, "
                    "or set data.folds to split by recordings"
                )
            parts[name].append(one.between(start, stop))
    return parts


def _pieces(length: int, size: int | None) -> list[tuple[int, int]]:
    """Beginnings and ends of pieces of `size` that overlap by half and cover all; one piece where it is as long."""
    if size is None or length <= size:
        return [(0, length)]
    starts = [*range(0, length - size, size // 2), length - size]
    return [(start, start + size) for start in starts]
