"""Audio files as labelled sequences: a folder for each class, or labels and groups in the names of the files."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.data.array_cache import ArrayCache
from throughtime.data.audio.decode import (
    HIGHEST_RATE,
    LOWEST_RATE,
    SUFFIXES,
    AudioInfo,
    change_rate,
    read_info,
    read_samples,
)
from throughtime.data.audio.features import FrameFeatures, LogMel
from throughtime.data.audio.file_pattern import FilePattern, ValueFilter, Values
from throughtime.data.labelled.sequences import SequenceSet, SequenceSource, Shown
from throughtime.data.paths import find_files
from throughtime.errors import UserError, check_positive

GIGABYTE = 10**9


class AudioFile(NamedTuple):
    """One recording, before it is decoded.

    Attributes:
        file: its path.
        label: its class, or None.
        values: of the groups in its name; empty without a pattern.
    """

    file: Path
    label: str | None
    values: dict[str, str]


class AudioFiles(SequenceSource):
    """Recordings as sequences of spectral features, a step for each frame.

    Without a pattern, `data.path` is a folder with a folder of recordings for each class. With one, the groups in the
    names of the files are labels, groups of a split (`data.group=speaker`), or say which files are the test part.
    Stereo recordings are mixed down, and all are brought to one rate. Other files than audio are left out.

    Args:
        pattern: of the names of files (`FilePattern`); None for a folder for each class.
        label: the group of the pattern that is the class; None for `label`, or for the only one.
        test, val: values of groups, such as {take: [0, 1]}: the recordings that are the test and the validation part.
        rate: samples a second, to which all are resampled; None for the lowest of the recordings that are read first.
        longest: the most seconds of a recording.
        features, coefficients, energy, deltas: of a step (`FrameFeatures`).
        bands, window, hop, low, high: of the log-mel spectra (`LogMel`); window and hop in ms, low and high in Hz.
        cache_gigabytes: the largest size of the cache of spectra, above which no more are kept; 0 for none.

    Attributes:
        frame_features: the features of a step.
        log_mel: the spectra of frames; None before the rate is known.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(
        self,
        pattern: str | None = None,
        label: str | None = None,
        test: Values | None = None,
        val: Values | None = None,
        rate: int | None = None,
        longest: float | int = 600,
        features: str = "mfcc",
        coefficients: int = 13,
        energy: bool = False,
        deltas: int = 2,
        bands: int = 40,
        window: float | int = 25,
        hop: float | int = 10,
        low: float | int = 20,
        high: float | int | None = None,
        cache_gigabytes: float | int = 2,
    ) -> None:
        given = {"longest": longest, "window": window, "hop": hop}
        check_positive(**{f"data.source.{name}": value for name, value in given.items()})
        if rate is not None and not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise UserError(
                f"data.source.rate={rate} must be from {LOWEST_RATE:,} to {HIGHEST_RATE:,} samples a second, or null"
            )
        if not 0 <= cache_gigabytes < 10**6:
            raise UserError(f"data.source.cache_gigabytes={cache_gigabytes} must be at least 0")
        self.frame_features = FrameFeatures(features, bands, coefficients, energy, deltas)
        self._pattern = None if pattern is None else FilePattern(pattern, SUFFIXES)
        self._label = self._label_group(label)
        self._parts: dict[str, ValueFilter] = {}
        for name, values in {"test": test, "val": val}.items():
            if values is not None:
                self._parts[name] = ValueFilter(f"data.source.{name}", values, self._groups())
        self._spectra = LogMel(
            0, bands, float(window), float(hop), float(low), None if high is None else float(high)
        )
        self._cache = ArrayCache("audio", int(cache_gigabytes * GIGABYTE), "data.source.cache_gigabytes")
        self._group: str | None = None
        self._others = 0
        self._restored = False
        self.label = label
        self.longest = longest
        self.log_mel: LogMel | None = None
        if rate is not None:
            self._set_rate(rate)

    def group_by(self, key: str) -> None:
        """Take a group of the pattern as the group of each recording."""
        if key not in self._groups():
            raise UserError(
                f"data.group={key}: there is no group of this name in data.source.pattern; it has "
                f"{', '.join(self._groups()) or 'none'}"
            )
        self._group = key

    def read(self, path: str) -> SequenceSet:
        return self._set(self._labelled_files(path), path)

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        found = []
        for path in paths:
            for file in _audio_files(path, "FILE")[0]:
                values = {} if self._pattern is None else self._pattern.match(file) or {}
                found.append(AudioFile(file, values.get(self._label), values))
        return self._set(found, ", ".join(map(str, paths)), split=False)

    def series(self, sequence: Float[np.ndarray, "n F"]) -> Float[np.ndarray, "n S"]:
        return self.frame_features.statics(sequence)

    def step_seconds(self) -> float:
        return self._spectra.hop / 1000

    def shown(self, sequence: Float[np.ndarray, "n F"]) -> Shown:
        return Shown(self.frame_features.spectra(sequence), "mel band", upwards=True)

    def restore(self, state: dict[str, Any]) -> None:
        """Take the rate of the training recordings; other data need not have the values of their test part."""
        self._restored = True
        if state.get("rate") is not None:
            self._set_rate(state["rate"])

    def state(self) -> dict[str, Any]:
        spectra, features = self._spectra, self.frame_features
        return {
            "pattern": None if self._pattern is None else self._pattern.pattern,
            "label": self.label,
            "rate": None if self.log_mel is None else self.log_mel.rate,
            "longest": self.longest,
            "features": features.kind,
            "coefficients": features.coefficients,
            "energy": features.energy,
            "deltas": features.deltas,
            "bands": spectra.bands,
            "window": spectra.window,
            "hop": spectra.hop,
            "low": spectra.low,
            "high": spectra.high,
        }

    def _groups(self) -> tuple[str, ...]:
        return () if self._pattern is None else self._pattern.names

    def _label_group(self, label: str | None) -> str:
        """The group of the pattern that is the class."""
        names = self._groups()
        chosen = label or (names[0] if len(names) == 1 else "label")
        if self._pattern is None and label is not None:
            raise UserError(
                f"data.source.label={label} names a group of data.source.pattern; give a pattern such as "
                f"{{{label}}}_*.wav, or leave data.source.label out"
            )
        if self._pattern is not None and chosen not in names:
            raise UserError(
                f"data.source.label={label} must be one of the groups of data.source.pattern: {', '.join(names)}"
            )
        return chosen

    def _set_rate(self, rate: int) -> None:
        self.log_mel = self._spectra._replace(rate=rate)
        self.log_mel.check()

    def _labelled_files(self, path: str) -> list[AudioFile]:
        """The recordings of a path, with their classes and the values of their groups."""
        place = Path(path).expanduser()
        if self._pattern is None:
            found, self._others = _class_folders(place, path)
            return found
        files, self._others = _audio_files(place, "data.path")
        found: list[AudioFile] = []
        seen: dict[tuple[str, ...], Path] = {}
        for file in files:
            values = self._pattern.match(file)
            if values is None:
                raise UserError(
                    f"{file} does not match data.source.pattern={self._pattern.pattern}; rename it, leave it out, or "
                    "give another pattern"
                )
            other = seen.setdefault((file.stem, *values.values()), file)
            if other != file:
                raise UserError(
                    f"{other} and {file} have one name, and may be one recording; leave one out, or let "
                    "data.source.pattern tell them apart by their folders, such as {folder}/{label}_*.wav"
                )
            found.append(AudioFile(file, values[self._label], values))
        return found

    def _set(self, found: Sequence[AudioFile], path: str, split: bool = True) -> SequenceSet:
        """The features of some recordings."""
        infos = [read_info(audio.file, self.longest) for audio in found]
        if self.log_mel is None:
            self._set_rate(min(info.rate for info in infos))
        sequences = [
            self.frame_features.sequence(self._spectra_of(audio.file, info))
            for audio, info in zip(found, infos, strict=True)
        ]
        group = self._group
        return SequenceSet(
            sequences=sequences,
            labels=[audio.label for audio in found],
            names=[str(audio.file) for audio in found],
            groups=[audio.values[group] for audio in found] if split and group else None,
            split=self._split(found) if split and self._parts else None,
            channels=self.frame_features.channels(),
            frame_shape=self.frame_features.frame_shape(),
            description=self._description(infos, path),
        )

    def _spectra_of(self, file: Path, info: AudioInfo) -> Float[np.ndarray, "n M"]:
        """The log-mel spectra of a file, from the cache or put there now."""
        log_mel = self.log_mel
        settings = {**log_mel._asdict(), "library": version("kaldi-native-fbank")} if self._cache.size else {}
        key = self._cache.key(file, settings)
        spectra = self._cache.get(key, log_mel.bands)
        if spectra is not None:
            return spectra
        samples = change_rate(read_samples(file, info), info.rate, log_mel.rate)
        spectra = log_mel(samples)
        if not len(spectra):
            raise UserError(
                f"{file} has {info.samples / info.rate:.3f} s, less than a frame of "
                f"data.source.window={log_mel.window:g} ms; leave it out, or set a shorter window"
            )
        self._cache.put(key, spectra)
        return spectra

    def _split(self, found: Sequence[AudioFile]) -> list[str]:
        """The part of each recording, by the values of its groups."""
        for part in () if self._restored else self._parts.values():
            part.check_found([audio.values for audio in found])
        chosen = []
        for audio in found:
            names = [name for name, part in self._parts.items() if part(audio.values)]
            if len(names) > 1:
                raise UserError(
                    f"{audio.file} is of data.source.test and of data.source.val; give values that no file has of both"
                )
            chosen.append(names[0] if names else "train")
        return chosen

    def _description(self, infos: Sequence[AudioInfo], path: str) -> str:
        rate = self.log_mel.rate
        resampled = sum(info.rate != rate for info in infos)
        stereo = sum(info.channels == 2 for info in infos)
        told = [path]
        told += [f"{resampled:,} resampled"] * bool(resampled)
        told += [f"{stereo:,} mixed down from stereo"] * bool(stereo)
        told += [f"{self._others:,} other files left out"] * bool(self._others)
        return f"recordings at {rate:,} Hz ({', '.join(told)})"


