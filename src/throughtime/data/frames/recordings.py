"""Recordings: the frames of one file each, with the tags that it gives them."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from jaxtyping import Float

from throughtime.data.encoding import check_encoding
from throughtime.data.labelled.data import check_classes
from throughtime.data.memory import MemoryCount
from throughtime.data.paths import find_files
from throughtime.data.video.feature_table import read_feature_table
from throughtime.errors import UserError, check_positive

RARE = 0.01
"""The share of a file's frames below which a tag that no other file has is taken for a mistake."""


class Recording(NamedTuple):
    """The frames of one file.

    Attributes:
        name: of the file.
        values: a row a frame.
        tags: of each frame; None where the file has none.
        lines: the line of each frame in its file.
    """

    name: str
    values: Float[np.ndarray, "n F"]
    tags: list[str] | None
    lines: list[int]

    def between(self, start: int, stop: int) -> "Recording":
        """The frames from `start` to before `stop`."""
        tags = None if self.tags is None else self.tags[start:stop]
        return self._replace(values=self.values[start:stop], tags=tags, lines=self.lines[start:stop])


class FrameReader:
    """Reads tables with a row a frame; x_t is followed by x_t - x_(t-d) for each lag d, 0 before the d-th frame.

    Args:
        tag_column: the name or the number of the column of tags, from 1, or from the end (-1 is the last).
        leave_out: names of columns that are no features.
        lags: d, in frames.
        rename: names of tags by those that the files have; also as the text of such a mapping in YAML, since a command
            line of Hydra cannot write letters outside ASCII otherwise.
        encoding: of the files.

    Attributes:
        channels: the names of the columns of features; None before a file was read.
        tag_name: that of the column of tags; None before.
    """

    def __init__(
        self,
        tag_column: str | int = -1,
        leave_out: Sequence[str] = (),
        lags: Sequence[int] = (),
        rename: Mapping[str, str] | str | None = None,
        encoding: str = "utf-8",
    ) -> None:
        check_encoding(encoding)
        check_positive(**{f"data.lags[{place}]": lag for place, lag in enumerate(lags)})
        self.tag_column = tag_column
        self.leave_out = tuple(leave_out)
        self.lags = tuple(lags)
        self.rename = _mapping(rename)
        self.encoding = encoding
        self.channels: tuple[str, ...] | None = None
        self.tag_name: str | None = None

    def read(self, path: str, key: str = "data.path") -> list[Recording]:
        """The recordings of a file, a folder or a glob, with their tags.

        Raises:
            UserError: a file is not as it must be; it names the line.
        """
        count = MemoryCount("give fewer data.lags, or name columns that are no features in data.leave_out")
        found = []
        for file in find_files(path, key, "frame table"):
            found.append(self._read(file, tagged=True))
            count.add(found[-1].values.nbytes, str(file))
        return found

    def read_for_prediction(self, file: Path) -> Recording:
        """One recording, with or without a column of tags, which is not read as a feature."""
        return self._read(file, tagged=False)

    def _read(self, file: Path, tagged: bool) -> Recording:
        column = self.tag_column if tagged else self.tag_name or self.tag_column
        table = read_feature_table(file, self.leave_out, column, tagged, self.encoding, "data.encoding")
        if self.channels is None:
            self.channels, self.tag_name = table.channels, table.tag_name
        if table.channels != self.channels:
            raise UserError(
                f"{file} has the features {_listed(table.channels)}, but the others have {_listed(self.channels)}; "
                "give all files the same columns"
            )
        tags = None if table.tags is None else [self.rename.get(tag, tag) for tag in table.tags]
        return Recording(str(file), self._with_lags(table.values), tags, table.lines)

    def _with_lags(self, values: Float[np.ndarray, "n F"]) -> Float[np.ndarray, "n G"]:
        parts = [values]
        for lag in self.lags:
            change = np.zeros_like(values)
            change[lag:] = values[lag:] - values[:-lag]
            parts.append(change)
        return np.concatenate(parts, axis=1)

    def state(self) -> dict[str, Any]:
        """The arguments that make this reader again and the columns that it found, in plain values."""
        return {
            "tag_column": self.tag_column,
            "leave_out": list(self.leave_out),
            "lags": list(self.lags),
            "rename": dict(self.rename),
            "encoding": self.encoding,
            "channels": None if self.channels is None else list(self.channels),
            "tag_name": self.tag_name,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "FrameReader":
        """The inverse of `state`."""
        arguments = dict(state)
        channels, tag_name = arguments.pop("channels"), arguments.pop("tag_name")
        reader = cls(**arguments)
        reader.channels = None if channels is None else tuple(channels)
        reader.tag_name = tag_name
        return reader


def check_tags(recordings: Sequence[Recording], known: Sequence[str] | None) -> None:
    """Check that tags are names, not measurements, and their spelling.

    Args:
        recordings: with tags.
        known: all tags that there are; None to take every tag but one that a single file has on less than `RARE` of its
            frames, which would be a class of its own that nothing can learn.

    Raises:
        UserError: the tags are numbers; a tag is not known, or is such a rare one: then it names the file and the line,
            and how to rename the tag.
    """
    if known is None:
        for recording in recordings:
            check_classes(set(recording.tags), len(recording.tags), recording.name, "tags")
    counts = [Counter(recording.tags) for recording in recordings]
    for recording, own in zip(recordings, counts, strict=True):
        for tag, count in own.items():
            others = (
                [name for name in sum(counts, Counter()) if name != tag] if known is None else list(known)
            )
            if known is None:
                alone = sum(tag in one for one in counts) == 1 < len(counts)
                is_wrong = alone and count < RARE * len(recording.tags)
                frames = f"{count} frame{'s' * (count > 1)}"
                what = f"is on {frames} of this file and in no other"
            else:
                is_wrong = tag not in known
                what = f"is none of {', '.join(known)}"
            if is_wrong:
                raise UserError(_misspelt(recording, tag, what, others, known is None))


def _mapping(given: Mapping[str, str] | str | None) -> dict[str, str]:
    try:
        found = yaml.safe_load(given) if isinstance(given, str) else given or {}
    except yaml.YAMLError:
        found = given
    if not isinstance(found, Mapping) or not all(
        isinstance(one, str) for pair in found.items() for one in pair
    ):
        raise UserError(f"data.rename={given} must name tags by tags, as in {{rset: rest}}")
    return dict(found)


def _misspelt(recording: Recording, tag: str, what: str, others: Sequence[str], free: bool) -> str:
    line = recording.lines[recording.tags.index(tag)]
    near = difflib.get_close_matches(tag, others, 1)
    wanted = near[0] if near else "TAG"
    instead = ", or list all tags in data.tags to keep it" if free else ""
    return (
        f"{recording.name}, line {line}: the tag {tag} {what}; correct the file, or set data.rename to read it as "
        f"another one, as in 'data.rename=\"{{{tag}: {wanted}}}\"'{instead}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "") + f" ({len(names)})"
