"""Audio files as samples of one channel: WAV, FLAC and Ogg (Vorbis, Opus), decoded by libsndfile."""

import os
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.errors import UserError
from throughtime.files import read_start

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus")
"""Ends of the names of audio files, in lower case."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 400_000
"""Samples a second that a recording may have."""

BLOCK = 1 << 16
"""Samples of a channel that are decoded at a time."""

OGG_PAGE, LARGEST_PAGE = b"OggS", 65_307
"""The first bytes of a page of an Ogg file, and the most bytes of one."""

UNKNOWN_SIZE = 0xFFFF0000
"""Sizes from which on the header of a WAV file that was written to a pipe says nothing."""


class AudioInfo(NamedTuple):
    """The properties of a recording that its header tells.

    Attributes:
        rate: samples a second.
        channels: 1 or 2.
        samples: of one channel.
    """

    rate: int
    channels: int
    samples: int


def read_info(file: Path, longest: float | int) -> AudioInfo:
    """The header of an audio file, checked before anything is decoded.

    Args:
        file: an audio file.
        longest: the most seconds that it may have.

    Raises:
        UserError: the file is empty, damaged or cut off, holds no samples or too many, or has more than two channels.
    """
    soundfile = _library()
    try:
        if file.stat().st_size == 0:
            raise UserError(f"{file} is empty; leave it out")
        _check_whole(file)
        with soundfile.SoundFile(str(file)) as opened:
            info = AudioInfo(opened.samplerate, opened.channels, opened.frames)
    except (OSError, RuntimeError) as error:
        raise _damaged(file, error) from error
    if info.channels > 2:
        raise UserError(f"{file} has {info.channels} channels; give a mono or a stereo recording")
    if not LOWEST_RATE <= info.rate <= HIGHEST_RATE:
        raise UserError(
            f"{file} has {info.rate:,} samples a second; give a recording with {LOWEST_RATE:,} to {HIGHEST_RATE:,}"
        )
    if info.samples <= 0:
        raise UserError(f"{file} holds no sample; leave it out")
    if info.samples > longest * info.rate:
        raise UserError(
            f"{file} has {info.samples / info.rate:,.0f} s, more than data.source.longest={longest:g}; cut it, or set "
            "a larger data.source.longest"
        )
    return info


def read_samples(file: Path, info: AudioInfo) -> Float[np.ndarray, " N"]:
    """The samples of an audio file, from -1 to 1; two channels are mixed down to their mean.

    It is decoded in blocks, so that a header that announces too much takes no memory.

    Raises:
        UserError: the file is damaged or cut off, a sample is not finite, or all samples are equal.
    """
    soundfile = _library()
    try:
        with soundfile.SoundFile(str(file)) as opened:
            blocks = [
                block.mean(1, dtype=np.float32)
                for block in opened.blocks(BLOCK, dtype="float32", always_2d=True)
            ]
    except (OSError, RuntimeError) as error:
        raise _damaged(file, error) from error
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if len(samples) < info.samples:
        raise UserError(
            f"{file} is cut off after {len(samples):,} of {info.samples:,} samples; copy it again, or leave it out"
        )
    if not (finite := np.isfinite(samples)).all():
        number = int(finite.argmin())
        raise UserError(
            f"{file}: the sample at {number / info.rate:.4f} s is {samples[number]}; give finite samples, or leave the "
            "file out"
        )
    if samples.min() == samples.max():
        raise UserError(f"{file} is silent: all of its samples are {samples[0]:g}; leave it out")
    return samples


def change_rate(samples: Float[np.ndarray, " N"], rate: int, wanted: int) -> Float[np.ndarray, " n"]:
    """Resample from one rate to another: polyphase filtering against aliasing (`scipy.signal.resample_poly`)."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly  # only now: it takes a third of a second

    common = int(np.gcd(rate, wanted))
    return resample_poly(samples, wanted // common, rate // common).astype(np.float32)


def _library() -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise UserError(
            "audio is read by soundfile, which is not installed; install throughtime[audio]"
        ) from error
    return soundfile


def _damaged(file: Path, error: Exception) -> UserError:
    reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return UserError(
        f"{file} cannot be read as audio ({str(reason).strip().rstrip('.')}); give a whole file, or leave it out"
    )


def _check_whole(file: Path) -> None:
    """Raise `UserError` for a WAV or an Ogg file that is cut off; libsndfile reads what there is of it."""
    start, size = read_start(file, 12), os.path.getsize(file)
    if start[:4] == b"RIFF" and start[8:] == b"WAVE":
        announced = int.from_bytes(start[4:8], "little")
        if 0 < announced < UNKNOWN_SIZE and size < announced + 8 - 1:  # a byte of padding is often left out
            raise UserError(
                f"{file} is cut off: its header announces {announced + 8:,} bytes, and it has {size:,}; copy it again, "
                "or leave it out"
            )
    if start[:4] == OGG_PAGE and not _has_last_page(file, size):
        raise UserError(
            f"{file} is cut off: it has no page that ends the stream; copy it again, or leave it out"
        )


def _has_last_page(file: Path, size: int) -> bool:
    """Whether the last page of an Ogg file is whole and marked as the end of its stream (RFC 3533)."""
    with open(file, "rb") as opened:
        opened.seek(max(0, size - LARGEST_PAGE))
        end = opened.read(LARGEST_PAGE)
    page = end[max(end.rfind(OGG_PAGE), 0) :]
    if len(page) < 27:
        return False
    segments = page[26]
    return bool(page[5] & 4) and len(page) >= 27 + segments + sum(page[27 : 27 + segments])
