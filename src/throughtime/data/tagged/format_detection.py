"""Detection of a file's format by its name and its first lines."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from throughtime.data.tagged.conll import VARYING, Conll, is_boundary
from throughtime.data.tagged.conllu import CONLLU_COLUMNS, IN_MISC, ConllU
from throughtime.data.tagged.parallel import Parallel
from throughtime.data.tagged.plain_text import PlainText
from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.sentences import Format, lines_of
from throughtime.data.text.source import Document
from throughtime.errors import check_choice

FILE_FORMATS: dict[str, type[Format]] = {
    kind.__name__: kind for kind in (Conll, ConllU, Parallel, PythonRoles, PlainText)
}
FORMAT_NAMES: dict[str, type[Format]] = {
    "conll": Conll,
    "conllu": ConllU,
    "parallel": Parallel,
    "python": PythonRoles,
    "text": PlainText,
}
"""The names of the formats on the command line."""

PLACEHOLDERS = frozenset({"", "_", "-", "*", "?"})
"""Cells of a tag's column that holds no tags yet."""

HALF, MOST = 0.5, 0.9
"""The share of tags by which a column is the model's: where the file has as many columns as in training, or others."""

LOOKED_AT = 50
"""Lines by which columns are distinguished from running text."""


def format_from_state(state: dict[str, Any]) -> Format:
    """The inverse of `{"name": ..., **format.state()}`."""
    arguments = {key: value for key, value in state.items() if key != "name"}
    return FILE_FORMATS[state["name"]](**arguments)


def recognise_format(
    document: Document, trained: Format, is_tag: Callable[[str], bool] = lambda text: False
) -> Format:
    """The format of a file to be tagged, guessed from its name and its first lines.

    A file that ends in `.py` is Python; ten columns between tabs are CoNLL-U, other columns CoNLL; lines of a
    token each are CoNLL without tags; a name that the trained format of parallel files fits is one of those;
    everything else is plain text. Columns between blanks are columns only where the last ones look like tags.

    Args:
        document: the file.
        trained: the format of training, whose settings hold where the file is of the same.
        is_tag: whether a text is a tag of the model. Only a column of such texts, or of placeholders, is replaced.
    """
    if document.path is not None and document.path.suffix in (".py", ".pyi"):
        return trained if isinstance(trained, PythonRoles) else PythonRoles()
    if isinstance(trained, Parallel) and document.path is not None and trained.fits(document.path.name):
        return trained
    lines = _first_lines(document)
    # The most frequent number of tabs, not that of every line: one that lacks some is malformed, and no plain text.
    tabs = Counter(line.count("\t") for line in lines).most_common(1)[0][0] if lines else 0
    if tabs == len(CONLLU_COLUMNS) - 1 and _has_ids(lines):
        return _conllu(lines, trained, is_tag)
    rows = [_cells(line, bool(tabs)) for line in lines]
    widths = {tabs + 1} if tabs else {len(row) for row in rows}
    varying = len(widths) > 1 and isinstance(trained, Conll) and trained.columns == VARYING
    # Sentences may all have two words by chance, but hardly three of them.
    if not varying and not (len(widths) == 1 and (tabs or widths == {1} or len(lines) >= 3)):
        return PlainText()
    format = _conll(rows, trained, is_tag)
    appended = min(widths) > 1 and not format.has_tags(min(widths))
    if not tabs and appended and not _look_like_tags(rows, format.token_column):
        return PlainText()
    return format


def named_format(
    name: str, document: Document, trained: Format, is_tag: Callable[[str], bool] = lambda text: False
) -> Format:
    """The format of a file whose user says what it is, by a name of `FORMAT_NAMES`."""
    check_choice(FORMAT_NAMES, format=name)
    kind = FORMAT_NAMES[name]
    if kind is Conll:
        lines = _first_lines(document)
        tabs = bool(lines) and "\t" in lines[0]
        return _conll([_cells(line, tabs) for line in lines], trained, is_tag)
    if kind is ConllU:
        return _conllu(_first_lines(document), trained, is_tag)
    return trained if isinstance(trained, kind) else kind()


def _first_lines(document: Document) -> list[str]:
    """The first lines that are neither empty nor comments; comments where there is nothing else."""
    every = [line for line in lines_of(document) if line.strip() and not is_boundary(line)]
    lines = [line for line in every if not line.startswith("#")]
    return list(islice(lines or every, LOOKED_AT))


def _cells(line: str, tabs: bool) -> list[str]:
    return line.rstrip(" ").split("\t") if tabs else line.split()


def _has_ids(lines: Sequence[str]) -> bool:
    """Whether most lines begin with the number of a word, as in CoNLL-U."""
    return 2 * sum(re.match(r"\d+([-.]\d+)?\t", line) is not None for line in lines) > len(lines)


def _conllu(lines: Sequence[str], trained: Format, is_tag: Callable[[str], bool]) -> Format:
    """CoNLL-U with the field of training; that of a model of other tags is a key in MISC unless UPOS is empty."""
    if isinstance(trained, ConllU):
        return trained
    place = CONLLU_COLUMNS.index("UPOS")
    cells = [row[place] for row in (line.split("\t") for line in lines) if len(row) == len(CONLLU_COLUMNS)]
    return ConllU() if _are_tags(cells, is_tag, MOST) else ConllU(f"{IN_MISC}Tag")


def _conll(rows: Sequence[Sequence[str]], trained: Format, is_tag: Callable[[str], bool]) -> Conll:
    """CoNLL with the columns of training where the file has them; else the tag's column is a new last one."""
    columns = Counter(map(len, rows)).most_common(1)[0][0] if rows else 1
    fits = isinstance(trained, Conll) and abs(trained.token_column) <= columns
    format = trained if fits else Conll()
    if not format.has_tags(columns):
        return format
    tags = [row[format.place(format.tag_column, len(row)) - 1] for row in rows if format.has_tags(len(row))]
    same = format.columns in (columns, VARYING)
    if _are_tags(tags, is_tag, HALF if same else MOST):
        return format
    last = max(map(len, rows)) + 1
    return Conll(format.token_column, last, separator=format.separator, comment=format.comment)


def _are_tags(texts: Sequence[str], is_tag: Callable[[str], bool], share: float) -> bool:
    known = sum(text in PLACEHOLDERS or is_tag(text) for text in texts)
    return known >= share * len(texts)


def _look_like_tags(rows: Sequence[Sequence[str]], token_column: int) -> bool:
    """Whether most texts of every column but the token's are in ASCII and without small letters."""
    token = token_column - 1 if token_column > 0 else token_column
    others = [[*row[:token], *row[token:][1:]] for row in rows]
    return all(
        2 * sum(re.fullmatch("[!-`{-~]+", text) is not None for text in column) > len(rows)
        for column in zip(*others, strict=False)
    )
