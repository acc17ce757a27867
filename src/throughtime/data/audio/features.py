"""Spectral features of recordings: log-mel spectra, mel cepstra (MFCC), energy and deltas."""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import dct

from throughtime.errors import UserError, check_choice, check_positive

KINDS = ("logmel", "mfcc")

SCALE = 1 << 15
"""Kaldi's unit of samples is that of 16-bit integers."""

REACH = 2
"""N of the deltas: the steps on either side."""

MOST_DELTAS = 2

MOST_BANDS, LONGEST_FRAME = 1_000, 10_000
"""The most bands, and the most ms of a frame and from one to the next."""


class LogMel(NamedTuple):
    """Log-mel spectra of frames, as Kaldi computes them (kaldi-native-fbank; no dithering).

        X_tk = FFT of frame t: mean removed, x_n - 0.97 x_(n-1), Povey's window
        x_tm = ln max(sum_k w_mk |X_tk|^2, 1.2e-7)
        mel(f) = 1127 ln(1 + f / 700)

    The filters w_m are triangles of equal width on the mel scale. Frame t reads `window` ms from t · `hop` ms on, so
    that N samples give 1 + floor((N - w) / h) frames, and none reads beyond the end.

    Source: Davis & Mermelstein 1980; Povey et al. 2011, "The Kaldi speech recognition toolkit".

    Attributes:
        rate: samples a second.
        bands: M.
        window, hop: of frames, in ms.
        low, high: the ends of the filters in Hz; None for half the rate.
    """

    rate: int
    bands: int = 40
    window: float = 25.0
    hop: float = 10.0
    low: float = 20.0
    high: float | None = None

    def check(self) -> None:
        """Raise `UserError` for a band or a frame that is not possible at this rate."""
        if max(self.window, self.hop) > LONGEST_FRAME:
            raise UserError(
                f"data.source.window={self.window:g} and data.source.hop={self.hop:g} must be at most "
                f"{LONGEST_FRAME:,} ms"
            )
        top = self.rate / 2
        high = top if self.high is None else self.high
        if not 0 <= self.low < high <= top:
            raise UserError(
                f"data.source.low={self.low:g} and data.source.high={high:g} must be in this order, from 0 to half of "
                f"{self.rate:,} samples a second"
            )
        if int(self.rate * self.hop / 1000) < 1 or int(self.rate * self.window / 1000) < 2:
            raise UserError(
                f"data.source.window={self.window:g} and data.source.hop={self.hop:g} ms are less than a sample"
            )
        try:
            self(np.zeros(self.frame_samples, np.float32))
        except ValueError as error:
            raise UserError(
                f"data.source.bands={self.bands} are too many for frames of {self.window:g} ms at {self.rate:,} "
                "samples a second, as a band would have no frequency; make it smaller, or data.source.window longer"
            ) from error

    @property
    def frame_samples(self) -> int:
        """The samples of a frame."""
        return int(self.rate * self.window / 1000)

    def __call__(self, samples: Float[np.ndarray, " N"]) -> Float[np.ndarray, "n M"]:
        """The spectrum of each frame; n is 0 where the samples are fewer than a frame."""
        kaldi = _library()
        options = kaldi.FbankOptions()
        frames, mel = options.frame_opts, options.mel_opts
        frames.samp_freq, frames.dither = self.rate, 0.0
        frames.frame_length_ms, frames.frame_shift_ms = self.window, self.hop
        mel.num_bins, mel.low_freq, mel.high_freq = self.bands, self.low, self.high or 0.0
        extractor = kaldi.OnlineFbank(options)
        extractor.accept_waveform(self.rate, samples.astype(np.float32) * np.float32(SCALE))
        extractor.input_finished()
        spectra = [extractor.get_frame(number) for number in range(extractor.num_frames_ready)]
        return np.array(spectra, dtype=np.float32).reshape(-1, self.bands)

    def frequencies(self) -> Float[np.ndarray, " M"]:
        """The middle of each filter in Hz."""
        ends = mel_of(np.array([self.low, self.rate / 2 if self.high is None else self.high]))
        return hertz_of(np.linspace(*ends, self.bands + 2)[1:-1])


