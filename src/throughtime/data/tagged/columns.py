"""Column files, with a token on each line and an empty line after each sentence: the base of CoNLL and CoNLL-U."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from throughtime.data.tagged.sentences import Sentence, SentenceTags, lines_of
from throughtime.data.text.source import Document


class SentenceLines(NamedTuple):
    """The lines of one sentence, up to those of the next, unchanged.

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


def sentence_lines(
    document: Document,
    is_token: Callable[[str, int, bool], bool],
    is_boundary: Callable[[str], bool] = lambda line: False,
) -> list[SentenceLines]:
    """The sentences of a file; together their lines are all of its lines.

    Args:
        document: the file.
        is_token: called with a line that is not empty, its number, and whether its sentence already has a token;
            returns whether the line is a token (a comment is none).
        is_boundary: called with a line that is not empty; returns whether it is no token and ends the sentence
            before it, with or without an empty line between them.
    """
    found: list[SentenceLines] = []
    lines: list[str] = []
    rows: list[int] = []
    ended = False
    for number, line in enumerate(lines_of(document), 1):
        boundary = bool(line.strip()) and is_boundary(line)
        if line.strip() and (ended or (boundary and rows)):
            found.append(SentenceLines(tuple(lines), tuple(rows), number - len(lines)))
            lines, rows, ended = [], [], False
        if not line.strip():
            ended = bool(rows)
        elif not boundary and is_token(line, number, bool(rows)):
            rows.append(len(lines))
        lines.append(line)
    total = sum(len(block.lines) for block in found)
    return [*found, SentenceLines(tuple(lines), tuple(rows), total + 1)]


def replace_tags(
    sentences: Sequence[Sentence],
    predictions: Sequence[SentenceTags],
    row: Callable[[str, str, str | None], str],
) -> str:
    """The text of the file with each token's line replaced by `row(line, tag, probability)`."""
    lines: list[str] = []
    for sentence, prediction in zip(sentences, predictions, strict=True):
        block: SentenceLines = sentence.kept
        changed = list(block.lines)
        probabilities = list(prediction.probability_texts()) or [None] * len(prediction.tags)
        for place, tag, probability in zip(block.rows, prediction.tags, probabilities, strict=True):
            changed[place] = row(changed[place], tag, probability)
        lines += changed
    return "\n".join(lines)
