"""CoNLL files: a line a token, columns between blanks or tabs, an empty line after each sentence."""

import re
from collections.abc import Sequence
from typing import Any

from throughtime.data.tagged.columns import SentenceLines, replace_tags, sentence_lines
from throughtime.data.tagged.entity_schemes import untyped_tag
from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags
from throughtime.data.text.source import Document
from throughtime.errors import UserError, check_choice

COLUMN_SEPARATORS = {"tab": re.compile("(\t)"), "blank": re.compile("([ \t]+)")}


class Conll(Format):
    """Two columns or more, of which one has the token and one the tag.

    A line that begins with `#` before a sentence's first token is a comment, unless it has as many columns as
    the tokens before it. Everything but the tag is written back as it came; a file without the tag's column
    gets it at the end of each line.

    Args:
        token_column, tag_column: counted from 1, or from the end with -1 for the last one.
        columns: how many a line has; None for as many as the file's first token has.
        separator: `tab`, `blank` (any number of blanks or tabs), or None: tabs where the first token has one.

    Raises:
        UserError: columns that cannot be.
    """

    def __init__(
        self,
        token_column: int = 1,
        tag_column: int = -1,
        columns: int | None = None,
        separator: str | None = None,
    ) -> None:
        if 0 in (token_column, tag_column) or token_column == tag_column:
            raise UserError(
                f"token_column={token_column} and tag_column={tag_column} must be two columns, counted from 1 "
                "(or from the end: -1 is the last)"
            )
        if separator is not None:
            check_choice(COLUMN_SEPARATORS, separator=separator)
        self.token_column = token_column
        self.tag_column = tag_column
        self.columns = columns
        self.separator = separator

    def state(self) -> dict[str, Any]:
        return {
            "token_column": self.token_column,
            "tag_column": self.tag_column,
            "columns": self.columns,
            "separator": self.separator,
        }

    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        lines = _Lines(document.name, self.separator, self.columns if tagged else None)
        found = sentence_lines(document, lines.is_token)
        needed = {"token_column": self.token_column}
        if tagged or self._has_tags(lines.columns or 0):
            needed["tag_column"] = self.tag_column
        sentences = [self._sentence(block, lines, needed) for block in found]
        _check_whole(sentences)
        return sentences

    def _sentence(self, block: SentenceLines, lines: "_Lines", needed: dict[str, int]) -> Sentence:
        columns: dict[str, list[str]] = {key: [] for key in needed}
        for row in block.rows:
            cells = lines.split(block.lines[row])[::2]
            if "tag_column" in needed and not self._has_tags(len(cells)):
                key, column = "tag_column", self.tag_column
                raise UserError(_missing(lines.name, block.number(row), len(cells), key, column))
            for key, column in needed.items():
                place = column - 1 if column > 0 else column
                if not -len(cells) <= place < len(cells) or not cells[place]:
                    raise UserError(_missing(lines.name, block.number(row), len(cells), key, column))
                columns[key].append(cells[place])
        return Sentence(
            tuple(columns["token_column"]),
            tuple(columns.get("tag_column", ())),
            lines.name,
            block.number(block.rows[0] if block.rows else 0),
            kept=block,
        )

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        return replace_tags(sentences, predictions, self._row)

    def _row(self, line: str, tag: str, probability: str | None) -> str:
        parts = COLUMN_SEPARATORS[self.separator or ("tab" if "\t" in line else "blank")].split(
            line.rstrip(" ")
        )
        joint = "\t" if "\t" in line or len(parts) == 1 else " "
        columns = (len(parts) + 1) // 2
        if self._has_tags(columns):
            parts[2 * (self._place(self.tag_column, columns) - 1)] = tag
        else:
            parts += [joint, tag]
        return "".join(parts if probability is None else [*parts, joint, probability])

    def _has_tags(self, columns: int) -> bool:
        """Whether lines of so many columns hold the tag; a last column that is the token's own does not."""
        tag = self._place(self.tag_column, columns)
        return 0 < tag <= columns and tag != self._place(self.token_column, columns)

    @staticmethod
    def _place(column: int, columns: int) -> int:
        return column if column > 0 else columns + 1 + column


class _Lines:
    """The splitter of lines into columns; the first token of a file fixes their number and separator."""

    def __init__(self, name: str, separator: str | None, columns: int | None) -> None:
        self.name = name
        self.separator = separator
        self.columns = columns

    def is_token(self, line: str, number: int, inside: bool) -> bool:
        if line.startswith("#") and not inside and not (self.columns and self._count(line) == self.columns):
            return False
        if self.separator is None:
            self.separator = "tab" if "\t" in line else "blank"
        self.columns = self.columns or self._count(line)
        if self._count(line) != self.columns:
            raise UserError(
                f"{self.name}, line {number} has {self._count(line)} columns where {self.columns} are expected; "
                "put each token on a whole line (is the file cut off here?), or set data.format.columns and "
                "data.format.separator"
            )
        return True

    def split(self, line: str) -> list[str]:
        """The columns of a line, with what separates them in between."""
        return COLUMN_SEPARATORS[self.separator or "blank"].split(line.rstrip(" "))

    def _count(self, line: str) -> int:
        return len(self.split(line)) // 2 + 1


def _missing(name: str, line: int, columns: int, key: str, column: int) -> str:
    what = "token" if key == "token_column" else "tag"
    return (
        f"{name}, line {line} has {columns} columns, where data.format.{key}={column} leads to no {what}; "
        "set it to the column that has one"
    )


def _check_whole(sentences: list[Sentence]) -> None:
    """Raise `UserError` at the first line whose entity tag was cut off."""
    lost = untyped_tag({tag for sentence in sentences for tag in sentence.tags})
    if lost is None:
        return
    sentence = next(sentence for sentence in sentences if lost in sentence.tags)
    row = sentence.kept.rows[sentence.tags.index(lost)]
    raise UserError(
        f"{sentence.name}, line {sentence.kept.number(row)} has the tag {lost!r} without the type of an entity, "
        "which all others have (is the file cut off here?)"
    )
