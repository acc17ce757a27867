"""Strings of spoken words that are composed of recordings of single words, such as digits."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from throughtime.data.audio.audio_files import AudioFiles
from throughtime.data.audio.decode import SUFFIXES, change_rate, read_info, read_samples
from throughtime.data.audio.file_pattern import FilePattern, ValueFilter
from throughtime.data.paths import find_files
from throughtime.data.transcribed.drawn import Drawn, DrawnSource
from throughtime.errors import UserError, check_choice, check_positive

PartValues = Mapping[str, Any]
"""Values of groups, as of `ValueFilter`; None for a group that does not matter."""

FADE = 0.005
"""Seconds in which a recording begins and ends, so that it does not click."""


class SpokenStrings(DrawnSource):
    """Recordings of words by one speaker, one after another, with random gaps and levels and a background of noise.

        x = Σ_i 10^(g_i / 20) r_i(t - s_i) + n(t),   g_i uniform in ± level,   s_(i+1) = s_i + |r_i| + gap

    The words are drawn uniformly, and each recording uniformly among those that the speaker has of the word in the
    split. Training strings are drawn anew in every epoch; those of validation and test are the same in all runs.

    Args:
        pattern: of the names of files (`FilePattern`).
        label: the group of the pattern that is the word; a transcript is the words with `separator` between them.
        speaker: the group that a string has one value of; None for strings of any recordings.
        test, val: values of groups, such as {take: [0, 1]}: the recordings of which test and validation strings are
            made; a group with null does not matter. A recording of the test part is in no other.
        words: the least and the most words of a string.
        gap: the least and the most seconds before, between and after words.
        level: g, decibels by which a word is louder or quieter than the others.
        noise: the least and the most ratio of signal to noise of a string, in decibels.
        speed: the largest relative change of the speed of a training recording.
        strings: of a training epoch.
        eval_strings: of validation, and of test.
        separator: between the words of a transcript.
        features, coefficients, energy, deltas, bands, window, hop, low, high, rate: as of `AudioFiles`.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(
        self,
        pattern: str,
        label: str = "digit",
        speaker: str | None = "speaker",
        test: PartValues | None = None,
        val: PartValues | None = None,
        words: Sequence[int] = (3, 7),
        gap: Sequence[float | int] = (0.05, 0.4),
        level: float | int = 6.0,
        noise: Sequence[float | int] = (15, 40),
        speed: float | int = 0.1,
        strings: int = 2000,
        eval_strings: int = 200,
        separator: str = "",
        features: str = "logmel",
        coefficients: int = 13,
        energy: bool = False,
        deltas: int = 0,
        bands: int = 40,
        window: float | int = 25,
        hop: float | int = 10,
        low: float | int = 20,
        high: float | int | None = None,
        rate: int | None = None,
    ) -> None:
        check_positive(**{"data.source.strings": strings, "data.source.eval_strings": eval_strings})
        _check_range("words", words, 1)
        _check_range("gap", gap, 0)
        _check_range("noise", noise, -30)
        if not 0 <= level <= 60:
            raise UserError(f"data.source.level={level} must be from 0 to 60 decibels")
        if not 0 <= speed <= 0.5:
            raise UserError(f"data.source.speed={speed} must be from 0 to 0.5")
        self.reader = AudioFiles(
            features=features,
            coefficients=coefficients,
            energy=energy,
            deltas=deltas,
            bands=bands,
            window=window,
            hop=hop,
            low=low,
            high=high,
            rate=rate,
        )
        self._pattern = FilePattern(pattern, SUFFIXES)
        names = self._pattern.names
        check_choice(names, **{"data.source.label": label})
        if speaker is not None:
            check_choice(names, **{"data.source.speaker": speaker})
        given = {
            name: {group: one for group, one in (values or {}).items() if one is not None}
            for name, values in {"test": test, "val": val}.items()
        }
        self._filters = {
            name: ValueFilter(f"data.source.{name}", values, names)
            for name, values in given.items()
            if values
        }
        self.label, self.speaker = label, speaker
        self.words, self.gap, self.level, self.noise = tuple(words), tuple(gap), level, tuple(noise)
        self.speed, self.separator = speed, separator
        self.counts = {"train": strings, "val": eval_strings, "test": eval_strings}
        self._recordings: list[Float[np.ndarray, " N"]] = []
        self._of_word: dict[str, dict[str, dict[str, list[int]]]] = {}  # split, speaker, word -> recordings
        self._words: list[str] = []

    def prepare(self, path: str | None, restored: bool) -> None:
        if path is None:
            raise UserError(
                f"data.path: name the folder of the recordings, whose names are as {self._pattern.pattern}"
            )
        files = [file for file in find_files(path, noun="recording") if file.name.lower().endswith(SUFFIXES)]
        values = [self._values(file) for file in files]
        if not files:
            raise UserError(f"data.path={path} holds no recording; give {', '.join(SUFFIXES)}")
        if not restored:
            for one in self._filters.values():
                one.check_found(values)
        infos = [read_info(file, self.reader.longest) for file in files]
        if self.reader.log_mel is None:
            self.reader.restore({"rate": min(info.rate for info in infos)})
        rate = self.reader.log_mel.rate
        for number, (file, info, one) in enumerate(zip(files, infos, values, strict=True)):
            samples = change_rate(read_samples(file, info), info.rate, rate)
            self._recordings.append(_faded(samples - samples.mean(), int(FADE * rate)))
            split = next((name for name, chosen in self._filters.items() if chosen(one)), "train")
            speaker = "" if self.speaker is None else one[self.speaker]
            words = self._of_word.setdefault(split, {}).setdefault(speaker, {})
            words.setdefault(one[self.label], []).append(number)
        self._words = sorted({one[self.label] for one in values})
        speakers = {speaker for own in self._of_word.values() for speaker in own}
        self.description = (
            f"strings of {self.words[0]} to {self.words[1]} of {len(self._words)} spoken words, composed of "
            f"{len(files):,} recordings of {len(speakers)} speakers at {rate:,} Hz ({path})"
        )

    def sizes(self, split: str) -> Integer[np.ndarray, " n"]:
        least, most = self.words
        count = self.counts[split] if split in self._of_word else 0
        return least + np.arange(count) % (most - least + 1)

    def draw(self, split: str, number: int, generator: np.random.Generator) -> Drawn:
        speakers = self._of_word[split]
        own = speakers[sorted(speakers)[generator.integers(len(speakers))]]
        count = int(self.sizes(split)[number])
        words = [sorted(own)[one] for one in generator.integers(len(own), size=count)]
        rate = self.reader.log_mel.rate

        def silence() -> np.ndarray:
            return np.zeros(int(generator.uniform(*self.gap) * rate), np.float32)

        pieces = [silence()]
        for word in words:
            samples = self._recordings[own[word][generator.integers(len(own[word]))]]
            if split == "train" and self.speed:
                samples = _at_speed(samples, 1 + self.speed * generator.uniform(-1, 1))
            loudness = float(np.sqrt(np.mean(samples**2)) + 1e-9)
            gain = 10 ** (generator.uniform(-self.level, self.level) / 20) * 0.1 / loudness
            pieces += [samples * np.float32(gain), silence()]
        clean = np.concatenate(pieces)
        ratio = 10 ** (-generator.uniform(*self.noise) / 20)
        noise = generator.standard_normal(len(clean), dtype=np.float32) * np.float32(0.1 * ratio)
        sound = clean + noise
        spectra = self.reader.log_mel(sound)
        return Drawn(self.reader.frame_features.sequence(spectra), self.separator.join(words), sound)

    def alphabet(self) -> list[str]:
        return sorted(set("".join(self._words) + (self.separator if self.words[1] > 1 else "")))

    def channels(self) -> tuple[str, ...]:
        return self.reader.frame_features.channels()

    def digest(self) -> str:
        digest = hashlib.sha256(
            repr((self._of_word, self.counts, sorted(self._arguments().items()))).encode()
        )
        for samples in self._recordings:
            digest.update(samples.tobytes())
        return digest.hexdigest()

    def _arguments(self) -> dict[str, object]:
        names = ("words", "gap", "level", "noise", "speed", "separator")
        return {name: getattr(self, name) for name in names}

    def _values(self, file: Path) -> dict[str, str]:
        values = self._pattern.match(file)
        if values is None:
            raise UserError(
                f"{file} does not match data.source.pattern={self._pattern.pattern}; rename it, leave it out, or give "
                "another pattern"
            )
        return values


def _check_range(name: str, given: Sequence[float | int], least: int) -> None:
    if len(given) != 2 or not least <= given[0] <= given[1] <= 1000:
        raise UserError(
            f"data.source.{name}={list(given)} must be the least and the most, two numbers from {least} to 1000"
        )


def _faded(samples: Float[np.ndarray, " N"], length: int) -> Float[np.ndarray, " N"]:
    length = min(length, len(samples) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    samples = samples.astype(np.float32)
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples


def _at_speed(samples: Float[np.ndarray, " N"], speed: float) -> Float[np.ndarray, " n"]:
    """A recording that is played faster or slower, by linear interpolation."""
    places = np.arange(0, len(samples) - 1, speed)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
