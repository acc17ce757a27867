"""The contract of sources of music: what reads pieces from files or from a package."""

from abc import ABC, abstractmethod
from typing import ClassVar

from throughtime.data.base import DataPart
from throughtime.data.music.piano_roll import MusicPiece
from throughtime.errors import check_positive

WHOLE = "all"
"""The name of the only part where pieces come without a split."""

Parts = dict[str, list[MusicPiece]]
"""The pieces of train, val and test, or of `WHOLE`."""


class MusicSource(DataPart, ABC):
    """Reads pieces on a grid of steps.

    Args:
        steps_per_beat: the steps of the grid in a quarter note.

    Attributes:
        reads_files: whether the pieces come from files of the user's.
    """

    reads_files: ClassVar[bool] = True

    def __init__(self, steps_per_beat: int) -> None:
        check_positive(**{"data.source.steps_per_beat": steps_per_beat})
        self.steps_per_beat = steps_per_beat

    @abstractmethod
    def read(self, path: str, key: str = "data.path") -> Parts:
        """The pieces of a file, a folder or a glob, in the parts that it comes in.

        Args:
            path: as the user named it.
            key: the setting that an error names.

        Raises:
            UserError: a file is not as it must be; it names the file.
        """

    def shipped(self) -> Parts | None:
        """The pieces that are read without a path; None where there are none."""
        return None
