"""MIDI files: read as piano rolls on a grid of steps, and written from piano rolls."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from throughtime.data.music.piano_roll import KEYS, LOWEST, MusicPiece, Note, Roll, notes_of, roll_of
from throughtime.data.music.source import WHOLE, MusicSource, Parts
from throughtime.data.paths import find_files
from throughtime.errors import UserError, check_choice, first_line

PERCUSSION = 9
"""The channel, from 0, whose notes are drums and have no pitch."""

LARGEST = 64 << 20
"""Bytes of the largest file that is read."""

TICKS, VELOCITY = 480, 80
"""Of a file that is written: ticks in a quarter note, and the strength of each note."""


class MidiFiles(MusicSource):
    """MIDI files with any number of tracks, at any tempo and resolution, a piece each, without a split.

    All tracks and channels but percussion sound together. A note begins at the step nearest to its beginning, and
    sounds for one step at least. The grid is one of beats, so the tempo does not matter.

    Args:
        steps_per_beat: the steps of the grid in a quarter note.
        outside: what becomes of a note outside the 88 keys: `error`, or `drop`.
    """

    def __init__(self, steps_per_beat: int = 4, outside: str = "error") -> None:
        super().__init__(steps_per_beat)
        check_choice(("drop", "error"), **{"data.source.outside": outside})
        self.outside = outside

    def read(self, path: str, key: str = "data.path") -> Parts:
        files = find_files(path, key, "MIDI file")
        if Path(path).expanduser().is_dir():  # which may hold other files too
            files = [file for file in files if file.suffix.lower() in (".mid", ".midi")]
        if not files:
            raise UserError(f"{key}={path} has no file that ends in .mid or .midi")
        return {
            WHOLE: [
                MusicPiece(str(file), read_midi(file, self.steps_per_beat, self.outside)) for file in files
            ]
        }


def read_midi(file: Path, steps_per_beat: int, outside: str = "error") -> Roll:
    """The piano roll of a MIDI file.

    Args:
        file: of type 0 or 1.
        steps_per_beat: the steps of the grid in a quarter note.
        outside: `error` or `drop`, for notes outside the 88 keys.

    Raises:
        UserError: the file is damaged, has no notes, or has one outside the keys.
    """
    import mido

    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise UserError(
                f"{file} has {size:,} bytes, more than {LARGEST:,}; it is no MIDI file of one piece"
            )
        opened = mido.MidiFile(file=io.BytesIO(file.read_bytes()), clip=True)
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"{file} is not a whole MIDI file ({first_line(error)})") from None
    except mido.KeySignatureError as error:
        raise UserError(f"{file} is not a whole MIDI file ({first_line(error)})") from None
    if not 0 < opened.ticks_per_beat < 1 << 15:
        raise UserError(
            f"{file} counts time in frames of film, not in beats; save it with ticks per quarter note"
        )
    times, percussion = _notes_in_ticks(opened.tracks)
    # In ticks; halves of a step are rounded upwards.
    notes = [
        Note(
            start=(first := (2 * on * steps_per_beat + opened.ticks_per_beat) // (2 * opened.ticks_per_beat)),
            end=max(
                (2 * off * steps_per_beat + opened.ticks_per_beat) // (2 * opened.ticks_per_beat), first + 1
            ),
            pitch=pitch,
        )
        for on, off, pitch in times
        if outside == "error" or LOWEST <= pitch < LOWEST + KEYS
    ]
    if not notes and percussion:
        raise UserError(f"{file} has percussion alone, which has no pitch; leave it out")
    return roll_of(notes, str(file), "transpose it, or set data.source.outside=drop to leave such notes out")


def _notes_in_ticks(tracks: Sequence[Any]) -> tuple[list[tuple[int, int, int]], bool]:
    """The beginning, the end and the pitch of all notes, and whether there is percussion besides."""
    found, percussion = [], False
    for track in tracks:
        sounding: dict[tuple[int, int], int] = {}
        tick = 0
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            if message.channel == PERCUSSION:
                percussion = True
                continue
            key = (message.channel, message.note)
            if key in sounding:  # ended, or struck again
                found.append((sounding.pop(key), tick, message.note))
            if message.type == "note_on" and message.velocity > 0:
                sounding[key] = tick
        found += [(start, tick, pitch) for (_, pitch), start in sounding.items()]  # never ended
    return found, percussion


def write_midi(roll: Roll, steps_per_beat: int, beats_per_minute: float = 100.0) -> bytes:
    """The bytes of a MIDI file with one track, a piano, of type 0; a key held over several steps is one note.

    Args:
        roll: at least one step; silence at its end is kept as time before the end of the track.
        steps_per_beat: of the roll's grid, in a quarter note.
        beats_per_minute: the tempo.
    """
    import mido

    ticks = [round(step * TICKS / steps_per_beat) for step in range(len(roll) + 1)]
    # At one tick, notes end before others begin.
    events = sorted(
        event
        for note in notes_of(roll)
        for event in ((ticks[note.start], 1, note.pitch), (ticks[note.end], 0, note.pitch))
    )
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats_per_minute))])
    track.append(mido.Message("program_change", program=0))
    before = 0
    for when, is_on, pitch in events:
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, note=pitch, velocity=VELOCITY if is_on else 0, time=when - before))
        before = when
    track.append(mido.MetaMessage("end_of_track", time=ticks[-1] - before))
    written = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track]).save(file=written)
    return written.getvalue()
