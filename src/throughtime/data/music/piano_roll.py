"""Piano rolls: an array `[n, 88]` of zeros and ones, a row a step, a column a key, from A0 to C8."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from throughtime.errors import UserError

LOWEST, KEYS = 21, 88
"""The MIDI number of the lowest key, A0, and the number of keys."""

LONGEST = 1_000_000
"""Steps of the longest piece that is read."""

Roll = UInt8[np.ndarray, "_ 88"]


class MusicPiece(NamedTuple):
    """A piece of music.

    Attributes:
        name: of its file, and its number in it where there are several.
        roll: its notes.
    """

    name: str
    roll: Roll


class Note(NamedTuple):
    """A note.

    Attributes:
        start, end: the first step in which it sounds, and the first in which it no longer does.
        pitch: its MIDI number, 60 for middle C.
    """

    start: int
    end: int
    pitch: int


def roll_of(notes: Iterable[Note], name: str, instead: str = "transpose it, or leave it out") -> Roll:
    """The piano roll of some notes, as long as the last of them sounds.

    Args:
        notes: in any order.
        name: of the piece, for errors.
        instead: what to do where a note is outside the keys, for the error.

    Raises:
        UserError: there are no notes, one is outside the 88 keys, or the piece is too long.
    """
    notes = list(notes)
    if not notes:
        raise UserError(f"{name} has no notes; leave it out")
    steps = max(note.end for note in notes)
    if steps > LONGEST:
        raise UserError(
            f"{name} lasts {steps:,} steps, more than {LONGEST:,}; it is damaged, or needs a coarser grid"
        )
    roll = np.zeros((steps, KEYS), dtype=np.uint8)
    for start, end, pitch in notes:
        if not LOWEST <= pitch < LOWEST + KEYS:
            raise UserError(
                f"{name} has the pitch {pitch}, outside the {KEYS} keys of a piano ({LOWEST} to {LOWEST + KEYS - 1}); "
                f"{instead}"
            )
        roll[start:end, pitch - LOWEST] = 1
    return roll


def notes_of(roll: Roll) -> list[Note]:
    """The notes of a piano roll by their starts; a key that sounds in steps that follow each other is one note."""
    padded = np.zeros((len(roll) + 2, KEYS), dtype=np.int8)
    padded[1:-1] = roll
    changes = np.diff(padded, axis=0).T  # a row a key, so that its starts and its ends come in the same order
    keys, starts = np.nonzero(changes == 1)
    _, ends = np.nonzero(changes == -1)
    found = zip(starts.tolist(), ends.tolist(), (keys + LOWEST).tolist(), strict=True)
    return sorted(Note(*one) for one in found)


def possible_shifts(roll: Roll, most: int) -> range:
    """The transpositions by up to `most` semitones, down or up, in which all notes stay on the keys."""
    used = np.flatnonzero(roll.any(0))
    if not len(used):
        return range(0, 1)
    return range(-min(most, int(used[0])), min(most, KEYS - 1 - int(used[-1])) + 1)


def transposed(roll: Roll, semitones: int) -> Roll:
    """The roll moved up by some semitones, or down where they are negative; no note may leave the keys."""
    return np.roll(roll, semitones, axis=1)
