"""Sound of notes: their pitch, their time, and WAV files."""

import io
import wave

import numpy as np
import pytest

from throughtime.data.music.piano_roll import Note, roll_of
from throughtime.task.music.sound import RATE, as_wave, synthesise


@pytest.mark.parametrize("pitch", [33, 57, 69, 93])
def test_a_note_has_the_frequency_of_its_pitch(pitch: int) -> None:
    sound = synthesise(roll_of([Note(0, 4, pitch)], "x"), 1, 60.0)
    spectrum = np.abs(np.fft.rfft(sound))
    found = np.fft.rfftfreq(len(sound), 1 / RATE)[spectrum.argmax()]
    assert found == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.01)


def test_notes_sound_when_they_are_played() -> None:
    roll = roll_of([Note(2, 3, 60), Note(5, 6, 64)], "x")
    sound = synthesise(roll, steps_per_beat=2, beats_per_minute=120.0)  # a quarter of a second a step
    loudness = [float(np.abs(part).mean()) for part in np.split(sound[: 6 * RATE // 4], 6)]
    assert loudness[0] == loudness[1] == loudness[4] == 0 < loudness[3] < min(loudness[2], loudness[5])
    assert np.abs(sound).max() == pytest.approx(0.9)


def test_silence_and_the_highest_key_have_a_sound_too() -> None:
    assert not synthesise(np.zeros((4, 88), dtype=np.uint8), 1).any()
    assert np.isfinite(synthesise(roll_of([Note(0, 1, 108)], "x"), 4)).all()


def test_a_wave_file_has_the_samples() -> None:
    sound = np.sin(np.arange(1000) / 10)
    with wave.open(io.BytesIO(as_wave(sound))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (RATE, 1, 1000)
        found = np.frombuffer(file.readframes(1000), "<i2") / 32767
    np.testing.assert_allclose(found, sound, atol=1e-4)
