"""Stroke files as labelled sequences: UNIPEN, InkML, SVG, or tables of points."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime.data.encoding import check_encoding
from throughtime.data.labelled.sequences import SequenceSet, SequenceSource, Shown
from throughtime.data.labelled.tables import check_separator, read_text, suffix_of
from throughtime.data.paths import find_files
from throughtime.data.strokes.ink import Ink, Instants, Stroke
from throughtime.data.strokes.inkml import LEVELS, read_inkml
from throughtime.data.strokes.normalise import InkNormaliser
from throughtime.data.strokes.points import CHANNELS, POSITIONS, to_sequence, to_strokes
from throughtime.data.strokes.resample import Resampler
from throughtime.data.strokes.stroke_table import PEN_MARKS, StrokeColumns, read_stroke_table
from throughtime.data.strokes.svg import read_svg
from throughtime.data.strokes.unipen import MARKS, read_unipen
from throughtime.errors import UserError, check_choice

FORMATS = ("unipen", "inkml", "svg", "table")
SUFFIXES = {".inkml": "inkml", ".svg": "svg", ".csv": "table", ".tsv": "table", ".tab": "table"}
DOWNWARDS = ("inkml", "svg")
"""Formats whose y axis points downwards."""

LARGEST_CONTEXT = 32
"""The most cells on a side of the picture around a point."""

LABELS = ("label", "truth", "class", "transcription")
WRITER = "writer"
ALIASES = {WRITER: (WRITER, "writerid", "writer_id")}


class StrokeFiles(SequenceSource):
    """Strokes of a pen, each ink as a sequence of points (Δx, Δy, pen up); files also .gz.

    A file that does not tell the label of its ink has that of its folder: of a folder with a folder for each class,
    the class's name; of other files, the name of the folder that they lie in.

    Args:
        format: one of `FORMATS`; None to find it by the suffix and the first line.
        level: of UNIPEN, the level of segments (`DIGIT`); of InkML, `ink` or `group`; None for the only one.
        label: of InkML, the type of the annotation, and of tables, the column that is the label; None for the usual
            ones.
        comment_pattern: a regular expression with named groups such as `(?P<writer>…)` in the comments of UNIPEN
            segments.
        name_pattern: the same in the paths of files; its group `label` is a label.
        x, y, pen, time, id, separator, pen_marks: the columns of tables (`StrokeColumns`).
        y_axis: `up` or `down`; None for the usual one of the format.
        size, position, deslant: the normalisation (`InkNormaliser`).
        resample, points, spacing: the points of a stroke (`Resampler`).
        positions: whether x and y stand beside their differences.
        context: the side of the picture of all ink around each point (`pictures`), in cells; 0 for none.
        encoding: of the files; XML tells its own.

    Attributes:
        normaliser: brings ink to one size and position.

    Raises:
        UserError: an argument is not known.
    """

    def __init__(
        self,
        format: str | None = None,
        level: str | None = None,
        label: int | str | None = None,
        comment_pattern: str | None = None,
        name_pattern: str | None = None,
        x: int | str | None = None,
        y: int | str | None = None,
        pen: int | str | None = None,
        time: int | str | None = None,
        id: int | str | None = None,
        separator: str | None = None,
        pen_marks: str | None = None,
        y_axis: str | None = None,
        size: str = "larger",
        position: str = "box",
        deslant: bool = False,
        resample: str = "length",
        points: int | None = 32,
        spacing: float | int | None = None,
        positions: bool = False,
        context: int = 0,
        encoding: str = "utf-8",
    ) -> None:
        given = {
            "format": (FORMATS, format),
            "pen_marks": (PEN_MARKS, pen_marks),
            "y_axis": (("up", "down"), y_axis),
        }
        for name, (choices, value) in given.items():
            if value is not None:
                check_choice(choices, **{f"data.source.{name}": value})
        check_encoding(encoding, "data.source.encoding")
        check_separator(separator)
        if not 0 <= context <= LARGEST_CONTEXT:
            raise UserError(f"data.source.context={context} must be from 0 to {LARGEST_CONTEXT} cells")
        self._arguments = {
            "format": format,
            "level": level,
            "label": label,
            "comment_pattern": comment_pattern,
            "name_pattern": name_pattern,
            "x": x,
            "y": y,
            "pen": pen,
            "time": time,
            "id": id,
            "separator": separator,
            "pen_marks": pen_marks,
            "y_axis": y_axis,
            "size": size,
            "position": position,
            "deslant": deslant,
            "resample": resample,
            "points": points,
            "spacing": spacing,
            "positions": positions,
            "context": context,
            "encoding": encoding,
        }
        self.format = format
        self.level = level
        self.label = label
        self.y_axis = y_axis
        self.positions = positions
        self.context = context
        self.encoding = encoding
        self.normaliser = InkNormaliser(size, position, deslant).check()
        self.columns = StrokeColumns(x, y, pen, time, id, label, None, separator, pen_marks)
        self._resampler = Resampler(resample, points, spacing)
        self._comments = _compiled(comment_pattern, "comment_pattern")
        self._names = _compiled(name_pattern, "name_pattern")
        self._group: str | None = None

    def group_by(self, key: str) -> None:
        """Take the writer, a named group of a pattern, an annotation or a column as the group of each ink."""
        self._group = key
        self.columns = self.columns._replace(group=key)

    def read(self, path: str) -> SequenceSet:
        files = find_files(path, noun="stroke file")
        place = Path(path).expanduser()
        if place.is_dir():
            for folder in sorted(one for one in place.iterdir() if one.is_dir() and one.name[0] != "."):
                if not any(folder in file.parents for file in files):
                    raise UserError(f"{folder} is empty; a class needs stroke files, or leave its folder out")
        inks, labels = [], []
        for file in files:
            own = None if place.is_file() else _folder_of(file, place)
            for ink in self.inks(file, labelled=True):
                inks.append(ink)
                labels.append(self._label(ink) or own)
                if labels[-1] is None:
                    raise UserError(
                        f"{ink.place} does not tell the label of its ink; put the file into a folder with the name of "
                        "the class, or see data.source.label and data.source.name_pattern"
                    )
        return self._set(inks, labels, path, labelled=True)

    def read_for_prediction(self, paths: Sequence[Path]) -> SequenceSet:
        files = [file for path in paths for file in find_files(str(path), "FILE", "stroke file")]
        inks = [ink for file in files for ink in self.inks(file, labelled=False)]
        return self._set(inks, [self._label(ink) for ink in inks], ", ".join(map(str, paths)), labelled=False)

    def inks(self, file: Path, labelled: bool) -> Iterator[Ink]:
        """The inks of one file as they are in it, but with y upwards.

        Args:
            file: in one of the formats.
            labelled: whether a segment of UNIPEN must have a label.
        """
        kind = self._format(file)
        facts: dict[str, str] = {}
        if self._names is not None:
            match = self._names.search(file.as_posix())
            facts = {} if match is None else {name: one for name, one in match.groupdict().items() if one}
        for ink in self._read(file, kind, labelled):
            if (self.y_axis or ("down" if kind in DOWNWARDS else "up")) == "down":
                ink = ink._replace(strokes=[stroke * (1, -1) for stroke in ink.strokes])
            yield ink._replace(facts={**ink.facts, **facts})

    def sequence(
        self, strokes: Sequence[Stroke], times: Sequence[Instants] | None = None, place: str | None = None
    ) -> Float[np.ndarray, "T F"]:
        """Strokes as a model reads them: normalised, resampled, as differences.

        Args:
            strokes: with y upwards.
            times: of their points, where the file tells them.
            place: of the ink, for errors; None for strokes that are resampled already.
        """
        strokes = self.normaliser(strokes)
        if place is not None:
            strokes = self._resampler(strokes, times, place)
        return to_sequence(strokes, self.positions, self.context)

    def series(self, sequence: Float[np.ndarray, "T F"]) -> Float[np.ndarray, "T 2"]:
        """The positions (x, y) of the points."""
        return sequence[:, :2].cumsum(0)

    def shown(self, sequence: Float[np.ndarray, "T F"]) -> Shown:
        return Shown(sequence, lines=to_strokes(sequence))

    def state(self) -> dict[str, Any]:
        return dict(self._arguments)

    def _read(self, file: Path, kind: str, labelled: bool) -> Iterator[Ink]:
        if kind == "unipen":
            yield from read_unipen(read_text(file, self.encoding), file, self.level, self._comments, labelled)
        elif kind == "inkml":
            check_choice(LEVELS, **{"data.source.level": self.level or LEVELS[0]})
            yield from read_inkml(file, self.level, self._label_names())
        elif kind == "svg":
            yield read_svg(file)
        else:
            yield from read_stroke_table(file, self.columns, self.encoding)

    def _format(self, file: Path) -> str:
        if self.format is not None:
            return self.format
        suffix = suffix_of(file)
        if suffix in SUFFIXES:
            return SUFFIXES[suffix]
        line = next(line for line in read_text(file, self.encoding).split("\n") if line.strip()).strip()
        if line.lower().startswith(MARKS) or re.match(r"\.[A-Z_]+(\s|$)", line):
            return "unipen"
        if line.startswith("<"):
            raise UserError(
                f"{file} is XML, and its suffix does not tell which; set data.source.format=inkml or "
                "data.source.format=svg"
            )
        return "table"

    def _label_names(self) -> tuple[str, ...]:
        return LABELS if self.label is None else (str(self.label).lower(),)

    def _label(self, ink: Ink) -> str | None:
        names = ("label", *self._label_names())
        return next((ink.facts[name] for name in names if name in ink.facts), None)

    def _groups(self, inks: Sequence[Ink], labelled: bool) -> list[str] | None:
        """The group of each ink; None where not all have one and none was asked for."""
        key = (self._group or WRITER).lower()
        names = ("group", key, *ALIASES.get(key, ()))
        groups = []
        for ink in inks:
            facts = {name.lower(): value for name, value in ink.facts.items()}
            found = next((facts[name] for name in names if name in facts), None)
            if found is None:
                if self._group is None or not labelled:
                    return None
                raise UserError(
                    f"data.group={self._group}: {ink.place} does not tell it, but {_listed(facts)}; see "
                    "data.source.comment_pattern and data.source.name_pattern"
                )
            groups.append(found)
        return groups

    def _set(
        self, inks: Sequence[Ink], labels: Sequence[str | None], path: str, labelled: bool
    ) -> SequenceSet:
        if not inks:
            raise UserError(f"{path} holds no ink; name a file or a folder with strokes in it")
        for ink in inks:
            if not np.ptp(np.concatenate(ink.strokes), axis=0).any():
                has = "one point" if sum(map(len, ink.strokes)) == 1 else "all its points at one place"
                raise UserError(f"{ink.place}: the ink has {has}; give it two that differ, or leave it out")
        strokes = [len(ink.strokes) for ink in inks]
        told = f"{min(strokes)}" if min(strokes) == max(strokes) else f"{min(strokes)} to {max(strokes)}"
        groups = self._groups(inks, labelled)
        counted = "" if groups is None else f", {len(set(groups))} groups ({self._group or WRITER})"
        return SequenceSet(
            sequences=[self.sequence(ink.strokes, ink.times, ink.place) for ink in inks],
            labels=list(labels),
            names=[ink.name for ink in inks],
            groups=groups,
            channels=(
                *CHANNELS,
                *(POSITIONS if self.positions else ()),
                *(f"cell {cell + 1}" for cell in range(self.context**2)),
            ),
            description=f"ink of {told} stroke{'s' * (told != '1')}{counted} ({path})",
        )


def _compiled(pattern: str | None, name: str) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"data.source.{name}={pattern} is no regular expression: {error}") from error
    if not compiled.groupindex:
        raise UserError(
            f"data.source.{name}={pattern} has no named group; write (?P<writer>...) around the writer, and so on"
        )
    return compiled


def _folder_of(file: Path, path: Path) -> str | None:
    """The class that the folder of a file names: the first folder below the path, or the one that the file is in."""
    if path.is_dir():
        parts = file.relative_to(path).parts
        return parts[0] if len(parts) > 1 else None
    return file.parent.name or None


def _listed(facts: dict[str, str]) -> str:
    return f"tells {', '.join(sorted(facts))}" if facts else "tells nothing of its ink"
