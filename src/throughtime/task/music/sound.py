"""Sound of a piano roll: additive synthesis, and WAV files."""

import io
import wave

import numpy as np
from jaxtyping import Float

from throughtime.data.music.piano_roll import Roll, notes_of

RATE = 16_000
"""Samples a second."""

PARTIALS = (1.0, 0.5, 0.3, 0.15, 0.08)
"""The amplitudes of the first harmonics."""

ATTACK, RELEASE, DECAY = 0.01, 0.15, 1.2
"""Seconds in which a note rises, fades after its end, and falls to 1/e while it is held."""


def synthesise(roll: Roll, steps_per_beat: int, beats_per_minute: float = 100.0) -> Float[np.ndarray, " n"]:
    """The sound of a piano roll at `RATE` samples a second, within ±1: Σ over notes, Σ_k a_k sin(2π k f t) e(t).

    A note of the MIDI number m has the frequency f = 440 · 2^((m - 69) / 12) Hz; partials above half the sampling rate
    are left out.

    Args:
        roll: the notes.
        steps_per_beat: of its grid, in a quarter note.
        beats_per_minute: the tempo.
    """
    seconds = 60 / beats_per_minute / steps_per_beat
    sound = np.zeros(round((len(roll) * seconds + RELEASE) * RATE) + 1)
    for note in notes_of(roll):
        held = (note.end - note.start) * seconds
        time = np.arange(round((held + RELEASE) * RATE)) / RATE
        envelope = (
            np.minimum(time / ATTACK, 1) * np.exp(-time / DECAY) * np.clip(1 - (time - held) / RELEASE, 0, 1)
        )
        frequency = 440 * 2 ** ((note.pitch - 69) / 12)
        tone = sum(
            amplitude * np.sin(2 * np.pi * number * frequency * time)
            for number, amplitude in enumerate(PARTIALS, 1)
            if number * frequency < RATE / 2
        )
        first = round(note.start * seconds * RATE)
        part = (envelope * tone)[: len(sound) - first]
        sound[first : first + len(part)] += part
    loudest = np.abs(sound).max()
    return sound * (0.9 / loudest) if loudest > 0 else sound


def as_wave(sound: Float[np.ndarray, " n"]) -> bytes:
    """The bytes of a WAV file with one channel of 16 bits."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).round().astype("<i2").tobytes())
    return written.getvalue()
