"""CoNLL files: a line a token, columns between blanks or tabs, an empty line after each sentence."""

import re
from collections.abc import Sequence
from typing import Any

from throughtime.data.tagged.columns import SentenceLines, replace_tags, sentence_lines
from throughtime.data.tagged.entity_schemes import untyped_tag
from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags, lines_of
from throughtime.data.text.source import Document
from throughtime.errors import UserError, check_choice

COLUMN_SEPARATORS = {"tab": re.compile("(\t)"), "blank": re.compile("([ \t]+)")}
VARYING = "varying"
AUTO = "auto"
DOCUMENT = "-DOCSTART-"
"""The first column of a line that begins a document in the files of CoNLL-2002 and CoNLL-2003."""

_MARK = re.compile(r"#(begin|end) document\b")
"""The first and the last line of a document in the files of CoNLL-2011 and CoNLL-2012."""

_LEAST_VARYING = 12
"""The columns of CoNLL-2012 without any predicate: each predicate of a sentence adds one to them."""


class Conll(Format):
    """Two columns or more, of which one has the token and one the tag.

    Lines that begin a document (`-DOCSTART-`) and the marks of CoNLL-2012 (`#begin document`) are no tokens.
    With `comment=auto` a line that begins with `#` before a sentence's first token is a comment, unless it has as
    many columns as the tokens and its tag is one that other lines have, or it is a hashtag (`#word TAG`).
    Everything but the tag is written back as it came; a file without the tag's column gets it at the end of each
    line.

    Args:
        token_column, tag_column: counted from 1, or from the end with -1 for the last one.
        columns: how many a line has; `varying` where each sentence has its own number; None for as many as the
            file's first token has, or varying in files like those of CoNLL-2012.
        separator: `tab`, `blank` (any number of blanks or tabs), or None: tabs where the first token has one.
        comment: `auto`, or what comments begin with, such as `# ` or `%`, or None for no comments.

    Raises:
        UserError: columns that cannot be.
    """

    def __init__(
        self,
        token_column: int = 1,
        tag_column: int = -1,
        columns: int | str | None = None,
        separator: str | None = None,
        comment: str | None = AUTO,
    ) -> None:
        if 0 in (token_column, tag_column) or token_column == tag_column:
            raise UserError(
                f"token_column={token_column} and tag_column={tag_column} must be two columns, counted from 1 "
                "(or from the end: -1 is the last)"
            )
        if separator is not None:
            check_choice(COLUMN_SEPARATORS, separator=separator)
        if columns is not None and columns != VARYING and not (isinstance(columns, int) and columns > 0):
            raise UserError(f"columns={columns} must be a number above 0, {VARYING} or null")
        if comment == "":
            raise UserError("comment= is empty; give what comments begin with, auto, or null for no comments")
        self.token_column = token_column
        self.tag_column = tag_column
        self.columns = columns
        self.separator = separator
        self.comment = comment
        self._found: set[int | str] = set()

    def state(self) -> dict[str, Any]:
        """The arguments, with the number of columns where all files that were read with tags have the same."""
        known = next(iter(self._found)) if len(self._found) == 1 else None
        return {
            "token_column": self.token_column,
            "tag_column": self.tag_column,
            "columns": known if self.columns is None else self.columns,
            "separator": self.separator,
            "comment": self.comment,
        }

    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        lines = _Lines(document, self, self.columns if tagged else None)
        found = sentence_lines(document, lines.is_token, is_boundary)
        needed = {"token_column": self.token_column}
        if tagged or (lines.columns and self.has_tags(lines.columns)):
            needed["tag_column"] = self.tag_column
        sentences = [self._sentence(block, lines, needed) for block in found]
        _check_whole(sentences)
        if tagged:
            self._found |= {VARYING} if lines.varying else {lines.columns} - {None}
        return sentences

    def remarks(self, sentences: Sequence[Sentence]) -> list[str]:
        comments, documents = [], 0
        for sentence in sentences:
            rows = set(sentence.kept.rows)
            for row, line in enumerate(sentence.kept.lines):
                if row in rows or not line.strip():
                    continue
                documents += is_boundary(line)
                comments += [] if is_boundary(line) else [line]
        said = [f"{len(comments):,} comment lines such as {comments[0][:40]!r}"] if comments else []
        return said + ([f"{documents:,} lines between documents"] if documents else [])

    def _sentence(self, block: SentenceLines, lines: "_Lines", needed: dict[str, int]) -> Sentence:
        columns: dict[str, list[str]] = {key: [] for key in needed}
        for row in block.rows:
            cells = lines.split(block.lines[row])[::2]
            if "tag_column" in needed and not self.has_tags(len(cells)):
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

    def describe(self, document: Document) -> str:
        """The columns of the token and of the tag in a file that is to be tagged, in words."""
        columns = _Lines(document, self, None).columns or 1
        token, tag = self.place(self.token_column, columns), self.place(self.tag_column, columns)
        tags = f"tags replace column {tag}" if self.has_tags(columns) else "tags are a new last column"
        return f"columns (CoNLL) with the token in column {token}; {tags}"

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        return replace_tags(sentences, predictions, self._row)

    def _row(self, line: str, tag: str, probability: str | None) -> str:
        text = line.rstrip(" ")
        parts = COLUMN_SEPARATORS[self.separator or ("tab" if "\t" in line else "blank")].split(text)
        joint = "\t" if "\t" in line or len(parts) == 1 else " "
        columns = (len(parts) + 1) // 2
        if self.has_tags(columns):
            parts[2 * (self.place(self.tag_column, columns) - 1)] = tag
        else:
            parts += [joint, tag]
        return "".join(parts if probability is None else [*parts, joint, probability]) + line[len(text) :]

    def has_tags(self, columns: int) -> bool:
        """Whether lines of so many columns hold the tag; a last column that is the token's own does not."""
        tag = self.place(self.tag_column, columns)
        return 0 < tag <= columns and tag != self.place(self.token_column, columns)

    @staticmethod
    def place(column: int, columns: int) -> int:
        """A column as counted from 1 in lines of so many columns; below 1 or above them where there is none."""
        return column if column > 0 else columns + 1 + column


