"""SVG files: each subpath of a `path`, `polyline`, `polygon` or `line` is a stroke."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fontTools.misc.transform import Identity, Transform
from fontTools.pens.basePen import BasePen
from fontTools.svgLib.path import parse_path

from throughtime.data.strokes.ink import Ink, Stroke, check_number
from throughtime.data.strokes.xml_tree import Element, read_xml
from throughtime.errors import UserError

PIECES = 16
"""Straight lines in place of a curve."""

NOT_DRAWN = ("defs", "clipPath", "mask", "symbol", "marker", "pattern")
"""Elements in which nothing is drawn by itself."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_COMMAND = re.compile("([MmZzLlHhVvCcSsQqTtAa])")
_PATH = re.compile(rf"(?:{_NUMBER}|[MmZzLlHhVvCcSsQqTtAa]|[\s,])*")
_FUNCTION = re.compile(r"\s*,?\s*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)\s*")


class _Polylines(BasePen):
    """Collect straight lines, and points on curves, as strokes."""

    def __init__(self) -> None:
        super().__init__(None)
        self.strokes: list[list[tuple[float, float]]] = []

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.strokes.append([point])

    def _lineTo(self, point: tuple[float, float]) -> None:
        self.strokes[-1].append(point)

    def _curveToOne(self, *controls: tuple[float, float]) -> None:
        start = self.strokes[-1][-1]
        t = np.arange(1, PIECES + 1)[:, None] / PIECES
        one, two, three = np.asarray(controls)
        curve = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * one + 3 * (1 - t) * t**2 * two + t**3 * three
        self.strokes[-1].extend(map(tuple, curve))

    def _closePath(self) -> None:
        if self.strokes[-1][-1] != self.strokes[-1][0]:
            self.strokes[-1].append(self.strokes[-1][0])


def read_svg(file: Path) -> Ink:
    """The strokes of an SVG file, in the order in which they are drawn; y points downwards.

    Curves become straight lines between points on them, transformations are applied, and `rect`, `circle`, `ellipse`,
    text and `use` are left out.

    Raises:
        UserError: it is no SVG, has no path, or a path or a transformation cannot be read; it names the line.
    """
    root = read_xml(file)
    if root.tag != "svg":
        raise UserError(f"{file} is no SVG: its first element is {root.tag}, not svg")
    strokes: list[Stroke] = []
    left: list[tuple[Element, Transform]] = [(root, Identity)]
    while left:
        element, outer = left.pop()
        place = f"{file}, line {element.line}"
        if element.tag in NOT_DRAWN:
            continue
        transform = outer.transform(_transform(element.attributes.get("transform", ""), place))
        for stroke in _drawn(element, place):
            strokes.append(np.array(transform.transformPoints(stroke), dtype=np.float64).reshape(-1, 2))
        left.extend((child, transform) for child in reversed(element.children))
    if not strokes:
        raise UserError(f"{file} has no path; an SVG file of strokes has path, polyline or line elements")
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise UserError(f"{file} has coordinates beyond all numbers; give finite ones")
    return Ink(strokes, None, {}, str(file), str(file))


def _drawn(element: Element, place: str) -> Sequence[Sequence[tuple[float, float]]]:
    """The polylines of one element, without its transformation."""
    given = element.attributes
    if element.tag == "line":
        ends = [check_number(given.get(name, "0"), place, name) for name in ("x1", "y1", "x2", "y2")]
        return [[(ends[0], ends[1]), (ends[2], ends[3])]]
    if element.tag in ("polyline", "polygon"):
        cells = given.get("points", "").replace(",", " ").split()
        numbers = [check_number(cell, place, "a coordinate") for cell in cells]
        if len(numbers) % 2:
            raise UserError(f"{place}: the points have {len(numbers)} coordinates; each has an x and a y")
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        return [points + points[:1] * (element.tag == "polygon")] if points else []
    if element.tag != "path" or not given.get("d", "").strip():
        return []
    commands = given["d"]
    read = _PATH.match(commands).end()
    if read < len(commands):
        raise UserError(
            f"{place}: the path has {commands[read : read + 12]!r} in it, which is no command and no number"
        )
    pen = _Polylines()
    try:
        parse_path(_plain(commands, place), pen)
    except (ValueError, IndexError, AssertionError, OverflowError, ZeroDivisionError) as error:
        raise UserError(f"{place}: the path cannot be read ({error})") from None
    return pen.strokes


def _plain(commands: str, place: str) -> str:
    """The commands of a path with their numbers in the notation of Python; the packed flags of arcs stay."""
    command, found = "", []
    for number, part in enumerate(_COMMAND.split(commands)):
        part = re.sub(r"\s", " ", part)
        if number % 2:
            command = part
        elif command.upper() != "A":
            part = re.sub(_NUMBER, lambda match: f" {check_number(match[0], place, 'a coordinate')!r} ", part)
        found.append(part)
    return "".join(found)


def _transform(text: str, place: str) -> Transform:
    """The matrix of a `transform` attribute: functions that follow each other, the last one applied first."""
    found, read = Identity, 0
    while read < len(text):
        match = _FUNCTION.match(text, read)
        if match is None:
            break
        numbers = [check_number(cell, place, match[1]) for cell in match[2].replace(",", " ").split()]
        one = _function(match[1], numbers)
        if one is None:
            break
        found, read = found.transform(one), match.end()
    if text[read:].strip():
        raise UserError(f"{place}: the transformation {text!r} cannot be read")
    return found


def _function(name: str, numbers: Sequence[float]) -> Transform | None:
    """The matrix of one function; None where it does not take so many numbers."""
    match (name, len(numbers)):
        case ("matrix", 6):
            return Transform(*numbers)
        case ("translate", 1 | 2):
            return Identity.translate(*numbers)
        case ("scale", 1 | 2):
            return Identity.scale(*numbers)
        case ("rotate", 1):
            return Identity.rotate(math.radians(numbers[0]))
        case ("rotate", 3):
            angle, x, y = numbers
            return Identity.translate(x, y).rotate(math.radians(angle)).translate(-x, -y)
        case ("skewX", 1):
            return Identity.skew(math.radians(numbers[0]))
        case ("skewY", 1):
            return Identity.skew(0, math.radians(numbers[0]))
    return None
