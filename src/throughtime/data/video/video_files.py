"""Clips of files with a class each: a folder for each class, with films, animations, folders of frames, or tables."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from throughtime.data.audio.file_pattern import FilePattern
from throughtime.data.encoding import check_encoding
from throughtime.data.images.image_files import COLOURS
from throughtime.data.labelled.sequences import SequenceSet, SequenceSource
from throughtime.data.memory import MemoryCount
from throughtime.data.video.feature_table import read_feature_table
from throughtime.data.video.formats import ANIMATIONS, FILMS, FRAMES, FrameSampling, frame_files, read_clip
from throughtime.data.video.frames import frames_to_sequence, pixel_names
from throughtime.errors import UserError, check_choice, check_positive

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

KNOWN = f"a folder of frames ({', '.join(FRAMES)}), {', '.join((*FILMS, *ANIMATIONS, *TABLES))}"
"""What a clip may be, in words."""


class Clip(NamedTuple):
    """One clip as it was read.

    Attributes:
        values: [T, F].
        channels: the names of the F features.
        frame_shape: (C, height, width); None for tables of features.
        label: its class, or None.
        place: its file or its folder.
    """

    values: np.ndarray
    channels: tuple[str, ...]
    frame_shape: tuple[int, int, int] | None
    label: str | None
    place: Path


class VideoFiles(SequenceSource):
    """Clips of files, each read as a sequence of frames.

    A folder has a folder for each class, and in it a clip is a film (MP4 and others that FFmpeg reads), an animated
    picture (GIF), a folder of pictures, or a table with a row of features for each frame. All clips have frames of one
    size, or the same features.

    Args:
        colour: `grey` or `rgb`; frames are converted.
        size: [height, width] to resize to; None where all frames have one size.
        stride: every so many-th frame is read, from the first.
        longest: the most frames of a clip, after the stride; None for all.
        leave_out: names of columns of tables that are no features.
        pattern: of named groups in the name of a clip and of the folders above it (`FilePattern`), for splits by group;
            None where no clip has a group.
        encoding: of tables.

    Attributes:
        frame_shape: (C, height, width) of all frames; None for tables of features, and before clips were read.

    Raises:
        UserError: an argument is not known.
    """

    def __init__(
        self,
        colour: str = "grey",
        size: Sequence[int] | None = None,
        stride: int = 1,
        longest: int | None = None,
        leave_out: Sequence[str] = (),
        pattern: str | None = None,
        encoding: str = "utf-8",
    ) -> None:
        check_encoding(encoding, "data.source.encoding")
        check_choice(COLOURS, **{"data.source.colour": colour})
        check_positive(
            **{"data.source.stride": stride, "data.source.longest": 1 if longest is None else longest}
        )
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise UserError(
                f"data.source.size={list(size)} must be [height, width] in pixels, such as [64, 64]"
            )
        height_width = None if size is None else (int(size[0]), int(size[1]))
        self.sampling = FrameSampling(colour, height_width, stride, longest)
        self.leave_out = tuple(leave_out)
        self.encoding = encoding
        self.pattern = pattern
        self._names = None if pattern is None else FilePattern(pattern, (*FILMS, *ANIMATIONS, *TABLES))
        self._group: str | None = None
        if self._names is not None and len(self._names.names) == 1:
            (self._group,) = self._names.names
        self._channels: tuple[str, ...] | None = None
        self.frame_shape: tuple[int, int, int] | None = None

    def group_by(self, key: str) -> None:
        """Take a group of the pattern as the group of each clip."""
        names = () if self._names is None else self._names.names
        if key not in names:
            raise UserError(
                f"data.group={key}: there is no group of this name in data.source.pattern; it has "
                f"{', '.join(names) or 'none'}"
            )
        self._group = key

    def read(self, path: str) -> SequenceSet:
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise UserError(f"data.path={path} is no folder; give one with a folder of clips for each class")
        classes = sorted(place for place in folder.iterdir() if place.is_dir() and place.name[0] != ".")
        if not classes:
            raise UserError(
                f"data.path={path} has no folder in it; give a folder with a folder of clips for each class"
            )
        places = []
        for own in classes:
            if frame_files(own):
                raise UserError(
                    f"{own} has pictures in it, but a clip is a folder of its own, as in {own.name}/clip1/1.png; for "
                    "single pictures choose the data that read images"
                )
            places += [(clip, own.name) for clip in _clips(own)]
        found = self._set(places, path)
        return (
            found
            if self._group is None
            else replace(found, groups=[self._group_of(clip) for clip, _ in places])
        )

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        places = []
        for path in paths:
            if not path.exists():
                raise UserError(f"{path} does not exist; name a clip: {KNOWN}")
            is_clip = path.is_file() or frame_files(path)
            places += [(clip, None) for clip in ([path] if is_clip else _clips(path))]
        return self._set(places, ", ".join(map(str, paths)))

    def state(self) -> dict[str, Any]:
        sampling = self.sampling
        return {
            "colour": sampling.colour,
            "size": None if sampling.size is None else list(sampling.size),
            "stride": sampling.stride,
            "longest": sampling.longest,
            "leave_out": list(self.leave_out),
            "pattern": self.pattern,
            "encoding": self.encoding,
            "channels": None if self.frame_shape or self._channels is None else list(self._channels),
            "frame_shape": None if self.frame_shape is None else list(self.frame_shape),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "VideoFiles":
        channels, shape = state.pop("channels", None), state.pop("frame_shape", None)
        source = cls(**state)
        if shape is not None:
            source.frame_shape = tuple(shape)
            source._channels = pixel_names(*shape)
        elif channels is not None:
            source._channels = tuple(channels)
        return source

    def _set(self, places: Sequence[tuple[Path, str | None]], path: str) -> SequenceSet:
        count = MemoryCount("set data.source.size, data.source.stride or data.source.longest")
        clips = [self._clip(place, label, count) for place, label in places]
        shape = self.frame_shape
        if shape is None:
            what = f"clips of {len(self._channels)} features a frame"
        else:
            what = f"clips of {shape[1]} x {shape[2]} pixels"
        return SequenceSet(
            sequences=[clip.values for clip in clips],
            labels=[clip.label for clip in clips],
            names=[str(clip.place) for clip in clips],
            channels=self._channels,
            frame_shape=shape,
            description=f"{what} ({path})",
        )

    def _group_of(self, place: Path) -> str:
        """The group that the name of a clip has."""
        values = self._names.match(place)
        if values is None:
            raise UserError(
                f"{place} does not match data.source.pattern={self.pattern}; rename it, leave it out, or give another "
                "pattern"
            )
        return values[self._group]

    def _clip(self, place: Path, label: str | None, count: MemoryCount) -> Clip:
        """One clip, of the frames or the features that the first one has."""
        sampling = self.sampling
        if place.is_file() and place.name.lower().endswith(TABLES):
            table = read_feature_table(place, self.leave_out, encoding=self.encoding)
            values = np.stack(list(sampling.of(table.values)))
            count.add(values.nbytes, str(place))
            clip = Clip(values, table.channels, None, label, place)
        elif place.is_dir() or place.name.lower().endswith((*FILMS, *ANIMATIONS)):
            frames = read_clip(place, sampling, count.add)
            height, width, channels = frames.shape[1:]
            shape = (channels, height, width)
            names = self._channels if shape == self.frame_shape else pixel_names(*shape)
            clip = Clip(frames_to_sequence(frames), names, shape, label, place)
        else:
            raise UserError(f"{place} is no clip that is known; give {KNOWN}")
        if self._channels is None:
            self._channels, self.frame_shape = clip.channels, clip.frame_shape
        if (clip.channels, clip.frame_shape) != (self._channels, self.frame_shape):
            raise UserError(self._difference(clip))
        return clip

    def _difference(self, clip: Clip) -> str:
        """The sentence on a clip that is not as the others."""
        own, theirs = clip.frame_shape, self.frame_shape
        if own is None and theirs is None:
            return (
                f"{clip.place} has {_features(clip.channels)}, but the others have {_features(self._channels)}; give "
                "all tables the same columns"
            )
        if own is None or theirs is None:
            table, other = ("is a table of features", "frames") if own is None else ("has frames", "features")
            return f"{clip.place} {table}, but the others have {other}; give clips of one kind"
        return (
            f"{clip.place} has frames of {own[1]} x {own[2]} pixels, but the others have {theirs[1]} x {theirs[2]}; "
            f"data.source.size=[{theirs[1]},{theirs[2]}] makes all alike"
        )


def _features(names: tuple[str, ...]) -> str:
    return f"{len(names)} features ({', '.join(names[:6])}{', …' * (len(names) > 6)})"


def _clips(folder: Path) -> list[Path]:
    """The clips below a folder: files, and folders with pictures in them.

    Raises:
        UserError: there is none.
    """
    found = list(_below(folder))
    if not found:
        raise UserError(f"{folder} is empty; give it clips, or leave it out")
    return found


def _below(folder: Path) -> Iterator[Path]:
    for place in sorted(folder.iterdir()):
        if place.name[0] == ".":
            continue
        if place.is_dir() and not frame_files(place):
            found = list(_below(place))
            if not found:
                raise UserError(f"{place} is empty; a clip needs frames, or leave its folder out")
            yield from found
        else:
            yield place