def is_boundary(line: str) -> bool:
    """Whether a line begins or ends a document and is no token."""
    return _MARK.match(line) is not None or any(cell.startswith(DOCUMENT) for cell in line.split())


class _Lines:
    """The splitter of a file's lines into columns, and the rule that distinguishes comments from tokens.

    Args:
        document: the file; its first token fixes the separator and the number of columns.
        format: the settings.
        columns: the number of columns, `varying`, or None for that of the file.

    Attributes:
        columns: of every token; those of the first one where they vary; None in a file without tokens.
        varying: whether each sentence has its own number.
    """

    def __init__(self, document: Document, format: Conll, columns: int | str | None) -> None:
        self.name = document.name
        self._comment = format.comment
        every = lines_of(document)
        lines = [line for line in every if not is_boundary(line)]
        marks = any(map(_MARK.match, every))
        tokens = [line for line in lines if line.strip() and not self._may_be_comment(line)]
        tokens = tokens or [line for line in lines if re.match(r"#[^\s#]", line)]
        self.separator = format.separator or ("tab" if tokens and "\t" in tokens[0] else "blank")
        counts = {self._count(line) for line in tokens}
        self.varying = columns == VARYING or (
            columns is None and len(counts) > 1 and (marks or min(counts) >= _LEAST_VARYING)
        )
        first = self._count(tokens[0]) if tokens else None
        self.columns: int | None = columns if isinstance(columns, int) else first
        self._expected = self.columns
        self._tokens_with_mark = self._hashtags(lines, format) if self._comment == AUTO else set()

    def is_token(self, line: str, number: int, inside: bool) -> bool:
        if self._comment == AUTO:
            if line.startswith("#") and not inside and line not in self._tokens_with_mark:
                return False
        elif self._may_be_comment(line):
            return False
        count = self._count(line)
        if self.varying and not inside:
            self._expected = count
        if count != self._expected:
            comment = " (data.format.comment says which lines are comments)" if line.startswith("#") else ""
            raise UserError(
                f"{self.name}, line {number} has {count} columns where {self._expected} are expected; "
                "put each token on a whole line (is the file cut off here?), or set data.format.columns and "
                f"data.format.separator{comment}"
            )
        return True

    def split(self, line: str) -> list[str]:
        """The columns of a line, with what separates them in between."""
        return COLUMN_SEPARATORS[self.separator].split(line.rstrip(" "))

    def _may_be_comment(self, line: str) -> bool:
        prefix = "#" if self._comment == AUTO else self._comment
        return prefix is not None and line.startswith(prefix)

    def _count(self, line: str) -> int:
        return len(self.split(line)) // 2 + 1

    def _hashtags(self, lines: Sequence[str], format: Conll) -> set[str]:
        """The lines with `#` before their sentence's first token that are tokens themselves.

        Such a line has as many columns as the tokens after it. It is one where its tag is found on other lines;
        with a new tag where it is a hashtag, unless the tag is a number or the same hashtag has several new ones
        (`#doc 12`). `# word` with a new tag is a comment.
        """
        open_lines: list[str] = []
        tags: set[str] = set()
        inside = False
        following = self.columns
        for line in reversed(lines):  # so that the columns of the next token are known
            if line.strip() and not line.startswith("#"):
                following = self._count(line)
            elif line.startswith("#") and self._count(line) == (following if self.varying else self.columns):
                open_lines.append(line)
        candidates = set(open_lines)
        at_start: set[str] = set()
        for line in lines:
            if not line.strip():
                inside = False
            elif line.startswith("#") and not inside:
                at_start |= {line} & candidates
            else:
                inside = True
                tags |= {self._tag(line, format)} - {None}
        new: dict[str, set[str]] = {}
        for line in at_start:
            tag = self._tag(line, format)
            if tag is not None and tag not in tags:
                new.setdefault(self.split(line)[0], set()).add(tag)
        return {line for line in at_start if self._is_hashtag(line, self._tag(line, format), tags, new)}

    def _is_hashtag(self, line: str, tag: str | None, tags: set[str], new: dict[str, set[str]]) -> bool:
        first = self.split(line)[0]
        if tag in tags or self._count(line) == 1:
            return True
        if not first.strip("#"):
            return False
        return tag is None or not (tag.isdigit() or len(new[first]) > 1)

    def _tag(self, line: str, format: Conll) -> str | None:
        cells = self.split(line)[::2]
        place = format.place(format.tag_column, len(cells))
        return cells[place - 1] if 0 < place <= len(cells) else None


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
