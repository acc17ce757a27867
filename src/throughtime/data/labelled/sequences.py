"""Labelled sequences, and the base classes of what reads them and of what augments them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from throughtime.data.base import DataPart
from throughtime.errors import UserError
from throughtime.tokenizer.base import Tokenizer

Label = str | tuple[str, ...] | None
"""The name of a class; the names of all labels that hold at once; or None where it is not known."""

Source = TypeVar("Source", bound="SequenceSource")


@dataclass(frozen=True)
class SequenceSet:
    """Sequences with their labels, as they were read: neither split nor standardised.

    Attributes:
        sequences: each `[n]` integer ids, or `[n, F]` float32 features, with n >= 1.
        labels: of each sequence; all of one kind.
        names: of each sequence, such as `file` or `file:row`; errors and predictions call it so.
        groups: the speaker, writer, patient, … of each sequence, for splits by group; None where it is not known.
        split: `train`, `val` or `test` for each sequence, where the data have a usual split; else None.
        channels: the names of the F features; empty for ids.
        symbols: the alphabet of ids; None for features.
        frame_shape: (channels, height, width) of the F features, where a step is an image.
        description: the origin in a few words.
    """

    sequences: list[np.ndarray]
    labels: list[Label]
    names: list[str]
    groups: list[str] | None = None
    split: list[str] | None = None
    channels: tuple[str, ...] = ()
    symbols: tuple[str, ...] | None = None
    frame_shape: tuple[int, int, int] | None = None
    description: str = ""

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def multilabel(self) -> bool:
        """Whether several labels may hold at once."""
        return any(isinstance(label, tuple) for label in self.labels)

    def check(self) -> None:
        """Check that every sequence has steps and finite features, and that no two have one name.

        Raises:
            UserError: naming the sequence, and of a number that is not finite the step and the channel.
        """
        if not self.sequences:
            raise UserError(f"{self.description or 'the data'} hold no sequence")
        seen: set[str] = set()
        for name, sequence in zip(self.names, self.sequences, strict=True):
            if name in seen:
                raise UserError(f"two sequences are named {name}; give each a name of its own")
            seen.add(name)
            if len(sequence) == 0:
                raise UserError(f"{name} has no step; leave it out")
            if sequence.ndim == 2 and not np.isfinite(sequence).all():
                step, channel = np.argwhere(~np.isfinite(sequence))[0]
                raise UserError(
                    f"{name}: {self.channels[channel]} at step {step + 1} is {sequence[step, channel]}; "
                    "give a finite number, or leave the sequence out"
                )

    def without_labels(self) -> "SequenceSet":
        """The same sequences with no label."""
        return replace(self, labels=[None] * len(self))


def joined(sets: Sequence[SequenceSet]) -> SequenceSet:
    """All sequences of several sets that were read in one way, in their order.

    Raises:
        UserError: their sequences have other features or other symbols.
    """
    first = sets[0]
    for other in sets[1:]:
        for field in ("channels", "symbols", "frame_shape"):
            if getattr(other, field) != getattr(first, field):
                raise UserError(
                    f"{other.description or other.names[0]} has other {field.replace('_', ' ')} than "
                    f"{first.description or first.names[0]}: {getattr(other, field)}, not {getattr(first, field)}"
                )
    lists: dict[str, Any] = {}
    for field in fields(SequenceSet):
        parts = [getattr(one, field.name) for one in sets]
        if field.name in ("sequences", "labels", "names"):
            lists[field.name] = [item for part in parts for item in part]
        elif field.name in ("groups", "split"):
            whole = all(part is not None for part in parts)
            lists[field.name] = [item for part in parts for item in part] if whole else None
    described = ", ".join(dict.fromkeys(one.description for one in sets))
    return replace(first, **lists, description=described)


class Shown(NamedTuple):
    """The part of a sequence that a figure draws.

    Attributes:
        values: ids `[n]`, or features `[n, C]`.
        axis: the name of the features.
        upwards: whether the first feature is at the bottom.
        lines: the lines [k, 2] that a pen draws in the n steps, drawn instead of the values; None where there are none.
    """

    values: np.ndarray
    axis: str = "feature"
    upwards: bool = False
    lines: list[np.ndarray] | None = None


class SequenceSource(DataPart, ABC):
    """Base class of the readers of labelled sequences: one a modality, with plain arguments.

    A checkpoint keeps the reader's `state`, so that predictions read files as training did; the class is looked up by
    its name (`throughtime.data.labelled.sources`).
    """

    def shipped(self) -> SequenceSet | None:
        """The sequences that are read where the user names no path; None where there must be one."""
        return None

    def connect(self, tokenizer: Tokenizer) -> None:
        """Take the tokenizer that `encoded` is to fit and use.

        Raises:
            UserError: the data are not tokenized text.
        """
        raise UserError("these data are not tokenized text; leave tokenizer= out")

    @abstractmethod
    def read(self, path: str) -> SequenceSet:
        """The sequences of a file, a folder or a glob, with their labels.

        A source of strings gives the code points of their characters, which `encoded` turns into ids.

        Raises:
            UserError: something in the files is not as it must be; it names the file, and the line or the offset.
        """

    @abstractmethod
    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        """The sequences of some files in their order, with labels where the files have them, else None.

        Features, symbols and their order are those of the training data.

        Raises:
            UserError: a file cannot be read as the training data were.
        """

    def encoded(self, found: SequenceSet, train: Sequence[int]) -> SequenceSet:
        """The sequences that were read as a model takes them.

        Args:
            found: what `read` gave.
            train: the numbers of the training sequences, from which an alphabet or a vocabulary is made, unless
                `restore` has brought one.

        Raises:
            UserError: there is nothing to make it from, or a symbol is not known.
        """
        return found

    def restore(self, state: dict[str, Any]) -> None:
        """Take what another run's source has learned from its training sequences, out of its `state`."""

    def paths(self) -> dict[str, str | None]:
        """Further files that the configuration names, by their keys (`data.source.labels`)."""
        return {}

    def group_by(self, key: str) -> None:
        """Take what `data.group=KEY` names as the group of each sequence; called before anything is read.

        Raises:
            UserError: the source has no such key.
        """
        raise UserError(
            f"data.group={key}: these data have one kind of groups at most; data.group=true splits by them"
        )

    def choose(self, name: str) -> None:
        """Take what `data.name=NAME` names as the set that `shipped` gives; called before anything is read.

        Raises:
            UserError: the source brings no set of this name.
        """
        raise UserError(f"data.name={name}: these data bring no sets to choose from; leave data.name out")

    def series(self, sequence: np.ndarray) -> np.ndarray | None:
        """The values [n, C] over time that a sequence holds, for dynamic time warping; None where it is no series."""
        return None

    def mirror(self) -> list[int] | None:
        """The id, or the feature, that stands for each one in the equal sequence from the other end; None for none.

        Where there is one, evaluation and prediction average the probabilities for both. It is known after `encoded`.
        """
        return None

    def step_seconds(self) -> float | None:
        """The seconds from a step to the next; None where steps are not equally far from each other in time."""
        return None

    def shown(self, sequence: np.ndarray) -> Shown:
        """The part of a sequence that a figure draws above its predictions."""
        return Shown(sequence)

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """The arguments that make this source again, in plain values."""

    @classmethod
    def from_state(cls: type[Source], state: dict[str, Any]) -> Source:
        """The inverse of `state`."""
        return cls(**state)


class Augmentation(DataPart, ABC):
    """Base class of random changes to training sequences that keep their labels.

    The generator is a function of the seed, the epoch and the sequence's number alone, so that a resumed run sees the
    same sequences.
    """

    def connect(self, source: SequenceSource) -> None:
        """Take what it needs to know of the source, such as how an image became a sequence; called once.

        Raises:
            UserError: it does not fit the source.
        """

    @abstractmethod
    def __call__(self, sequence: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """A changed copy of a sequence, before it is standardised."""
