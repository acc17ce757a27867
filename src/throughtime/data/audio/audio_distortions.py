"""Random distortions of recordings that keep their class, on their log-mel spectra."""

import numpy as np
from jaxtyping import Float

from throughtime.data.audio.audio_files import AudioFiles
from throughtime.data.audio.features import mel_of
from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.errors import UserError

NOISE_SECONDS = 10
"""Length of the white noise, of which each recording takes a part."""

NOISE_RANGE = 30
"""Decibels between the smallest and the largest ratio of signal to noise."""

LIMITS = {"speed": 0.5, "stretch": 0.5, "warp": 0.5, "time_mask": 1.0, "frequency_mask": 1.0}
"""The largest value of each argument that is a share."""


class AudioDistortions(Augmentation):
    """Distort recordings in time, in frequency and by noise; 0, or null of `noise`, turns a distortion off.

    In their order, x_t(f) the log-mel spectrum of frame t, all u uniform:

    - speed: x_t(f) becomes x_(at)(f / a), a = 1 + u, |u| ≤ `speed`: a recording played faster is shorter and higher
      (Ko et al. 2015). `stretch` changes the time alone, and `warp` the frequency alone, as the length of the vocal
      tract does (Jaitly & Hinton 2013). Between frames and bands, x is interpolated linearly.
    - noise: x becomes ln(exp(x) + g exp(n)), n the spectra of normal noise, whose power falls as f^-u, u from 0 to 1;
      the recording has a power of `noise` to `noise` + 30 decibels above it.
    - masks: `masks` times, up to a share `time_mask` of the frames and up to a share `frequency_mask` of the bands
      become the mean of their band (SpecAugment: Park et al. 2019, arXiv 1904.08779).

    Of MFCC, the spectra are as smooth as their coefficients are.

    Args:
        speed, stretch, warp: the largest relative changes, at most 0.5.
        noise: the least ratio of signal to noise in decibels; None for no noise.
        masks: the number of masks in time, and of those in frequency.
        time_mask, frequency_mask: the largest shares of the frames and of the bands that a mask covers.

    Raises:
        UserError: a value is out of its range.
    """

    def __init__(
        self,
        speed: float | int = 0.0,
        stretch: float | int = 0.0,
        warp: float | int = 0.0,
        noise: float | int | None = None,
        masks: int = 1,
        time_mask: float | int = 0.0,
        frequency_mask: float | int = 0.0,
    ) -> None:
        given = {
            "speed": speed,
            "stretch": stretch,
            "warp": warp,
            "time_mask": time_mask,
            "frequency_mask": frequency_mask,
        }
        for name, value in given.items():
            if not 0 <= value <= LIMITS[name]:
                raise UserError(f"data.augmentation.{name}={value} must be from 0 to {LIMITS[name]:g}")
        if noise is not None and not -30 <= noise <= 100:
            raise UserError(f"data.augmentation.noise={noise} must be from -30 to 100 decibels, or null")
        if not 0 <= masks <= 100:
            raise UserError(f"data.augmentation.masks={masks} must be from 0 to 100")
        self.speed, self.stretch, self.warp, self.time_mask, self.frequency_mask = given.values()
        self.noise = noise
        self.masks = masks if time_mask or frequency_mask else 0
        self._source: AudioFiles | None = None
        self._noise: np.ndarray | None = None  # power [frames, M]
        self._frequencies = self._mels = np.zeros(0)

    def connect(self, source: SequenceSource) -> None:
        """Take the features of the recordings, and compute the spectra of white noise.

        Raises:
            UserError: the source has no recordings.
        """
        if not isinstance(source, AudioFiles):
            raise UserError(
                "data.augmentation: these distortions need recordings; leave data.augmentation out for these data"
            )
        self._source = source
        log_mel = source.log_mel
        self._frequencies = log_mel.frequencies()
        self._mels = mel_of(self._frequencies)
        if self.noise is not None:
            white = np.random.default_rng(0).normal(scale=0.1, size=NOISE_SECONDS * log_mel.rate)
            self._noise = np.exp(log_mel(white.astype(np.float32)).astype(np.float64))

    def __call__(
        self, sequence: Float[np.ndarray, "n F"], generator: np.random.Generator
    ) -> Float[np.ndarray, "m F"]:
        if not (self.speed or self.stretch or self.warp or self.masks) and self.noise is None:
            return sequence
        features = self._source.frame_features
        spectra = self._moved(features.spectra(sequence).astype(np.float64), generator)
        if self.noise is not None:
            spectra = self._noisy(spectra, generator)
        return features.sequence(self._masked(spectra, generator))

    def _moved(
        self, spectra: Float[np.ndarray, "n M"], generator: np.random.Generator
    ) -> Float[np.ndarray, "m M"]:
        """Spectra at another speed, and with another scale of frequencies."""
        speed, stretch, warp = (
            1 + share * generator.uniform(-1, 1) for share in (self.speed, self.stretch, self.warp)
        )
        length = len(spectra)
        frames = max(1, round(length / (speed * stretch)))
        if frames != length:
            spectra = _read_at(spectra, np.linspace(0, length - 1, frames))
        if self.speed or self.warp:
            bands = np.arange(len(self._mels))
            places = np.interp(mel_of(self._frequencies / (speed * warp)), self._mels, bands)
            spectra = _read_at(spectra.T, places).T
        return spectra

    def _noisy(
        self, spectra: Float[np.ndarray, "n M"], generator: np.random.Generator
    ) -> Float[np.ndarray, "n M"]:
        """Spectra with noise added to their power."""
        start = generator.integers(len(self._noise))
        noise = np.take(self._noise, np.arange(start, start + len(spectra)), axis=0, mode="wrap")
        noise = noise * (self._frequencies[0] / self._frequencies) ** generator.uniform()
        decibels = self.noise + NOISE_RANGE * generator.uniform()
        power = np.exp(spectra)
        return np.log(power + noise * (power.sum() / noise.sum() * 10 ** (-decibels / 10)))

    def _masked(
        self, spectra: Float[np.ndarray, "n M"], generator: np.random.Generator
    ) -> Float[np.ndarray, "n M"]:
        """Spectra of which some frames and some bands are their mean."""
        if not self.masks:
            return spectra
        length, bands = spectra.shape
        means = spectra.mean(0)
        masked = spectra.copy()
        for _ in range(self.masks):
            first, last = _part(length, self.time_mask, generator)
            masked[first:last] = means
            first, last = _part(bands, self.frequency_mask, generator)
            masked[:, first:last] = means[first:last]
        return masked


def _read_at(values: Float[np.ndarray, "n C"], places: Float[np.ndarray, " m"]) -> Float[np.ndarray, "m C"]:
    """The rows of a matrix at places between them, interpolated linearly."""
    last = len(values) - 1
    before = np.minimum(places.astype(np.int64), last)
    after = np.minimum(before + 1, last)
    return values[before] + (places - before)[:, None] * (values[after] - values[before])


def _part(length: int, share: float, generator: np.random.Generator) -> tuple[int, int]:
    """The ends of a random part of up to a share of a length."""
    width = int(generator.integers(int(length * share) + 1))
    first = int(generator.integers(length - width + 1))
    return first, first + width