def _audio_files(path: Path, key: str) -> tuple[list[Path], int]:
    """The audio files of a path, and the number of others.

    Raises:
        UserError: there is none.
    """
    files = find_files(str(path), key, "recording")
    audio = [file for file in files if _is_audio(file)]
    if not audio:
        raise UserError(f"{key}={path} holds no recording; give {', '.join(SUFFIXES)}")
    return audio, len(files) - len(audio)


def _is_audio(file: Path) -> bool:
    return file.name.lower().endswith(SUFFIXES) and not file.name.startswith(".")


def _class_folders(folder: Path, path: str) -> tuple[list[AudioFile], int]:
    """The recordings of a folder that has a folder for each class, and the number of other files."""
    if not folder.is_dir():
        find_files(path, noun="recording")
        raise UserError(
            f"data.path={path} is no folder and does not say classes; give a folder with a folder of recordings for "
            "each class, or say in data.source.pattern what the names of files mean, such as {label}_{speaker}_*.wav"
        )
    classes = sorted(place for place in folder.iterdir() if place.is_dir() and place.name[0] != ".")
    if not classes:
        raise UserError(
            f"data.path={path} has no folder in it; give a folder with a folder of recordings for each class, or say "
            "in data.source.pattern what the names of files mean, such as {label}_{speaker}_*.wav"
        )
    loose = next((file for file in sorted(folder.iterdir()) if file.is_file() and _is_audio(file)), None)
    if loose is not None:
        raise UserError(f"{loose} lies beside the folders of the classes; move it into one of them")
    found: list[AudioFile] = []
    others = 0
    for place in classes:
        files = [file for file in sorted(place.rglob("*")) if file.is_file()]
        own = [file for file in files if _is_audio(file)]
        others += len(files) - len(own)
        if not own:
            raise UserError(f"{place} holds no recording; a class needs some, or leave its folder out")
        seen: dict[Path, Path] = {}
        for file in own:
            other = seen.setdefault(file.with_suffix(""), file)
            if other != file:
                raise UserError(
                    f"{other} and {file} have one name, and may be one recording; leave one out, or rename it"
                )
            found.append(AudioFile(file, place.name, {}))
    return found, others
