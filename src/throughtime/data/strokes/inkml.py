"""InkML files (W3C 2011): traces of points, with annotations of the whole ink or of groups of traces."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from throughtime.data.strokes.ink import Ink
from throughtime.data.strokes.xml_tree import Element, read_xml
from throughtime.errors import UserError

LEVELS = ("ink", "group")
DEFAULT = ("X", "Y")
SECONDS = {"ms": 1e-3, "s": 1.0, "us": 1e-6, "ns": 1e-9}

_VALUE = re.compile(r"\s*([!'\"]?)\s*(#[0-9A-Fa-f]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[*?TF])")
_PARTS = ("traceGroup", "traceView")


def read_inkml(file: Path, level: str | None, labels: tuple[str, ...]) -> Iterator[Ink]:
    """The whole ink of an InkML file, or its groups of traces, with their annotations as facts.

    The type of an annotation is the name of a fact, its text the value. Groups are the `traceGroup` elements with
    traces, or views of traces, directly in them; they have the annotations of all elements around them too.

    Args:
        file: InkML, also .gz; y points downwards.
        level: `ink` for the whole, `group` for the groups; None for the whole where it has a label, or no group has.
        labels: types of annotations that are labels.

    Raises:
        UserError: it is no InkML, or a trace cannot be read; it names the line.
    """
    root = read_xml(file)
    if root.tag != "ink":
        raise UserError(f"{file} is no InkML: its first element is {root.tag}, not ink")
    reader = _Traces(root, file)
    groups = list(_groups(root, {}))
    whole, _ = groups.pop(0)
    if level is None:
        some = any(label in own for own, _ in groups for label in labels)
        level = "group" if some and not any(label in whole for label in labels) else "ink"
    if level == "ink":
        elements = [element for element in root.walk() if element.tag == "trace"]
        yield reader.ink(elements, whole, str(file), str(file))
        return
    if not groups:
        raise UserError(f"data.source.level=group: {file} has no group of traces (traceGroup)")
    for facts, group in groups:
        place = f"{file}, line {group.line}"
        yield reader.ink(reader.traces_of(group), facts, f"{file}:{group.line}", place)


def _groups(root: Element, outer: Mapping[str, str]) -> Iterator[tuple[dict[str, str], Element]]:
    """The annotations of the root and of each group with traces directly in it, in the order of the file."""
    left: list[tuple[Element, Mapping[str, str]]] = [(root, outer)]
    while left:
        element, around = left.pop()
        facts = dict(around) | {
            child.attributes.get("type", "").lower(): child.text.strip()
            for child in element.children
            if child.tag == "annotation" and child.text.strip()
        }
        has_traces = any(child.tag == "trace" or _is_leaf_view(child) for child in element.children)
        if element is root or has_traces:
            yield facts, element
        left.extend((child, facts) for child in reversed(element.children) if child.tag in _PARTS)


def _is_leaf_view(element: Element) -> bool:
    return element.tag == "traceView" and "traceDataRef" in element.attributes


class _Traces:
    """The points of the traces of one file.

    Args:
        root: the file's `ink` element.
        file: its name, for errors.
    """

    def __init__(self, root: Element, file: Path) -> None:
        self.file = file
        self.by_id = {
            element.attributes["id"]: element for element in root.walk() if "id" in element.attributes
        }
        self.formats = [element for element in root.walk() if element.tag == "traceFormat"]

    def ink(self, traces: list[Element], facts: dict[str, str], name: str, place: str) -> Ink:
        """The strokes of some traces; those with the pen up are left out."""
        strokes, times = [], []
        for trace in traces:
            if trace.attributes.get("type", "penDown") != "penDown":
                continue
            channels, seconds = self._channels(trace)
            points = self._points(trace, channels)
            strokes.append(points[:, [channels.index("X"), channels.index("Y")]])
            if "T" in channels:
                times.append(points[:, channels.index("T")] * seconds)
        if not strokes:
            raise UserError(f"{place}: there is no trace with points; an ink has trace elements")
        return Ink(strokes, times if len(times) == len(strokes) else None, facts, name, place)

    def traces_of(self, group: Element) -> list[Element]:
        """The traces directly in a group, and those that its views name."""
        found: list[Element] = []
        for child in group.children:
            if child.tag == "trace":
                found.append(child)
            elif _is_leaf_view(child):
                place = f"{self.file}, line {child.line}"
                if child.attributes.keys() & {"from", "to"}:
                    raise UserError(
                        f"{place}: a view of a part of a trace (from, to) is not read; name whole traces"
                    )
                name = child.attributes["traceDataRef"].removeprefix("#")
                target = self.by_id.get(name)
                if target is None or target.tag not in ("trace", "traceGroup"):
                    raise UserError(f"{place}: traceDataRef names {name}, and no trace has this id")
                found.extend(one for one in target.walk() if one.tag == "trace")
        return found

    def _channels(self, trace: Element) -> tuple[tuple[str, ...], float]:
        """The names of a trace's channels, and the seconds of a unit of its time."""
        named = self._format(trace, set()) if "contextRef" in trace.attributes else None
        if named is None and self.formats:
            named = self.formats[0]
        if named is None:
            return DEFAULT, 1e-3
        channels = [child for child in named.children if child.tag == "channel"]
        names = tuple(channel.attributes.get("name", "").upper() for channel in channels)
        if "X" not in names or "Y" not in names:
            raise UserError(f"{self.file}, line {named.line}: the trace format has no channels X and Y")
        units = (
            channel.attributes.get("units", "ms") for channel in channels if channel.attributes["name"] == "T"
        )
        return names, SECONDS.get(next(units, "ms"), 1e-3)

    def _format(self, element: Element, seen: set[str]) -> Element | None:
        """The trace format that an element has, or that the elements that it refers to have."""
        for child in element.children:
            if child.tag == "traceFormat":
                return child
        for reference in ("traceFormatRef", "inkSourceRef", "contextRef"):
            name = element.attributes.get(reference, "").removeprefix("#")
            if name in self.by_id and name not in seen:
                target = self.by_id[name]
                found = target if target.tag == "traceFormat" else self._format(target, seen | {name})
                if found is not None:
                    return found
        return next((one for child in element.children if (one := self._format(child, seen))), None)

    def _points(self, trace: Element, channels: tuple[str, ...]) -> Float[np.ndarray, "n C"]:
        """The values of each point: explicit (!), differences (') or second differences (")."""
        place = f"{self.file}, line {trace.line}"
        values = [0.0] * len(channels)
        speeds = [0.0] * len(channels)
        modes = ["!"] * len(channels)
        points: list[list[float]] = []
        for text in trace.text.split(","):
            cells = _cells(text, place)
            if not cells:
                continue
            if len(cells) < len(channels):
                raise UserError(
                    f"{place}: point {len(points) + 1} has {len(cells)} values, and the trace format has "
                    f"{len(channels)} channels ({', '.join(channels)})"
                )
            for number, (mode, cell) in enumerate(
                cells[: len(channels)]
            ):  # the rest are intermittent channels
                modes[number] = mode or modes[number]
                if cell == "*":
                    continue
                if cell == "?":
                    raise UserError(
                        f"{place}: {channels[number]} of point {len(points) + 1} is not known (?)"
                    )
                given = _number(cell)
                if modes[number] == "!":
                    given, speeds[number] = given - values[number], 0.0
                elif modes[number] == '"':
                    given = speeds[number] = speeds[number] + given
                else:
                    speeds[number] = given
                values[number] += given
            points.append(list(values))
        if not points:
            raise UserError(f"{place}: the trace has no point; give it some, or leave it out")
        found = np.array(points, dtype=np.float64)
        if not np.isfinite(found).all():
            raise UserError(f"{place}: a value of the trace is beyond all numbers; give finite ones")
        return found


def _cells(text: str, place: str) -> list[tuple[str, str]]:
    """The values of one point: how each is meant, and its number."""
    found, read = [], 0
    while match := _VALUE.match(text, read):
        found.append((match[1], match[2]))
        read = match.end()
    if text[read:].strip():
        raise UserError(f"{place}: {text[read:].strip()[:20]!r} in a trace is no number")
    return found


def _number(cell: str) -> float:
    if cell in "TF":
        return float(cell == "T")
    return float(int(cell[1:], 16)) if cell.startswith("#") else float(cell)
