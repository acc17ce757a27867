"""Text grid of a table, for a terminal of 80 columns or as Markdown."""

import html
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

from rich.cells import cell_len

from throughtime.errors import printable

WIDTH = 80
GAP = 2
COMFORTABLE_WIDTH = 18
"""The least width of a column of wrapped text that is easy to read."""

MIN_WIDTH = 8
"""The least width of a column of wrapped text."""


@dataclass(frozen=True)
class TextGrid:
    """A table of text.

    Attributes:
        head: the columns' names.
        lines: the cells.
        texts: the number of text columns, from the left; the others are numbers, aligned to the right.
        note: the text below the table, a paragraph a line.
        wraps: the number of columns, from the left, that may be wrapped on a terminal.
    """

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    texts: int
    note: str = ""
    wraps: int = 1

    @cached_property
    def widths(self) -> list[int]:
        """The width of each column where nothing is wrapped, in characters."""
        return [max(map(cell_len, column)) for column in zip(self.head, *self.lines, strict=True)]

    def fits(self) -> bool:
        """Whether the grid fits without wrapping."""
        return sum(self.widths) + GAP * (len(self.head) - 1) <= WIDTH

    def fits_wrapped(self) -> bool:
        """Whether the grid fits with its text columns wrapped."""
        return sum(min(width, COMFORTABLE_WIDTH) for width in self.widths[: self.wraps]) <= self._free_width()

    def wrapped(self) -> "TextGrid":
        """The grid with long texts wrapped."""
        left, limits = max(self._free_width(), MIN_WIDTH * self.wraps), {}
        for place in sorted(range(self.wraps), key=lambda place: self.widths[place]):
            limits[place] = min(self.widths[place], left // (self.wraps - len(limits)))
            left -= limits[place]
        lines: list[list[str]] = []
        for line in self.lines:
            broken = [_broken(cell, limits.get(place)) for place, cell in enumerate(line)]
            lines += map(list, zip_longest(*broken, fillvalue=""))
        return replace(self, lines=lines)

    def __str__(self) -> str:
        lines = [self.head, ["─" * width for width in self.widths], *self.lines]
        padded = (map(self._padded, range(len(self.head)), line) for line in lines)
        return "".join(f"{(' ' * GAP).join(cells).rstrip()}\n" for cells in padded)

    def _padded(self, place: int, cell: str) -> str:
        space = " " * (self.widths[place] - cell_len(cell))
        return cell + space if place < self.texts else space + cell

    def _free_width(self) -> int:
        """The width that is left to the columns that may be wrapped, in characters."""
        return WIDTH - sum(self.widths[self.wraps :]) - GAP * (len(self.head) - 1)


def _broken(text: str, width: int | None) -> list[str]:
    """Lines of at most this width; a longer word starts on a line of its own."""
    if width is None:
        return [text]
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 <= width and lines[-1]:
            lines[-1] += f" {word}"
        else:
            lines += textwrap.wrap(word, width, break_on_hyphens=False)
    return lines[1:]


def as_terminal_text(grids: Sequence[TextGrid]) -> str:
    """The text of the first grid that fits into 80 columns, else of the first that fits when text is wrapped."""
    grids = [_mapped(grid, printable) for grid in grids]
    chosen = next((grid for grid in grids if grid.fits()), None)
    if chosen is None:
        chosen = next((grid for grid in grids if grid.fits_wrapped()), grids[-1]).wrapped()
    paragraphs = [textwrap.fill(line, WIDTH) for line in chosen.note.splitlines()]
    note = "".join(f"\n{paragraph}" for paragraph in paragraphs) + ("\n" if paragraphs else "")
    return f"{chosen}{note}"


def as_markdown(grid: TextGrid) -> str:
    """The table in Markdown; the special characters of Markdown and HTML in it are escaped."""
    rule = ["---" if place < grid.texts else "---:" for place in range(len(grid.head))]
    grid = _mapped(grid, markdown_text)
    table = "".join(f"| {' | '.join(line)} |\n" for line in (grid.head, rule, *grid.lines))
    return table + "".join(f"\n{paragraph}\n" for paragraph in grid.note.splitlines())


def markdown_text(text: str) -> str:
    """A text as Markdown that is shown as it is: no emphasis, link, picture, HTML or end of a cell."""
    escaped = re.sub(r"([\\|*_`\[\]])", r"\\\1", printable(text))
    return html.escape(escaped, quote=False)


def _mapped(grid: TextGrid, change: Callable[[str], str]) -> TextGrid:
    """The grid with each text changed; line ends in cells become spaces."""

    def cell(text: str) -> str:
        return change(" ".join(text.splitlines()))

    lines = [[cell(text) for text in line] for line in grid.lines]
    note = "\n".join(map(change, grid.note.splitlines()))
    return replace(grid, head=[cell(text) for text in grid.head], lines=lines, note=note)
