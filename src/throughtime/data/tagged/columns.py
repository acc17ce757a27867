"""Files in which a line is a token and an empty line ends a sentence: what CoNLL and CoNLL-U have in common."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from throughtime.data.tagged.sentences import Sentence, Tagged, lines_of
from throughtime.data.text.source import Document


class Block(NamedTuple):
    """The lines of one sentence, up to those of the next, as they stand in the file.

    Attributes:
        lines: comments, tokens and empty lines.
        rows: which of them are tokens.
        first: the number of the first line in the file, from 1.
    """

    lines: tuple[str, ...]
    rows: tuple[int, ...]
    first: int

    def number(self, row: int) -> int:
        """The number of a line in the file."""
        return self.first + row


def blocks(document: Document, is_token: Callable[[str, int, bool], bool]) -> list[Block]:
    """The sentences of a file; together their lines are all of its lines.

    Args:
        document: the file.
        is_token: told a line that is not empty, its number and whether a token of its sentence stands before
            it, whether it is a token itself; a comment is none.
    """
    found: list[Block] = []
    lines: list[str] = []
    rows: list[int] = []
    ended = False
    for number, line in enumerate(lines_of(document), 1):
        if line.strip() and ended:
            found.append(Block(tuple(lines), tuple(rows), number - len(lines)))
            lines, rows, ended = [], [], False
        if not line.strip():
            ended = bool(rows)
        elif is_token(line, number, bool(rows)):
            rows.append(len(lines))
        lines.append(line)
    total = sum(len(block.lines) for block in found)
    return [*found, Block(tuple(lines), tuple(rows), total + 1)]


def written(
    sentences: Sequence[Sentence], answers: Sequence[Tagged], row: Callable[[str, str, str | None], str]
) -> str:
    """The text of the file again, each token's line made anew by `row(line, tag, probability)`."""
    lines: list[str] = []
    for sentence, answer in zip(sentences, answers, strict=True):
        block: Block = sentence.kept
        changed = list(block.lines)
        shares = list(answer.shares()) or [None] * len(answer.tags)
        for place, tag, share in zip(block.rows, answer.tags, shares, strict=True):
            changed[place] = row(changed[place], tag, share)
        lines += changed
    return "\n".join(lines)
