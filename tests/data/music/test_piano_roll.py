"""Piano rolls: notes and back, and transpositions that stay on the keys."""

import numpy as np
import pytest

from throughtime.data.music.piano_roll import Note, notes_of, possible_shifts, roll_of, transposed
from throughtime.errors import UserError

NOTES = [Note(0, 2, 60), Note(0, 4, 64), Note(3, 4, 60), Note(5, 6, 21), Note(5, 7, 108)]


def test_notes_come_back_from_their_roll() -> None:
    roll = roll_of(NOTES, "a piece")
    assert roll.shape == (7, 88) and roll.sum() == sum(note.end - note.start for note in NOTES)
    assert notes_of(roll) == sorted(NOTES)


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ([], "no notes"),
        ([Note(0, 1, 20)], r"pitch 20, outside the 88 keys of a piano \(21 to 108\)"),
        ([Note(0, 1, 109)], "pitch 109"),
        ([Note(0, 2_000_000, 60)], "2,000,000 steps"),
    ],
)
def test_what_is_no_piece_is_refused_by_name(notes: list[Note], message: str) -> None:
    with pytest.raises(UserError, match=f"a piece.*{message}"):
        roll_of(notes, "a piece")


def test_a_transposition_moves_every_note_and_loses_none() -> None:
    roll = roll_of([Note(0, 2, 24), Note(1, 3, 60)], "a piece")
    assert list(possible_shifts(roll, 5)) == [-3, -2, -1, 0, 1, 2, 3, 4, 5]
    for shift in possible_shifts(roll, 5):
        assert notes_of(transposed(roll, shift)) == [
            note._replace(pitch=note.pitch + shift) for note in notes_of(roll)
        ]


def test_silence_has_one_transposition() -> None:
    assert list(possible_shifts(np.zeros((3, 88), dtype=np.uint8), 5)) == [0]
