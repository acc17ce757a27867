"""MIDI files become piano rolls on a grid of beats, and piano rolls become MIDI files."""

import io
from pathlib import Path

import mido
import numpy as np
import pytest

from throughtime.data.music.midi import MidiFiles, read_midi, write_midi
from throughtime.data.music.piano_roll import Note, notes_of, roll_of
from throughtime.errors import UserError


def save(path: Path, *tracks: list[tuple], ticks: int = 96, kind: int = 1) -> Path:
    """A file of tracks of (name, note, time in ticks since the event before, channel)."""
    made = [
        mido.MidiTrack(
            mido.Message(name, note=note, time=time, channel=channel, velocity=64 if name == "note_on" else 0)
            for name, note, time, channel in track
        )
        for track in tracks
    ]
    mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=made).save(path)
    return path


def test_tracks_sound_together_on_the_grid(tmp_path: Path) -> None:
    upper = [("note_on", 72, 0, 0), ("note_off", 72, 96, 0), ("note_on", 74, 0, 0), ("note_off", 74, 48, 0)]
    lower = [("note_on", 48, 3, 1), ("note_off", 48, 140, 1)]  # played a little late
    drums = [("note_on", 36, 0, 9), ("note_off", 36, 500, 9)]
    roll = read_midi(save(tmp_path / "a.mid", upper, lower, drums), steps_per_beat=4)
    assert notes_of(roll) == sorted([Note(0, 4, 72), Note(0, 6, 48), Note(4, 6, 74)])


@pytest.mark.parametrize("ticks", [24, 96, 480, 960])
def test_the_resolution_of_a_file_does_not_matter(tmp_path: Path, ticks: int) -> None:
    events = [
        ("note_on", 60, 0, 0),
        ("note_off", 60, ticks, 0),
        ("note_on", 64, ticks, 0),
        ("note_off", 64, ticks // 2, 0),
    ]
    roll = read_midi(save(tmp_path / "a.mid", events, ticks=ticks), steps_per_beat=2)
    assert notes_of(roll) == [Note(0, 2, 60), Note(4, 5, 64)]


def test_a_note_on_without_strength_ends_a_note_and_a_short_one_lasts_a_step(tmp_path: Path) -> None:
    track = mido.MidiTrack(
        [
            mido.Message("note_on", note=60, velocity=64, time=0),
            mido.Message("note_on", note=60, velocity=0, time=96),
            mido.Message("note_on", note=62, velocity=64, time=0),
            mido.Message("note_off", note=62, time=1),
            mido.Message("note_on", note=64, velocity=64, time=95),  # never ended
            mido.MetaMessage("end_of_track", time=96),
        ]
    )
    mido.MidiFile(ticks_per_beat=96, tracks=[track]).save(tmp_path / "a.mid")
    roll = read_midi(tmp_path / "a.mid", steps_per_beat=1)
    assert notes_of(roll) == [Note(0, 1, 60), Note(1, 2, 62), Note(2, 3, 64)]


@pytest.mark.parametrize(("steps_per_beat", "tempo"), [(1, 60.0), (3, 137.0)])
def test_what_is_written_is_read_back(tmp_path: Path, steps_per_beat: int, tempo: float) -> None:
    generator = np.random.default_rng(0)
    roll = (generator.random((20, 88)) < 0.1).astype(np.uint8)
    roll[-1, 0] = 1
    path = tmp_path / "a.mid"
    path.write_bytes(write_midi(roll, steps_per_beat, tempo))
    np.testing.assert_array_equal(read_midi(path, steps_per_beat), roll)
    assert mido.MidiFile(path).length == pytest.approx(20 / steps_per_beat * 60 / tempo, rel=1e-3)


def test_silence_is_a_file_too() -> None:
    written = mido.MidiFile(file=io.BytesIO(write_midi(np.zeros((4, 88), dtype=np.uint8), 1)))
    assert written.length == pytest.approx(4 * 0.6, rel=1e-3)


def test_notes_outside_the_keys_are_named_or_dropped(tmp_path: Path) -> None:
    events = [("note_on", 60, 0, 0), ("note_on", 110, 0, 0), ("note_off", 60, 96, 0), ("note_off", 110, 0, 0)]
    path = save(tmp_path / "high.mid", events)
    with pytest.raises(UserError, match=r"high\.mid has the pitch 110.*data\.source\.outside=drop"):
        MidiFiles().read(str(path))
    (pieces,) = MidiFiles(outside="drop").read(str(path)).values()
    assert [note.pitch for note in notes_of(pieces[0].roll)] == [60]


def test_files_without_notes_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "empty.mid", [])
    with pytest.raises(UserError, match=r"empty\.mid has no notes"):
        read_midi(path, 4)
    path = save(tmp_path / "drums.mid", [("note_on", 36, 0, 9), ("note_off", 36, 96, 9)])
    with pytest.raises(UserError, match="percussion alone"):
        read_midi(path, 4)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = write_midi(roll_of([Note(0, 4, 60)], "x"), 4)
    path = tmp_path / "a.mid"
    film = bytearray(whole)
    film[12:14] = b"\xe7\x28"  # 25 frames a second
    for damaged in (b"", whole[:10], whole[:-5], b"RIFF" + whole[4:], bytes(film), whole[:20] + b"\xff" * 30):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.mid"):
            read_midi(path, 4)


def test_no_byte_that_changes_is_a_fault(tmp_path: Path) -> None:
    whole = write_midi(roll_of([Note(0, 4, 60), Note(2, 7, 64)], "x"), 4)
    path = tmp_path / "a.mid"
    for place in range(len(whole)):
        for value in (0x00, 0xFF):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                read_midi(path, 4)
            except UserError as error:
                assert "a.mid" in str(error)


def test_a_folder_is_read_without_its_other_files(tmp_path: Path) -> None:
    for name in ("b.mid", "a.MIDI"):
        save(tmp_path / name, [("note_on", 60, 0, 0), ("note_off", 60, 96, 0)])
    (tmp_path / "notes.txt").write_text("no music")
    (pieces,) = MidiFiles().read(str(tmp_path)).values()
    assert [Path(piece.name).name for piece in pieces] == ["a.MIDI", "b.mid"]


def test_the_public_files_are_read(public_data: Path) -> None:
    (pieces,) = MidiFiles().read(str(public_data / "music" / "midi" / "jigs1*.mid")).values()
    assert len(pieces) == 11
    assert all(1 <= piece.roll.sum(1).max() <= 10 and len(piece.roll) > 50 for piece in pieces)
