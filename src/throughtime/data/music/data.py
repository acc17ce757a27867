"""`MusicData`: pieces of polyphonic music, each frame of which is to be predicted from those before it."""

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from throughtime.data.base import DataModule
from throughtime.data.fractions import SPLIT_NAMES, check_split_fractions
from throughtime.data.music.batches import PieceBatches
from throughtime.data.music.lanes import PieceLanes
from throughtime.data.music.piano_roll import KEYS, LOWEST, MusicPiece
from throughtime.data.music.source import WHOLE, MusicSource, Parts
from throughtime.errors import UserError, check_positive, check_seed


class MusicData(DataModule):
    """Piano rolls of pieces; no piece is in two parts.

    A split that the files have is taken as it is. Else the pieces are split at random, by `split` and `split_seed`.

    Args:
        source: reads the pieces.
        path: a file, a folder or a glob; None for what the source ships.
        train_path, val_path, test_path: ready splits, instead of `path`. Of a file with a split, the part of that name
            is taken.
        split: the fractions of the pieces for training, validation and test, in this order; 0 for none.
        split_seed: of the split, which is not that of the run.
        transpose: the most semitones by which training pieces are moved, down or up, anew in every epoch; 0 for none.
        batch_size: B, the lanes of a training batch.
        eval_batch_size: the pieces of a batch of the other splits; no metric depends on it.
        chunk_length: T, the most steps of a batch (k1 of truncated backpropagation through time); None for training on
            whole pieces.
        seed: of the order and the transpositions in each epoch.
    """

    kind: ClassVar[str] = "music"
    unit: ClassVar[str] = "frames"

    def __init__(
        self,
        source: MusicSource,
        path: str | None = None,
        train_path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        split: Sequence[float | int] = (0.6, 0.2, 0.2),
        split_seed: int = 1,
        transpose: int = 0,
        batch_size: int = 16,
        eval_batch_size: int = 32,
        chunk_length: int | None = 128,
        seed: int = 1,
    ) -> None:
        super().__init__()
        check_positive(**{"data.batch_size": batch_size, "data.eval_batch_size": eval_batch_size})
        if chunk_length is not None:
            check_positive(**{"data.chunk_length": chunk_length})
        if not 0 <= transpose < KEYS:
            raise UserError(f"data.transpose={transpose} must be a number of semitones from 0 to {KEYS - 1}")
        self.source = source
        self._paths = {"path": path, "train_path": train_path, "val_path": val_path, "test_path": test_path}
        self.split = check_split_fractions(split)
        self.split_seed = split_seed
        self.transpose = transpose
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.chunk_length = chunk_length
        self.seed = check_seed(seed)
        self.frequencies: list[float] | None = None
        self._parts: Parts | None = None
        self._train: PieceBatches | PieceLanes | None = None

    def paths(self) -> dict[str, str | None]:
        if not self.source.reads_files:
            return {}
        return {f"data.{name}": path for name, path in self._paths.items()}

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Take the grid and the frequencies of keys of a trained task instead of counting them in `setup`."""
        if "piano_roll" not in artifacts:
            raise UserError(
                "the model was not trained on music; give data of the kind that it was trained on"
            )
        steps = artifacts["piano_roll"]["steps_per_beat"]
        if steps != self.source.steps_per_beat:
            raise UserError(
                f"the model was trained on a grid of {steps} steps a beat, but data.source.steps_per_beat="
                f"{self.source.steps_per_beat}; set it to {steps}"
            )
        self.frequencies = list(artifacts["output_sizes"]["frequencies"])

    def setup(self, stage: str | None = None) -> None:
        """Read, split and count; called for every stage, done once."""
        if self._parts is not None:
            return
        parts = self._read()
        if self.frequencies is None:
            if not parts.get("train"):
                raise UserError("there is no piece to learn from; give data.path or data.train_path")
            rolls = [piece.roll for piece in parts["train"]]
            self.frequencies = np.concatenate(rolls).mean(0, dtype=np.float64).tolist()
        self._parts = parts
        if "train" in parts:
            rolls = [piece.roll for piece in parts["train"]]
            if self.chunk_length is None:
                self._train = PieceBatches(
                    rolls, self.batch_size, shuffle=True, seed=self.seed, transpose=self.transpose
                )
            else:
                self._train = PieceLanes(rolls, self.batch_size, self.chunk_length, self.seed, self.transpose)

    def _read(self) -> Parts:
        """The pieces of each part."""
        path = self._paths["path"]
        ready = {name: self._paths[f"{name}_path"] for name in SPLIT_NAMES}
        given = {name: place for name, place in ready.items() if place is not None}
        if path is not None and given:
            raise UserError(
                f"data.path and data.{next(iter(given))}_path exclude each other; give data.path, or data.train_path, "
                "data.val_path and data.test_path as ready splits"
            )
        if given:
            return {name: self._part(place, name) for name, place in given.items()}
        found = self.source.shipped() if path is None else self.source.read(path)
        if found is None:
            raise UserError(
                "there is nothing to read; give data.path, or data.train_path, data.val_path and data.test_path as "
                "ready splits"
            )
        return self._divided(found[WHOLE]) if WHOLE in found else found

    def _part(self, path: str, name: str) -> list[MusicPiece]:
        """The pieces of the file of one part: all, or where it has a split those of that part."""
        found = self.source.read(path, f"data.{name}_path")
        if WHOLE in found:
            return found[WHOLE]
        if name not in found:
            raise UserError(
                f"data.{name}_path={path} has a split without a part for {name}; give another file"
            )
        return found[name]

    def _divided(self, pieces: list[MusicPiece]) -> Parts:
        """The pieces in a random order, cut by the fractions of the split."""
        fractions = {name: share for name, share in zip(SPLIT_NAMES, self.split, strict=True) if share > 0}
        cuts = np.round(np.cumsum([0, *fractions.values()]) * len(pieces)).astype(int).tolist()
        order = np.random.default_rng(self.split_seed).permutation(len(pieces))
        parts = {
            name: [pieces[number] for number in np.sort(order[start:stop])]
            for name, start, stop in zip(fractions, cuts[:-1], cuts[1:], strict=True)
        }
        empty = next((name for name, part in parts.items() if not part), None)
        if empty is not None:
            raise UserError(
                f"there are {len(pieces)} pieces, too few for data.split={list(self.split)}: no piece is left for "
                f"{empty}; give more pieces, or other fractions"
            )
        return parts

    def loader(self, split: str) -> PieceBatches | PieceLanes | None:
        """The batches of a split: of training always the same object; None where there is no such split."""
        if split == "train":
            return self._train
        if split not in self._parts:
            return None
        rolls = [piece.roll for piece in self._parts[split]]
        return PieceBatches(rolls, self.eval_batch_size, self.chunk_length)

    def part(self, split: str) -> list[MusicPiece]:
        """The pieces of one split; empty where there is no such split."""
        return self._parts.get(split, [])

    def artifacts(self) -> dict[str, Any]:
        """Sizes, the share of training frames in which each key sounds, and the grid, in plain containers."""
        return {
            "input_sizes": {"input_size": KEYS},
            "output_sizes": {"notes": KEYS, "frequencies": list(self.frequencies)},
            "piano_roll": {"lowest": LOWEST, "steps_per_beat": self.source.steps_per_beat},
        }

    def describe(self) -> str:
        """The origin of the pieces, their number, and their grid."""
        origin = ", ".join(path for path in self.paths().values() if path is not None)
        origin = origin or type(self.source).__name__.lower()
        count = sum(map(len, self._parts.values()))
        steps = self.source.steps_per_beat
        return f"{count} pieces of music ({origin}), {steps} step{'s' * (steps > 1)} a beat"

    @property
    def sizes(self) -> dict[str, int]:
        """The frames of each split."""
        return {name: sum(len(piece.roll) for piece in part) for name, part in self._parts.items()}

    def fingerprint(self) -> dict[str, Any]:
        """A hash of all frames, and how they are split."""
        digest = hashlib.sha256()
        for name, part in self._parts.items():
            for piece in part:
                digest.update(f"{name}{len(piece.roll)}".encode())
                digest.update(np.ascontiguousarray(piece.roll).tobytes())
        return {
            "paths": {name: path for name, path in self.paths().items() if path is not None},
            "sha256": digest.hexdigest(),
            "frames": self.sizes,
            "split": {"fractions": list(self.split), "seed": self.split_seed},
        }
