"""Split of text: ranges of characters, or subsets of lines, for training, validation and test."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from throughtime.data.fractions import SPLIT_NAMES
from throughtime.data.text.source import TextSource
from throughtime.errors import check_choice
from throughtime.tokenizer.stream import Origin, Piece

SPLIT_ORDERS = ("contiguous", "shuffled")


@runtime_checkable
class TextPart(Protocol):
    """A part of a source, which can be read as often as needed.

    Attributes:
        characters: how many it covers.
    """

    characters: int

    def pieces(self) -> Iterator[Piece]:
        """Its text."""

    def key(self) -> dict[str, Any]:
        """All that its text depends on, in plain values."""


class CharacterRange:
    """The characters `start` to `stop` of a source."""

    def __init__(self, source: TextSource, start: int, stop: int) -> None:
        self.source = source
        self.start = start
        self.stop = stop
        self.characters = stop - start

    def pieces(self) -> Iterator[Piece]:
        """The text between; its first piece begins a document, as the text is read from there."""
        position = 0
        for document, length in zip(self.source.documents, self.source.lengths, strict=True):
            if position < self.stop and position + length > self.start:
                yield from self._within(document.pieces(), position)
            position += length

    def _within(self, pieces: Iterator[Piece], position: int) -> Iterator[Piece]:
        for text, origin, begins in pieces:
            if position >= self.stop:
                return
            first, last = max(0, self.start - position), min(len(text), self.stop - position)
            if first < last:
                begins = begins or position + first == self.start
                yield Piece(text[first:last], origin._replace(offset=origin.offset + first), begins)
            position += len(text)

    def key(self) -> dict[str, Any]:
        """The source and the two ends."""
        return self.source.key() | {"characters": [self.start, self.stop]}


class LineSubset:
    """Subset of the lines of a source, by their numbers among those that are not empty; each is a separate piece.

    Args:
        source: the text.
        members: for each line that is not empty, whether it belongs to this part; None for all of them.
        key: what the choice depends on, in plain values.
    """

    def __init__(self, source: TextSource, members: np.ndarray | None, key: dict[str, Any]) -> None:
        self.source = source
        self.members = members
        self._key = key
        self.characters = 0
        self.count = 0
        for text, _, _ in self.pieces():
            self.characters += len(text)
            self.count += 1

    def pieces(self) -> Iterator[Piece]:
        """The lines without their line ends."""
        for number, line in enumerate(nonempty_lines(self.source)):
            if self.members is None or self.members[number]:
                yield line

    def key(self) -> dict[str, Any]:
        """The source and how its lines were chosen."""
        return self.source.key() | {"lines": self._key}


def all_lines(source: TextSource) -> Iterator[Piece]:
    """The lines of a source, empty ones too; a document's last line needs no line end."""
    for document in source.documents:
        rest, offset = "", 0
        for piece in document.pieces():
            *whole, rest = (rest + piece.text).split("\n")
            for line in whole:
                yield Piece(line, Origin(document.name, offset), begins=True)
                offset += len(line) + 1
        if rest:
            yield Piece(rest, Origin(document.name, offset), begins=True)


def nonempty_lines(source: TextSource) -> Iterator[Piece]:
    """The lines of a source that are not empty."""
    return (line for line in all_lines(source) if line.text)


def split_bounds(total: int, split: Sequence[float | int]) -> dict[str, tuple[int, int]]:
    """The contiguous ranges of `total` things by fraction; a split of fraction 0 is left out."""
    # A thousandth more, so that 0.9 + 0.05 + 0.05 is the end whatever binary fractions make of it.
    ends = np.cumsum([0.0, *split]) / sum(split)
    cuts = [min(total, int(total * end + 1e-3)) for end in ends]
    return {
        name: (cuts[n], cuts[n + 1])
        for n, (name, fraction) in enumerate(zip(SPLIT_NAMES, split, strict=True))
        if fraction > 0
    }


def split_characters(sources: dict[str, TextSource], split: Sequence[float | int]) -> dict[str, TextPart]:
    """The splits of running text: each ready source whole, or contiguous ranges of the only one."""
    if "all" not in sources:
        return {name: CharacterRange(source, 0, source.characters) for name, source in sources.items()}
    source = sources["all"]
    return {
        name: CharacterRange(source, *ends) for name, ends in split_bounds(source.characters, split).items()
    }


def split_lines(
    sources: dict[str, TextSource], split: Sequence[float | int], order: str = "contiguous", seed: int = 1
) -> dict[str, TextPart]:
    """The splits of lines: in their order (`contiguous`), or at random by the seed (`shuffled`)."""
    check_choice(SPLIT_ORDERS, **{"data.split_order": order})
    if "all" not in sources:
        return {name: LineSubset(source, None, {}) for name, source in sources.items()}
    source = sources["all"]
    count = sum(1 for _ in nonempty_lines(source))
    numbers = np.random.default_rng(seed).permutation(count) if order == "shuffled" else np.arange(count)
    parts: dict[str, TextPart] = {}
    for name, (start, stop) in split_bounds(count, split).items():
        members = np.zeros(count, dtype=bool)
        members[numbers[start:stop]] = True
        key = {"ends": [start, stop], "order": order} | ({"seed": seed} if order == "shuffled" else {})
        parts[name] = LineSubset(source, members, key)
    return parts
