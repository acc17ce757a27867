"""The chorales of J. S. Bach that music21 ships, as piano rolls."""

import logging
import re
from fractions import Fraction
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from throughtime.data.array_cache import ArrayCache
from throughtime.data.music.piano_roll import KEYS, MusicPiece, Note, Roll, roll_of
from throughtime.data.music.source import WHOLE, MusicSource, Parts
from throughtime.errors import UserError

log = logging.getLogger(__name__)

CHORALE = re.compile(r"bwv\d+(\.\d+)?(-[a1-9])?\.(mxl|xml)")
"""Names of files with a chorale; other versions of the same chorales, `bwv112.5-sc.mxl`, are left out."""

NO_CHORALE = ("bwv846.mxl",)
"""A prelude."""

CACHE_BYTES = 1 << 28


class Chorales(MusicSource):
    """About four hundred harmonised chorales of Bach, of which no two are the same notes. They come without a split.

    music21 takes about a minute to read them all; the piano rolls are kept in the user's cache folder.

    Args:
        steps_per_beat: the steps of the grid in a quarter note.
        count: how many are read, in the order of their names; None for all.
    """

    reads_files: ClassVar[bool] = False

    def __init__(self, steps_per_beat: int = 2, count: int | None = None) -> None:
        super().__init__(steps_per_beat)
        if count is not None and count < 3:
            raise UserError(f"data.source.count={count} must be at least 3, or null for all chorales")
        self.count = count

    def read(self, path: str, key: str = "data.path") -> Parts:
        raise UserError(f"{key}: the chorales come with music21 and from no file")

    def shipped(self) -> Parts:
        """All chorales.

        Raises:
            UserError: music21 is not installed.
        """
        package = find_spec("music21")  # it takes a second to import, which a full cache does not need
        if package is None or package.origin is None:
            raise UserError(
                "data=chorales reads the chorales that music21 ships, which is not installed: "
                "pip install 'throughtime[music]'"
            )
        folder = Path(package.origin).parent / "corpus" / "bach"
        files = sorted(
            file
            for file in folder.glob("bwv*")
            if CHORALE.fullmatch(file.name) and file.name not in NO_CHORALE
        )
        if not files:
            raise UserError(
                f"music21 has no chorales in {folder}; install it anew: pip install 'throughtime[music]'"
            )
        return {WHOLE: self._without_repeats(files[: self.count])}

    def _without_repeats(self, files: list[Path]) -> list[MusicPiece]:
        """The pieces of some files, without those that have all the notes of an earlier one."""
        cache = ArrayCache("chorales", CACHE_BYTES)
        settings = {"music21": version("music21"), "steps_per_beat": self.steps_per_beat}
        found: dict[tuple[int, bytes], MusicPiece] = {}
        is_told = False
        for file in files:
            entry = cache.key(file, settings)
            kept = cache.get(entry, KEYS)
            if kept is None:
                if not is_told:
                    log.info("reading the chorales of music21 for the first time, which takes about a minute")
                    is_told = True
                kept = _read(file, self.steps_per_beat).astype(np.float32)
                cache.put(entry, kept)
            roll = kept.astype(np.uint8)
            found.setdefault((len(roll), roll.tobytes()), MusicPiece(file.stem, roll))
        return list(found.values())


def _read(file: Path, steps_per_beat: int) -> Roll:
    """The piano roll of a score, all of its parts together, from the first beat to the last note."""
    from music21 import converter

    # Its own cache would lie in a folder of temporary files, as pickles.
    score = converter.parse(file, forceSource=True, storePickle=False)
    notes = []
    for part in score.parts:
        for sound in part.flatten().notes:
            start = _step(sound.offset, steps_per_beat)
            end = max(_step(sound.offset + sound.quarterLength, steps_per_beat), start + 1)
            notes += [Note(start, end, pitch.midi) for pitch in sound.pitches if sound.quarterLength > 0]
    return roll_of(notes, file.name)


def _step(beats: Any, steps_per_beat: int) -> int:
    """The step nearest to a time in quarter notes, halves upwards."""
    return int(Fraction(beats) * steps_per_beat + Fraction(1, 2))
