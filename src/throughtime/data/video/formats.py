"""File formats of clips: films, animated pictures, and folders of frames."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.data.images.formats import PICTURES, read_picture
from throughtime.errors import UserError

FILMS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")
ANIMATIONS = (".gif", ".apng")
FRAMES = tuple(suffix for suffix in PICTURES if suffix not in ANIMATIONS)
BRIGHTEST = 255


class FrameSampling(NamedTuple):
    """Selection and conversion of the frames of a clip.

    Attributes:
        colour: `grey` or `rgb`; frames are converted.
        size: (height, width) to resize to; None to leave it.
        stride: every so many-th frame is read, from the first.
        longest: the most frames that are read; None for all.
    """

    colour: str = "grey"
    size: tuple[int, int] | None = None
    stride: int = 1
    longest: int | None = None

    def of(self, frames: Iterable) -> Iterator:
        """The frames that are read."""
        return islice(frames, 0, None if self.longest is None else self.longest * self.stride, self.stride)


def read_clip(
    place: Path, sampling: FrameSampling, count: Callable[[int, str], None]
) -> Float[np.ndarray, "T height width C"]:
    """The frames of a clip, from 0 to 1.

    Args:
        place: a film, an animated picture, or a folder of frames in the order of their names, in which numbers count
            as such (`2.png` before `10.png`).
        sampling: which frames are read, and how.
        count: called with the bytes of each frame and the name of its file before it is kept.

    Raises:
        UserError: there is no frame, a frame has another size than the first, or a file is empty, damaged or of no
            known format.
    """
    name = place.name.lower()
    if place.is_dir():
        found = _folder(place, sampling)
    elif name.endswith(ANIMATIONS):
        found = _animation(place, sampling)
    else:
        found = _film(place, sampling)
    frames: list[np.ndarray] = []
    for file, frame in found:
        if frames and frame.shape != frames[0].shape:
            (height, width, _), own = frames[0].shape, frame.shape
            raise UserError(
                f"{file} has {own[0]} x {own[1]} pixels, but the first frame has {height} x {width}; "
                f"data.source.size=[{height},{width}] makes all alike"
            )
        count(4 * frame.size, str(file))
        frames.append(frame)
    if not frames:
        raise UserError(f"{place} has no frame; leave it out, or replace it")
    return np.stack(frames)


def frame_files(folder: Path) -> list[Path]:
    """The pictures in a folder, in the order of the numbers in their names."""
    found = [file for file in folder.iterdir() if file.name.lower().endswith(FRAMES) and file.name[0] != "."]
    return sorted(found, key=_natural)


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], file.name


def _folder(folder: Path, sampling: FrameSampling) -> Iterator[tuple[Path, np.ndarray]]:
    for file in sampling.of(frame_files(folder)):
        yield file, read_picture(file, sampling.colour, sampling.size)


def _animation(file: Path, sampling: FrameSampling) -> Iterator[tuple[Path, np.ndarray]]:
    from PIL import Image as Picture
    from PIL import ImageSequence

    _check_not_empty(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Picture.DecompressionBombWarning)
            with Picture.open(file) as opened:
                for frame in sampling.of(ImageSequence.Iterator(opened)):
                    picture = frame.convert("RGB" if sampling.colour == "rgb" else "L")
                    if sampling.size is not None and picture.size != sampling.size[::-1]:
                        picture = picture.resize(sampling.size[::-1], Picture.Resampling.BILINEAR)
                    yield file, _unit(np.asarray(picture))
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        Picture.DecompressionBombError,
        Warning,
    ) as error:
        raise UserError(
            f"{file} is no animation that can be read, or is damaged; replace it or leave it out"
        ) from error


def _film(file: Path, sampling: FrameSampling) -> Iterator[tuple[Path, np.ndarray]]:
    try:
        import av  # only now: it loads FFmpeg
    except ImportError as error:
        raise UserError(
            f"{file} is a film, which the package av reads; install throughtime[video], or give folders of frames"
        ) from error
    _check_not_empty(file)
    av.logging.set_level(None)  # what FFmpeg says is told in a sentence
    kind = "rgb24" if sampling.colour == "rgb" else "gray"
    height, width = sampling.size or (None, None)
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise UserError(f"{file} has no video in it; replace it or leave it out")
            for frame in sampling.of(_decoded(container, file)):
                plain = frame.reformat(width=width, height=height, format=kind)
                yield file, _unit(plain.to_ndarray())
    except (av.error.FFmpegError, ValueError) as error:
        raise UserError(
            f"{file} is no film that can be read, or is damaged; replace it or leave it out"
        ) from error


def _decoded(container, file: Path) -> Iterator:
    """The frames of the first stream of video; a packet that is cut short is an error, where FFmpeg would pass on."""
    stream = container.streams.video[0]
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise UserError(f"{file} is cut short or damaged; replace it or leave it out")
        yield from packet.decode()


def _unit(pixels: np.ndarray) -> Float[np.ndarray, "height width C"]:
    values = pixels.astype(np.float32) / BRIGHTEST
    return values[..., None] if values.ndim == 2 else values


def _check_not_empty(file: Path) -> None:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    if size == 0:
        raise UserError(f"{file} is empty (0 bytes); replace it or leave it out")
