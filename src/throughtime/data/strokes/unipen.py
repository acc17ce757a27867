"""UNIPEN files: keywords that begin with a dot, and the points of the components between them.

The format is that of Guyon et al. (1994), "UNIPEN project of on-line data exchange and recognizer benchmarks".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from throughtime.data.strokes.ink import Ink, Instants, Stroke, read_points
from throughtime.errors import UserError

MARKS = (".pen_down", ".segment", ".version", ".include", ".coord", ".hierarchy", ".lexicon", ".comment")
"""Keywords at the beginning of a file by which the format is known."""

_LABEL = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_RANGE = re.compile(r"(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?")


@dataclass
class _Component:
    """The points between a .PEN_DOWN or .PEN_UP and the next keyword."""

    is_down: bool
    coordinates: tuple[str, ...]
    rate: float
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


@dataclass
class _Segment:
    """A .SEGMENT: a level of the hierarchy, the components that it spans, and its label."""

    line: int
    level: str
    delineation: str
    label: str | None
    writer: str | None
    comments: list[str] = field(default_factory=list)


def read_unipen(
    text: str, file: Path, level: str | None, pattern: re.Pattern[str] | None, labelled: bool
) -> Iterator[Ink]:
    """The segments of one level of a UNIPEN text; the whole text where it has no segments.

    Components are the .PEN_DOWN and .PEN_UP that have points, numbered from 0; strokes are those of .PEN_DOWN. The
    facts of a segment are `label`, `writer` (.WRITER_ID) and the named groups of the pattern.

    Args:
        text: of the whole file.
        file: its name, for errors.
        level: of the hierarchy (`.SEGMENT LEVEL …`); None where all segments are of one.
        pattern: a regular expression with named groups, which is searched in the .COMMENT lines that follow a segment.
        labelled: whether each segment must have a label.

    Raises:
        UserError: a line is not as the format has it; it names the line.
    """
    components, segments, writer = _parsed(text, file)
    if not components:
        raise UserError(f"{file} has no points; a UNIPEN file has them after .PEN_DOWN")
    if not segments:
        facts = {} if writer is None else {"writer": writer}
        yield _ink(components, facts, str(file), str(file), file)
        return
    levels = list(dict.fromkeys(segment.level for segment in segments))
    if level is None and len(levels) > 1:
        raise UserError(
            f"{file} has segments of the levels {', '.join(levels)}; choose one by data.source.level={levels[-1]}"
        )
    chosen = [segment for segment in segments if segment.level == (level or levels[0])]
    if not chosen:
        raise UserError(f"data.source.level={level}: {file} has segments of the levels {', '.join(levels)}")
    for segment in chosen:
        place = f"{file}, line {segment.line}"
        if labelled and not segment.label:
            raise UserError(
                f"{place}: the segment has no label; write it in double quotes at the end of the line, or leave the "
                "segment out"
            )
        facts = {"label": segment.label, "writer": segment.writer} | _found(pattern, segment.comments)
        given = {name: value for name, value in facts.items() if value is not None}
        spanned = _spanned(components, segment.delineation, place)
        yield _ink(spanned, given, f"{file}:{segment.line}", place, file)


def _parsed(text: str, file: Path) -> tuple[list[_Component], list[_Segment], str | None]:
    """All components with points, all segments, and the last writer of a file."""
    components: list[_Component] = []
    segments: list[_Segment] = []
    coordinates, rate, writer = ("X", "Y"), 1.0, None
    current: _Component | None = None
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line, number = lines[number], number + 1
        if not line.startswith("."):
            if current is not None and (cells := line.split()):
                current.rows.append((number, cells))
            continue
        keyword, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        keyword, start = keyword.strip().upper(), number
        if keyword in (".PEN_DOWN", ".PEN_UP"):
            current = _Component(keyword == ".PEN_DOWN", coordinates, rate)
            components.append(current)
            if rest.strip():
                current.rows.append((number, rest.split()))
            continue
        current = None
        while number < len(lines) and not lines[number].startswith("."):
            rest, number = f"{rest}\n{lines[number]}", number + 1
        if keyword == ".COORD":
            coordinates = tuple(rest.upper().split())
            if "X" not in coordinates or "Y" not in coordinates:
                raise UserError(f"{file}, line {start}: .COORD names no X and Y; write .COORD X Y")
        elif keyword == ".POINTS_PER_SECOND":
            rate = _rate(rest, f"{file}, line {start}")
        elif keyword == ".WRITER_ID":
            writer = rest.strip() or None
        elif keyword == ".SEGMENT":
            segments.append(_segment(rest, writer, start, file))
        elif keyword == ".COMMENT" and segments:
            segments[-1].comments.append(rest.strip())
    return [component for component in components if component.rows], segments, writer


def _segment(text: str, writer: str | None, line: int, file: Path) -> _Segment:
    label = _LABEL.search(text)
    words = (text if label is None else text[: label.start()]).split()
    if len(words) < 2:
        raise UserError(
            f'{file}, line {line}: a segment has a level, components and a label, such as .SEGMENT DIGIT 0-1 ? "7"'
        )
    named = None if label is None else re.sub(r"\\(.)", r"\1", label[1]).strip()
    return _Segment(line, words[0].upper(), words[1], named or None, writer)


def _rate(text: str, place: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UserError(f"{place}: .POINTS_PER_SECOND must be a number above 0, not {text.strip()!r}")
    return rate


def _found(pattern: re.Pattern[str] | None, comments: Sequence[str]) -> dict[str, str]:
    """The named groups of the first comment in which the pattern is found."""
    matches = (pattern.search(comment) for comment in comments) if pattern is not None else ()
    match = next((match for match in matches if match), None)
    return {} if match is None else {name: value for name, value in match.groupdict().items() if value}


def _spanned(components: Sequence[_Component], delineation: str, place: str) -> list[_Component]:
    """The components, or parts of them, of a delineation such as `0-2`, `3,5` or `4:10-6:2` (component:point)."""
    found = []
    for part in delineation.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise UserError(
                f"{place}: the components {delineation!r} cannot be read; write such as 0-2 or 3:10-4:25"
            )
        first, first_point, last, last_point = (None if one is None else int(one) for one in match.groups())
        last = first if last is None else last
        if last < first or last >= len(components):
            raise UserError(
                f"{place}: the segment names the components {delineation}, and the file has {len(components)} with "
                "points, numbered from 0"
            )
        for number in range(first, last + 1):
            one = components[number]
            start = first_point or 0 if number == first else 0
            end = len(one.rows) if number != last or last_point is None else last_point + 1
            if match[3] is None and first_point is not None:
                end = first_point + 1
            rows = one.rows[start:end]
            if rows:
                found.append(_Component(one.is_down, one.coordinates, one.rate, rows))
    return found


def _ink(components: Sequence[_Component], facts: dict[str, str], name: str, place: str, file: Path) -> Ink:
    strokes: list[Stroke] = []
    times: list[Instants] = []
    passed = 0
    timed = True
    for component in components:
        coordinates, count = component.coordinates, len(component.rows)
        if component.is_down:
            points = read_points(component.rows, file, coordinates)
            strokes.append(points[:, [coordinates.index("X"), coordinates.index("Y")]])
            if "T" in coordinates:
                times.append(points[:, coordinates.index("T")] / 1000)  # milliseconds
            else:
                times.append((passed + np.arange(count)) / component.rate)
                timed = timed and component.rate != 1.0
        passed += count
    if not strokes:
        raise UserError(f"{place}: the segment has no stroke with the pen down; give it one, or leave it out")
    return Ink(strokes, times if timed else None, facts, name, place)
