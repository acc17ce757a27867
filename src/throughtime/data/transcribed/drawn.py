"""The contract of sources that compose transcribed sequences on the fly, anew in every epoch."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from throughtime.data.base import DataPart
from throughtime.data.labelled.sequences import SequenceSource


class Drawn(NamedTuple):
    """A sequence that was composed.

    Attributes:
        sequence: features of each frame, not yet standardised.
        text: its transcript.
        samples: of the sound, where it is one.
    """

    sequence: Float[np.ndarray, "n F"]
    text: str
    samples: Float[np.ndarray, " N"] | None = None


class DrawnSource(DataPart, ABC):
    """Base class of sources that compose sequences of parts, such as strings of spoken digits.

    Every sequence is a function of the generator that it is given, so that a resumed run sees the same ones.

    Attributes:
        reader: reads files for predictions as the sequences are made.
        description: the origin in a few words, after `prepare`.
    """

    reader: SequenceSource
    description: str = ""

    @abstractmethod
    def prepare(self, path: str | None, restored: bool) -> None:
        """Read the parts.

        Args:
            path: of the user's files; None where there is none.
            restored: whether a trained model reads other data, which need not have all parts of a split.

        Raises:
            UserError: there is nothing to read, or a part of the data is empty.
        """

    @abstractmethod
    def sizes(self, split: str) -> Integer[np.ndarray, " n"]:
        """About how long each sequence of a split is, for batches of like lengths; empty without this split."""

    @abstractmethod
    def draw(self, split: str, number: int, generator: np.random.Generator) -> Drawn:
        """Compose one sequence of a split."""

    @abstractmethod
    def alphabet(self) -> list[str]:
        """All symbols that transcripts may have."""

    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """The names of the F features, those of the reader."""

    @abstractmethod
    def digest(self) -> str:
        """A hash of the parts, and of all that sequences depend on."""