def mel_of(frequency: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Mel of Hz: 1127 ln(1 + f / 700)."""
    return 1127 * np.log1p(frequency / 700)


def hertz_of(mel: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Hz of mel, the inverse of `mel_of`."""
    return 700 * np.expm1(mel / 1127)


class FrameFeatures:
    """Features of steps from their log-mel spectra x_t, and back.

        c_t = DCT-II(x_t), orthonormal, its first C coefficients         (mfcc)
        e_t = ln sum_m exp(x_tm)                                         (energy)
        d_t = sum_(k=1..2) k (y_(t+k) - y_(t-k)) / 10                    (deltas; the ends are repeated)

    Deltas of deltas follow with `deltas=2`. The features of step t read up to 2 · `deltas` later steps.

    Source: Davis & Mermelstein 1980; Furui 1986 (deltas); Young et al., "The HTK book".

    Args:
        kind: `logmel` or `mfcc`.
        bands: M of the spectra.
        coefficients: C of MFCC, at most M.
        energy: whether e_t is a feature of its own.
        deltas: 0, 1 or 2.

    Raises:
        UserError: a value is out of its range.
    """

    def __init__(
        self,
        kind: str = "mfcc",
        bands: int = 40,
        coefficients: int = 13,
        energy: bool = False,
        deltas: int = 2,
    ) -> None:
        check_choice(KINDS, **{"data.source.features": kind})
        check_positive(**{"data.source.bands": bands, "data.source.coefficients": coefficients})
        if bands > MOST_BANDS:
            raise UserError(f"data.source.bands={bands} must be at most {MOST_BANDS:,}")
        if kind == "mfcc" and coefficients > bands:
            raise UserError(
                f"data.source.coefficients={coefficients} must be at most data.source.bands={bands}"
            )
        if deltas not in range(MOST_DELTAS + 1):
            raise UserError(f"data.source.deltas={deltas} must be 0, 1 or 2")
        self.kind = kind
        self.bands = bands
        self.coefficients = coefficients if kind == "mfcc" else bands
        self.energy = energy
        self.deltas = deltas
        self._cosines = dct(np.eye(bands), type=2, norm="ortho", axis=1)[:, : self.coefficients]

    def sequence(self, spectra: Float[np.ndarray, "n M"]) -> Float[np.ndarray, "n F"]:
        """The features of the steps of some spectra."""
        statics = spectra
        if self.kind == "mfcc":
            statics = spectra @ self._cosines
        if self.energy:
            statics = np.hstack([statics, np.logaddexp.reduce(spectra, axis=1, keepdims=True)])
        blocks = [statics]
        for _ in range(self.deltas):
            blocks.append(slopes(blocks[-1]))
        return np.ascontiguousarray(np.hstack(blocks), dtype=np.float32)

    def spectra(self, sequence: Float[np.ndarray, "n F"]) -> Float[np.ndarray, "n M"]:
        """The log-mel spectra of features; of MFCC, as smooth as their first C coefficients are."""
        statics = sequence[:, : self.coefficients]
        return statics @ self._cosines.T if self.kind == "mfcc" else statics

    def statics(self, sequence: Float[np.ndarray, "n F"]) -> Float[np.ndarray, "n S"]:
        """The features without their deltas."""
        return sequence[:, : self.coefficients + self.energy]

    def channels(self) -> tuple[str, ...]:
        """The names of the F features."""
        letter = "c" if self.kind == "mfcc" else "mel"
        first = 0 if self.kind == "mfcc" else 1
        names = [f"{letter}{number + first}" for number in range(self.coefficients)] + [
            "energy"
        ] * self.energy
        return tuple(f"{'Δ' * order}{name}" for order in range(self.deltas + 1) for name in names)

    def frame_shape(self) -> tuple[int, int, int] | None:
        """(channels, bands, 1) of a step of log-mel bands and their deltas; None of features that are not ordered."""
        return None if self.kind == "mfcc" or self.energy else (self.deltas + 1, self.bands, 1)

    def arguments(self) -> dict[str, Any]:
        """The arguments that make these features again."""
        return {
            "kind": self.kind,
            "bands": self.bands,
            "coefficients": self.coefficients,
            "energy": self.energy,
            "deltas": self.deltas,
        }


def slopes(values: Float[np.ndarray, "n S"]) -> Float[np.ndarray, "n S"]:
    """The slope of each feature over time: a line fitted to five steps; the ends are repeated."""
    length = len(values)
    padded = values[np.clip(np.arange(-REACH, length + REACH), 0, length - 1)]
    total = sum(
        reach * (padded[REACH + reach :][:length] - padded[REACH - reach :][:length])
        for reach in range(1, REACH + 1)
    )
    return total / (2 * sum(reach**2 for reach in range(1, REACH + 1)))


def _library() -> ModuleType:
    try:
        import kaldi_native_fbank
    except ImportError as error:
        raise UserError(
            "spectra are computed by kaldi-native-fbank, which is not installed; install throughtime[audio]"
        ) from error
    return kaldi_native_fbank
