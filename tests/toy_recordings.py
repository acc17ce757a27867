"""Recordings that are made in memory, for tests of audio."""

import numpy as np
import soundfile

RATE = 8000


def tone(frequency=440.0, seconds=0.3, rate=RATE):
    """A sine with a little noise."""
    times = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(int(frequency)).normal(scale=0.01, size=len(times))
    return (0.3 * np.sin(2 * np.pi * frequency * times) + noise).astype(np.float32)


def write_tone(file, *arguments, rate=RATE, subtype=None, **named):
    """Write a tone, and its folder where it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, tone(*arguments, rate=rate, **named), rate, subtype=subtype)
    return file


def write_spoken(folder, takes=4):
    """Tones of two classes and three speakers, each with some takes: `low_ann_0.wav`, ..."""
    for label, frequency in (("low", 200), ("high", 900)):
        for number, speaker in enumerate(("ann", "bob", "eve")):
            for take in range(takes):
                pitch = frequency + 40 * number + 5 * take
                write_tone(folder / f"{label}_{speaker}_{take}.wav", pitch, 0.2 + 0.02 * take)
    return folder
